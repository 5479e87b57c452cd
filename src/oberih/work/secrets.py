"""What a service must keep to itself: made at its first start, or given by the environment."""

import base64
import hashlib
import os
import secrets
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from oberih.archive.crypt import new_identity, recipient_of_identity
from oberih.errors import InputError
from oberih.i18n import say
from oberih.settings import ServiceSettings

__all__ = ["SECRETS", "Secrets", "keep_secrets", "refuse_weak"]

SECRETS = "secrets.toml"
SHORTEST = 32  # letters of a key that somebody gives
GUESSED = ("change", "secret", "password", "example", "default", "12345", "minioadmin", "test")


@dataclass(frozen=True)
class Secrets:
    """``identity``: the age key with which the service opens what it sealed. It is one of the custodians."""

    key: str = field(repr=False)
    identity: str = field(repr=False)

    @property
    def recipient(self) -> str:
        return recipient_of_identity(self.identity)

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose, which tell nothing of those for another."""
        return hashlib.blake2b(
            purpose.encode(), key=hashlib.sha512(self.key.encode()).digest(), digest_size=32
        ).digest()


def keep_secrets(folder: Path, settings: ServiceSettings) -> Secrets:
    """The secrets of the service whose private folder is ``folder``; made, once, if there are none.

    Raises `InputError` if they cannot be read, or are given and too weak.
    """
    refuse_weak(settings)
    path = folder / SECRETS
    if not path.exists():
        draft = folder / f".{SECRETS}.{os.getpid()}"
        made = {
            "key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "identity": new_identity()[0],
        }
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            tomli_w.dump(made, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # of two that start at the same time, one makes them
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        kept = Secrets(str(found["key"]), str(found["identity"]))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise InputError(
            say("{path} cannot be read.", path=path),
            "Restore it from a backup. Without it, what was sealed for the service cannot be opened.",
        ) from error
    key, identity = settings.secret_key, settings.identity
    return Secrets(
        key.get_secret_value() if key else kept.key,
        identity.get_secret_value() if identity else kept.identity,
    )


def refuse_weak(settings: ServiceSettings) -> None:
    """Raise `InputError` for secrets that somebody copied from an example, but in development."""
    if settings.development:
        return
    given = {
        **{name: key.get_secret_value() for name in KEYS if (key := getattr(settings, name)) is not None},
        **{name: password_of(getattr(settings, name)) for name in DATABASES},
    }
    for name, value in given.items():
        weak = value is not None and any(word in value.lower() for word in GUESSED)
        if weak or (name == "secret_key" and value is not None and len(value) < SHORTEST):
            raise InputError(
                say("The setting {name} is a secret that anybody could guess.", name=name),
                "Give a random one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )


KEYS = ("secret_key", "files_secret_key", "public_files_secret_key")
DATABASES = ("database_url", "public_database_url", "work_database_url")


def password_of(url: str) -> str | None:
    from urllib.parse import urlsplit

    parts = urlsplit(url) if url else None
    if parts is None or parts.password is None:
        return None
    return "password" if parts.password == parts.username else parts.password
