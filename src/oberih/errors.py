"""Everything that can go wrong, by name.

Every error says in its message what is wrong and in ``advice`` what the person can do next; a face
(command line, web) shows the two and leaves with ``exit_code``. Nothing else is raised on purpose.

    OberihError                1  something this program knows about went wrong
    ├── InputError             2  what was given cannot be used as asked
    │   ├── NoPhotos           3  fewer than two photos that can be read
    │   ├── UnusablePhotos     4  photos are there, but too blurred, too small, all the same, ...
    │   ├── UnreadablePhoto    5  one file is not a photo, or is damaged, or is too large
    │   └── UnreadableModel   15  a 3D file is damaged, is not of its format, or asks for too much
    ├── NoOverlap              6  the photos do not show the same thing from different places
    ├── NoSurface              7  cameras were found, but no surface could be measured
    ├── OutputError            8  the result cannot be written (permission, disk full)
    ├── StageFailed            9  a child process died or a stage broke; the work so far is kept
    ├── StoreError            10  a store cannot be reached, refuses, or is full
    ├── Conflict              11  somebody else changed the same object first; nothing was lost
    ├── NotInArchive          12  no object, store, person or archive of that name
    ├── Damaged               13  bytes are not what was deposited, and no good copy is left
    ├── KeyNeeded             14  it is encrypted, and the key that was given does not open it
    └── Cancelled            130  stopped on request; the work so far is kept
"""

__all__ = [
    "Cancelled",
    "Conflict",
    "Damaged",
    "InputError",
    "KeyNeeded",
    "NoOverlap",
    "NoPhotos",
    "NoSurface",
    "NotInArchive",
    "OberihError",
    "OutputError",
    "StageFailed",
    "StoreError",
    "UnreadableModel",
    "UnreadablePhoto",
    "UnusablePhotos",
]


class OberihError(Exception):
    """Base of all errors: ``message`` says what is wrong, ``advice`` what to do next."""

    exit_code = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class InputError(OberihError):
    exit_code = 2


class NoPhotos(InputError):
    exit_code = 3


class UnusablePhotos(InputError):
    exit_code = 4


class UnreadablePhoto(InputError):
    exit_code = 5


class UnreadableModel(InputError):
    exit_code = 15


class NoOverlap(OberihError):
    exit_code = 6


class NoSurface(OberihError):
    exit_code = 7


class OutputError(OberihError):
    exit_code = 8


class StageFailed(OberihError):
    exit_code = 9


class StoreError(OberihError):
    exit_code = 10


class Conflict(OberihError):
    exit_code = 11


class NotInArchive(OberihError):
    exit_code = 12


class Damaged(OberihError):
    exit_code = 13


class KeyNeeded(OberihError):
    exit_code = 14


class Cancelled(OberihError):
    exit_code = 130
