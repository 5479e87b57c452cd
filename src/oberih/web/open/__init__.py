"""The public side: what everybody may see, served by a process that can open nothing else (`__main__`)."""

__all__: list[str] = []
