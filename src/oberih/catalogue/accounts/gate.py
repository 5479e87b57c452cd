"""What the functions of this room are given: the service's key and settings, and who stands at the door."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from oberih.catalogue.accounts.keys import Key
from oberih.settings import ServiceSettings

__all__ = ["Gate", "Visit"]


@dataclass(frozen=True)
class Gate:
    """The service as people reach it. ``url``: its address, such as https://heritage.example."""

    key: Key
    settings: ServiceSettings
    url: str
    title: str = "Oberih"

    @property
    def origin(self) -> str:
        """As browsers write it (RFC 6454)."""
        parts = urlsplit(self.url)
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        return f"{parts.scheme}://{self.host}{port}"

    @property
    def host(self) -> str:
        """The name that passkeys are made for (WebAuthn's RP ID)."""
        return (urlsplit(self.url).hostname or "localhost").encode("idna").decode()


@dataclass(frozen=True)
class Visit:
    """One request. ``device``: the cookie of `Opened.device`, if the browser has it."""

    address: str = ""  # of the network, as far as trusted proxies tell
    browser: str = ""  # "Firefox on Android"
    device: str = ""
