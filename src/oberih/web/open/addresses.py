"""Where everything is, as others write it down: absolute addresses, all made here.

``address`` is the service's own origin (``https://heritage.example``), which it knows from its settings:
never from what somebody asks with.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "DATA",
    "DataName",
    "House",
    "api_of",
    "data_of",
    "embed_of",
    "file_of",
    "host_of",
    "identifier_of",
    "page_of",
    "persistent",
    "tail",
]

API = "/api/v1"

DataName = Literal[
    "schema.jsonld", "edm.rdf", "lido.xml", "dc.xml", "citation.bib", "citation.ris", "citation.txt",
    "iiif.json", "iiif4.json",
]  # fmt: skip
DATA = "/data"


@dataclass(frozen=True)
class House:
    """The service as it tells of itself. ``name``: of the institution, if it gave one."""

    address: str
    name: str = ""
    contact: str = ""  # e-mail address
    language: str = "en"  # main one, in which its name is

    @property
    def called(self) -> str:
        """Its name, or else its host: who publishes what is public here."""
        return self.name or host_of(self.address)

    @property
    def archive(self) -> str:
        """What the archive is called where it stands beside others."""
        return f"Oberih, {self.called}"


def identifier_of(naan: str, name: str) -> str:
    """The ARK that an address holds in two parts."""
    return f"ark:/{naan}/{name}"


def tail(identifier: str) -> str:
    """An ARK as our addresses have it: ``99999/b1gk8t2n5x7wq3mz``."""
    return identifier.removeprefix("ark:/")


def persistent(address: str, identifier: str) -> str:
    """The address to cite: it leads to the page, or to data, and stays whatever pages there will be."""
    return f"{address}/{identifier}"


def page_of(address: str, identifier: str) -> str:
    return f"{address}/records/{tail(identifier)}"


def api_of(address: str, identifier: str) -> str:
    return f"{address}{API}/records/{tail(identifier)}"


def data_of(address: str, identifier: str, name: DataName) -> str:
    """The record in another standard."""
    return f"{address}{DATA}/{tail(identifier)}/{name}"


def embed_of(address: str, identifier: str) -> str:
    return f"{address}/embed/{tail(identifier)}"


def file_of(address: str, path: str) -> str:
    return f"{address}/files/{path}"


def host_of(address: str) -> str:
    """``heritage.example``: what a service is called that has no other name."""
    return urlsplit(address).hostname or "localhost"
