"""What the errors of obstore and of S3 servers mean.

obstore's errors are text around the server's answer. Only its status and its code are taken out of that text:
the rest may hold addresses and key names that do not belong in a message.
"""

import re
from dataclasses import dataclass

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from oberih.errors import StoreError
from oberih.i18n import say

__all__ = ["ERRORS", "Answer", "answer", "code_of"]

ERRORS = (BaseError, FileNotFoundError, ValueError)  # what obstore raises

STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>(\w+)</Code>")
WRONG_KEYS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "InvalidSecurity",
)
WRONG_TIME = ("RequestTimeTooSkewed", "RequestExpired")
FULL = ("InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded")
BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
TIMED_OUT = ("TimedOut", "operation timed out", "kind: Timeout")


@dataclass(frozen=True)
class Answer:
    """How a request ended. ``status`` is 0 if no answer came."""

    kind: str  # "there", "changed", "missing", "refused", "failed"
    status: int
    code: str
    timed_out: bool = False

    @property
    def again(self) -> bool:
        """It may work the next time, and nobody knows whether it did this time."""
        return self.kind == "failed" and not self.full and (self.status == 0 or self.status in BUSY)

    @property
    def full(self) -> bool:
        return self.status == 507 or self.code in FULL

    @property
    def missing(self) -> bool:
        """There is no such key; but the bucket is there, and it is an S3 server that says so."""
        return self.kind == "missing" and self.code == "NoSuchKey"

    @property
    def read_only(self) -> bool:
        """The keys are right, but may not do this."""
        return self.kind == "refused" and self.code not in WRONG_KEYS + WRONG_TIME

    def explained(self, url: str, key: str = "") -> StoreError:
        """The error for a person who works with the store at ``url``."""
        what = self.code or (str(self.status) if self.status else "")
        if self.code in WRONG_KEYS:
            return StoreError(
                say("{url} does not accept the access key and secret key ({code}).", url=url, code=what),
                "Check both keys; new ones are made by whoever runs the storage.",
            )
        if self.code in WRONG_TIME:
            return StoreError(
                say("The clock of this computer is wrong by the clock of {url}.", url=url),
                "Set the clock of this computer, best by NTP, and try again.",
            )
        if self.code == "NoSuchBucket":
            return StoreError(
                say("There is no such bucket: {url}", url=url),
                "Check its name and the endpoint, or have it made.",
            )
        if self.full:
            return StoreError(
                say("There is no room left in {url} ({code}).", url=url, code=what),
                "Free some room or ask for a larger quota. What was stored before is whole.",
            )
        if self.kind == "refused":
            return StoreError(
                say(
                    "{url} does not let this access key do this: {where} ({code})",
                    url=url,
                    where=key,
                    code=what,
                ),
                "The key needs permission to list, to read and, unless the store is only read, to write.",
            )
        if self.timed_out:
            return StoreError(
                say("{url} took too long to answer.", url=url),
                "Check the connection, and try again later. What was stored before is whole.",
            )
        if self.status == 0 or self.kind == "missing":
            return StoreError(
                say("{url} cannot be reached as an S3 server.", url=url),
                "Check the network, the endpoint's address and port, and that the server runs.",
            )
        return StoreError(
            say("{url} cannot do this: {where} ({code})", url=url, where=key, code=what),
            "Look for this code in the documentation of the storage, or try again later.",
        )


def code_of(text: str) -> str:
    """The code in a server's answer."""
    code = CODE.search(text)
    return code[1] if code else ""


def answer(error: Exception) -> Answer:
    """What an error of obstore says."""
    text = str(error)
    status = STATUS.search(text)
    kind = "failed"
    if isinstance(error, AlreadyExistsError):
        kind = "there"
    elif isinstance(error, PreconditionError):
        kind = "changed"
    elif isinstance(error, FileNotFoundError):
        kind = "missing"
    elif isinstance(error, PermissionDeniedError | UnauthenticatedError):
        kind = "refused"
    return Answer(
        kind,
        int(status[1]) if status else 0,
        code_of(text),
        any(sign in text for sign in TIMED_OUT),
    )
