"""What is arriving: contributions of many files over bad lines, kept in plain files until they are deposited.

Nothing is kept in memory: the size of a data file *is* how much of it has arrived, and a small manifest says
the rest. So a stop at any moment loses nothing that was acknowledged, and several web processes of one
machine serve the same folder without talking to each other.

    FOLDER/<account>/                 only this account's requests ever look in here
        lock                          held while a manifest of the account changes
        <contribution>/
            manifest.json             what was offered; its time stamp is that of the last byte
            <file>                    bytes, appended in order, each at exactly its place
            <file>.sha256             once the file is whole
            receipt.json              once the contribution is finished
            deposited                 once it is in the archive, and copies of it are missing
"""

from oberih.work.arrivals.finishing import lay_out
from oberih.work.arrivals.names import Names, safe_name
from oberih.work.arrivals.records import (
    ArrivingFile,
    Contribution,
    Limits,
    Offered,
    Receipt,
    Received,
    ReceivedFile,
    Refused,
    Uploader,
    Why,
)
from oberih.work.arrivals.refusals import too_many
from oberih.work.arrivals.store import Arrivals
from oberih.work.arrivals.taking import ALGORITHMS, Checksum, Spool, Taking

__all__ = [
    "ALGORITHMS",
    "Arrivals",
    "ArrivingFile",
    "Checksum",
    "Contribution",
    "Limits",
    "Names",
    "Offered",
    "Receipt",
    "Received",
    "ReceivedFile",
    "Refused",
    "Spool",
    "Taking",
    "Uploader",
    "Why",
    "lay_out",
    "safe_name",
    "too_many",
]
