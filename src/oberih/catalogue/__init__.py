"""Records, rights, search, people: an index of the archive that can be made again from it.

The private side: `database`, `tables`, the `ledger` that every change goes into and that `rebuild` replays,
`accounts` and `access`. What the public may know is a store of its own: `public`. Nothing is imported here,
so that the public process loads nothing of the rest.
"""

__all__: list[str] = []
