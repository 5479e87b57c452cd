"""OAI-PMH 2.0 (http://www.openarchives.org/OAI/openarchivesprotocol.html), by which libraries and aggregators
keep a copy of all records: six verbs, days, sets, deletions, and lists that go on for as long as it takes.

A resumption token says where its list goes on and what it is a list of, sealed by us: nothing is kept of who
harvests, and a token is good for ever.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request, Response

from oberih.catalogue.public import (
    BEGINNING,
    Change,
    Projection,
    Wanted,
    change_of,
    changed,
    continuation,
    continued,
    extent,
    groups,
    number_of_changes,
)
from oberih.catalogue.public.records import FORBIDDEN
from oberih.web.open.addresses import House, host_of
from oberih.web.open.answers import ORIGINS
from oberih.web.open.data.mapping import as_dublin_core, as_edm, as_lido

__all__ = ["OAI", "oai_pmh"]

OAI = "/oai"
PAGE = 200  # records of one answer
NAMESPACE = "http://www.openarchives.org/OAI/2.0/"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<OAI-PMH xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xsi:schemaLocation="{NAMESPACE} {NAMESPACE}OAI-PMH.xsd">\n'
)
Writer = Callable[..., bytes]


@dataclass(frozen=True)
class Format:
    schema: str
    namespace: str
    write: Writer


FORMATS: Mapping[str, Format] = {
    "oai_dc": Format(
        "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/",
        as_dublin_core,
    ),
    "lido": Format(
        "http://www.lido-schema.org/schema/v1.1/lido-v1.1.xsd", "http://www.lido-schema.org", as_lido
    ),
    "edm": Format(
        "http://www.europeana.eu/schemas/edm/EDM.xsd", "http://www.europeana.eu/schemas/edm/", as_edm
    ),
}  # fmt: skip

LIST = frozenset({"metadataPrefix", "from", "until", "set", "resumptionToken"})
ARGUMENTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {  # verb -> that it needs, that it knows
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), LIST),
    "ListRecords": (frozenset({"metadataPrefix"}), LIST),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset({"identifier", "metadataPrefix"})),
}
LAST_DAY = Wanted().until
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
URI = re.compile(
    r"[a-z][a-z0-9+.-]*:(?!//)[\w.~/:@!$&'()*+,;=-]+|https?://[a-z0-9.-]+(/[\w.~/-]*)?", re.ASCII
)
FORMS = {  # what an argument has to look like to be repeated in an answer
    "from": DAY, "until": DAY, "identifier": URI, "resumptionToken": re.compile(r"[!-~]+"),
    "metadataPrefix": re.compile(r"[A-Za-z0-9_.!~*'()-]+"),
    "set": re.compile(r"[A-Za-z0-9_.!~*'()-]+(:[A-Za-z0-9_.!~*'()-]+)*"),
}  # fmt: skip


class Refused(Exception):
    """An error of the protocol, by its code. ``echo``: the arguments may be repeated in the answer."""

    def __init__(self, code: str, why: str, *, echo: bool = True) -> None:
        super().__init__(why)
        self.code, self.echo = code, echo


@dataclass(frozen=True)
class Listing:
    """A list, and how far it has come."""

    prefix: str
    wanted: Wanted
    after: tuple[str, str] = BEGINNING
    seen: int = 0
    total: int = 0  # when it began


@dataclass(frozen=True)
class Repository:
    """The public records as harvesters see them. ``page``: records of one answer."""

    projection: Projection
    house: House
    page: int = PAGE

    def answer(self, given: Sequence[tuple[str, str]]) -> str:
        """The answer to arguments as they came."""
        told: dict[str, str] = {}
        try:
            told = arguments(given)
            said = "".join(self.verb(told["verb"])(told))
        except Refused as refused:
            told = told if refused.echo else {}
            said = f'<error code="{refused.code}">{escape(str(refused))}</error>\n'
        asked = "".join(f" {name}={quoteattr(value)}" for name, value in told.items())
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            f"{HEAD}<responseDate>{now}</responseDate>\n"
            f"<request{asked}>{escape(self.house.address + OAI)}</request>\n{said}</OAI-PMH>\n"
        )

    def verb(self, name: str) -> Callable[[Mapping[str, str]], Iterator[str]]:
        return {
            "Identify": self.identify, "ListMetadataFormats": self.formats, "ListSets": self.sets,
            "GetRecord": self.get, "ListIdentifiers": self.identifiers, "ListRecords": self.records,
        }[name]  # fmt: skip

    # -- verbs ---

    def identify(self, _: Mapping[str, str]) -> Iterator[str]:
        host = host_of(self.house.address)
        mail = self.house.contact or f"postmaster@{host if '.' in host else f'{host}.invalid'}"
        first = extent(self.projection).first or datetime.now(UTC).date().isoformat()
        yield (
            f"<Identify>\n<repositoryName>{escape(self.house.archive)}</repositoryName>\n"
            f"<baseURL>{escape(self.house.address + OAI)}</baseURL>\n<protocolVersion>2.0</protocolVersion>\n"
            f"<adminEmail>{escape(mail)}</adminEmail>\n<earliestDatestamp>{first}</earliestDatestamp>\n"
            "<deletedRecord>persistent</deletedRecord>\n<granularity>YYYY-MM-DD</granularity>\n</Identify>\n"
        )

    def formats(self, told: Mapping[str, str]) -> Iterator[str]:
        one = self.change(told["identifier"]) if "identifier" in told else None
        yield "<ListMetadataFormats>\n"
        for prefix, form in FORMATS.items():
            if one is None or offered(one, prefix):
                yield (
                    f"<metadataFormat><metadataPrefix>{prefix}</metadataPrefix><schema>{form.schema}</schema>"
                    f"<metadataNamespace>{form.namespace}</metadataNamespace></metadataFormat>\n"
                )
        yield "</ListMetadataFormats>\n"

    def sets(self, told: Mapping[str, str]) -> Iterator[str]:
        if "resumptionToken" in told:
            raise Refused("badResumptionToken", "The sets are one list: ask without a token.")
        found = groups(self.projection)
        if not found:
            raise Refused("noSetHierarchy", "There are no records, and so no sets of them.")
        yield "<ListSets>\n"
        for one in found:
            name = one.labels.get("en") or next(iter(one.labels.values()), one.value)
            spec = set_of(one.field, one.value)
            yield f"<set><setSpec>{spec}</setSpec><setName>{escape(name)}</setName></set>\n"
        yield "</ListSets>\n"

    def get(self, told: Mapping[str, str]) -> Iterator[str]:
        prefix = known(told["metadataPrefix"])
        one = self.change(told["identifier"], whole=True)
        if not offered(one, prefix):
            raise Refused("cannotDisseminateFormat", "Europeana does not take records under these rights.")
        yield f"<GetRecord>\n{self.entry(one, prefix)}</GetRecord>\n"

    def identifiers(self, told: Mapping[str, str]) -> Iterator[str]:
        return self.listed(told, "ListIdentifiers", lambda one, _: header(one), whole=False)

    def records(self, told: Mapping[str, str]) -> Iterator[str]:
        return self.listed(told, "ListRecords", self.entry, whole=True)

    # -- parts of answers ---

    def change(self, identifier: str, *, whole: bool = False) -> Change:
        found = change_of(self.projection, identifier, whole=whole)
        if found is None:
            raise Refused("idDoesNotExist", "Nothing is or was public under this identifier.")
        return found

    def entry(self, one: Change, prefix: str) -> str:
        if one.record is None:
            return f"<record>{header(one)}</record>\n"
        written = FORMATS[prefix].write(one.record, self.house).decode()
        said = written.partition("?>\n")[2]  # it is a part of a document
        return f"<record>{header(one)}<metadata>{said}</metadata></record>\n"

    def listed(
        self, told: Mapping[str, str], verb: str, write: Callable[[Change, str], str], *, whole: bool
    ) -> Iterator[str]:
        now = self.asked(told)
        found = changed(self.projection, now.wanted, now.after, self.page + 1, whole=whole)
        if not found:
            raise Refused("noRecordsMatch", "There is nothing of what was asked for.")
        page = found[: self.page]
        yield f"<{verb}>\n"
        yield from (write(one, now.prefix) for one in page)
        if now.seen or len(found) > len(page):
            yield self.token(now, page, last=len(found) == len(page))
        yield f"</{verb}>\n"

    def asked(self, told: Mapping[str, str]) -> Listing:
        """What a list is of, and where it goes on."""
        text = told.get("resumptionToken")
        if text is not None:
            given = continued(self.projection, text)
            if given is None or len(given) != 9:
                raise Refused("badResumptionToken", "This token is not one of ours, or of another store.")
            prefix, since, until, field, value, day, identifier, seen, total = given
            wanted = Wanted(since, until, field, value, edm=prefix == "edm")
            return Listing(prefix, wanted, (day, identifier), seen, total)
        prefix = known(told["metadataPrefix"])
        wanted = Wanted(told.get("from", ""), told.get("until", LAST_DAY), edm=prefix == "edm")
        if "set" in told:
            field, value = group_of(told["set"])
            wanted = replace(wanted, field=field, value=value)
        return Listing(prefix, wanted)

    def token(self, now: Listing, page: Sequence[Change], *, last: bool) -> str:
        total = now.total or number_of_changes(self.projection, now.wanted)
        text = ""
        if not last:
            wanted = now.wanted
            text = continuation(self.projection, (
                now.prefix, wanted.since, wanted.until, wanted.field, wanted.value, *page[-1].place,
                now.seen + len(page), total,
            ))  # fmt: skip
        return f'<resumptionToken completeListSize="{total}" cursor="{now.seen}">{text}</resumptionToken>\n'


def arguments(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Arguments that fit their verb, and may be repeated in an answer. Raises `Refused`."""
    verbs = [value for name, value in given if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in ARGUMENTS:
        raise Refused("badVerb", f"Ask with one verb of: {', '.join(ARGUMENTS)}.", echo=False)
    told = dict(given)
    needed, allowed = ARGUMENTS[verbs[0]]
    names = told.keys() - {"verb"}
    if len(told) != len(given):
        raise Refused("badArgument", "An argument is there twice.", echo=False)
    if not names <= allowed:
        raise Refused("badArgument", "There are arguments that this verb does not know.", echo=False)
    if "resumptionToken" in names:
        if names != {"resumptionToken"}:
            raise Refused("badArgument", "A token comes without other arguments.", echo=False)
    elif not needed <= names:
        missing = ", ".join(sorted(needed - names))
        raise Refused("badArgument", f"Arguments are missing: {missing}.", echo=False)
    for name in sorted(names):
        if name == "identifier" and not FORMS[name].fullmatch(told[name]):  # "unknown or illegal" (3.6)
            raise Refused("idDoesNotExist", "Nothing is or was public under this identifier.", echo=False)
        if not FORMS[name].fullmatch(told[name]) or (name in ("from", "until") and not is_day(told[name])):
            raise Refused("badArgument", f"The argument {name} is not as it has to be.", echo=False)
    if told.get("from", "") > told.get("until", LAST_DAY):
        raise Refused("badArgument", "The time ends before it begins.", echo=False)
    return told


def is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def known(prefix: str) -> str:
    if prefix not in FORMATS:
        raise Refused("cannotDisseminateFormat", f"The formats are: {', '.join(FORMATS)}.")
    return prefix


def offered(one: Change, prefix: str) -> bool:
    """Whether a record is there in a format. That one is gone is told in all of them."""
    return prefix != "edm" or one.edm or one.kind is None


def header(one: Change) -> str:
    sets = [set_of("kind", one.kind)] if one.kind else []
    sets += [set_of("collection", one.collection)] if one.collection else []
    specs = "".join(f"<setSpec>{spec}</setSpec>" for spec in sets)
    status = "" if one.kind else ' status="deleted"'
    return (
        f"<header{status}><identifier>{one.id}</identifier><datestamp>{one.day}</datestamp>{specs}</header>"
    )


def set_of(field: str, value: str) -> str:
    """The name of a set. It has no ":", for that would make a set of all kinds, too."""
    return f"{field}.{quote(value, safe='').replace('%', '!')}"


def group_of(spec: str) -> tuple[Literal["kind", "collection"], str]:
    """Field and value of a set. Raises `Refused`."""
    name, _, rest = spec.partition(".")
    value = unquote(rest.replace("!", "%"))
    for field in ("kind", "collection"):
        if name == field and ":" not in rest and not FORBIDDEN.search(value):
            return field, value
    raise Refused("noRecordsMatch", "There is no such set: see ListSets.")


def oai_pmh(repository: Repository) -> APIRouter:
    """``/oai``. Asked with a form, the web process asks here with an address."""
    made = APIRouter(include_in_schema=False)

    @made.get(OAI)
    def harvested(request: Request) -> Response:
        body = repository.answer(request.query_params.multi_items())
        headers = {**ORIGINS, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(body, headers=headers, media_type="text/xml")

    return made
