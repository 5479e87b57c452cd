"""The process in which pycolmap runs: ``python -m oberih.reconstruct._colmap_child JOB.json``.

Nothing else imports pycolmap. A job is ``{"task": "features" | "solve", ...}``; see the two modules for
what they take and give, and ``_child`` for how they talk.
"""

from oberih.reconstruct._child import Message, answer
from oberih.reconstruct._features import extract
from oberih.reconstruct._mapping import solve

TASKS = {"features": extract, "solve": solve}

if __name__ == "__main__":

    def work(job: Message, tell: object) -> Message:
        return TASKS[job["task"]](job, tell)  # type: ignore[arg-type]

    answer(work)
