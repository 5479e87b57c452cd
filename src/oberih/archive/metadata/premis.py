"""PREMIS 3.0: the preservation metadata of an object as XML, for every archive that will ever read it.

What there is to say is in `Event`, `Agent`, `ObjectInfo` and `RightsInfo`; this module writes them
(`premis_xml`) and reads its own files (`read_premis`). Terms carry their address in
the Library of Congress's vocabularies.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from oberih.archive.metadata._events import (
    Agent,
    Event,
    EventType,
    Format,
    ObjectInfo,
    Premis,
    Related,
    RightsInfo,
    format_of,
    identifier_type,
)
from oberih.archive.metadata._values import problems
from oberih.archive.metadata._xml import Element, add, document, parse, root
from oberih.errors import InputError
from oberih.i18n import say

__all__ = [
    "CODES",
    "Agent",
    "Event",
    "EventType",
    "Format",
    "ObjectInfo",
    "Premis",
    "Related",
    "RightsInfo",
    "format_of",
    "premis_xml",
    "read_premis",
]

SPACE = "http://www.loc.gov/premis/v3"
NAMESPACES = {"premis": SPACE, "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
SCHEMA = f"{SPACE} https://www.loc.gov/standards/premis/premis.xsd"
TYPE = f"{{{NAMESPACES['xsi']}}}type"
VOCABULARY = "http://id.loc.gov/vocabulary/preservation/"
CODES = {
    "accession": "acc", "appraisal": "app", "capture": "cap", "creation": "cre", "deaccession": "dea",
    "decryption": "der", "deletion": "del", "digital signature generation": "dsg",
    "digital signature validation": "dig", "dissemination": "dis", "encryption": "enc", "exporting": "exp",
    "fixity check": "fix", "format identification": "for", "information package creation": "ipc",
    "ingestion": "ing", "message digest calculation": "mes", "metadata extraction": "mee",
    "metadata modification": "mem", "migration": "mig", "modification": "mod", "packing": "pac",
    "policy assignment": "poa", "quarantine": "qua", "recovery": "rec", "redaction": "red",
    "refreshment": "ref", "replication": "rep", "transfer": "tra", "unpacking": "unp", "unquarantine": "unq",
    "validation": "val", "virus check": "vir",
}  # fmt: skip
OUTCOMES = {"success": ("success", "suc"), "failure": ("fail", "fai"), "warning": ("warning", "war")}
OBJECT_ROLES = {"source": "sou", "outcome": "out"}
AGENT_ROLES = {"executing program": "exe", "implementer": "imp", "authorizer": "aut"}
AGENT_TYPES = {
    "software": ("software", "sof"),
    "person": ("person", "per"),
    "organisation": ("organization", "org"),
}
CATEGORIES = {"intellectual entity": "intellectualEntity", "representation": "representation", "file": "file"}
RELATIONS = {
    "includes": ("structural", "str", "inc"),
    "is included in": ("structural", "str", "isi"),
    "has source": ("derivation", "der", "hss"),
    "is source of": ("derivation", "der", "iso"),
}
DIGESTS = {"sha256": "SHA-256", "sha512": "SHA-512"}
PSEUDONYM = "pseudonym"
PRONOM = "PRONOM"


def premis_xml(
    objects: Sequence[ObjectInfo], events: Sequence[Event] = (), agents: Sequence[Agent] = (),
    rights: Sequence[RightsInfo] = (),
) -> bytes:  # fmt: skip
    """The ``premis:premis`` record: always the same bytes for the same contents."""
    if not objects:
        raise ValueError("PREMIS asks for at least one object")
    record = root("premis:premis", NAMESPACES, version="3.0", **{"xsi:schemaLocation": SCHEMA})
    for one in objects:
        write_object(record, one)
    for event in events:
        write_event(record, event)
    for agent in agents:
        write_agent(record, agent)
    for right in rights:
        write_rights(record, right)
    return document(record)


def term(parent: Element, name: str, text: str, vocabulary: str, code: str) -> Element:
    """A word of one of the Library of Congress's vocabularies."""
    where = VOCABULARY + vocabulary
    attributes = {"authority": vocabulary, "authorityURI": where, "valueURI": f"{where}/{code}"}
    return add(parent, f"premis:{name}", text, attributes)


def identify(parent: Element, name: str, identifier: str) -> Element:
    """An identifier with its type: the pattern that all of PREMIS follows."""
    element = add(parent, f"premis:{name}")
    add(element, f"premis:{name}Type", identifier_type(identifier))
    add(element, f"premis:{name}Value", identifier)
    return element


def write_object(record: Element, one: ObjectInfo) -> None:
    element = add(record, "premis:object", "", {"xsi:type": f"premis:{CATEGORIES[one.category]}"})
    identify(element, "objectIdentifier", one.identifier)
    if one.title:
        properties = add(element, "premis:significantProperties")
        add(properties, "premis:significantPropertiesType", "title")
        add(properties, "premis:significantPropertiesValue", one.title)
    if one.category == "file":
        write_characteristics(element, one)
    if one.original_name:
        add(element, "premis:originalName", one.original_name)
    for related in one.relations:
        kind, kind_code, code = RELATIONS[related.kind]
        relationship = add(element, "premis:relationship")
        term(relationship, "relationshipType", kind, "relationshipType", kind_code)
        term(relationship, "relationshipSubType", related.kind, "relationshipSubType", code)
        for identifier in related.identifiers:
            identify(relationship, "relatedObjectIdentifier", identifier)


def write_characteristics(element: Element, one: ObjectInfo) -> None:
    """Digest, size and format of a file."""
    has = add(element, "premis:objectCharacteristics")
    add(has, "premis:compositionLevel", "0")
    for algorithm, digest in one.fixity.items():
        fixity = add(has, "premis:fixity")
        term(fixity, "messageDigestAlgorithm", DIGESTS[algorithm], "cryptographicHashFunctions", algorithm)
        add(fixity, "premis:messageDigest", digest)
    if one.size is not None:
        add(has, "premis:size", str(one.size))
    known = one.format or Format(name="unknown")
    format_ = add(has, "premis:format")
    add(add(format_, "premis:formatDesignation"), "premis:formatName", known.name)
    if known.pronom:
        registry = add(format_, "premis:formatRegistry")
        add(registry, "premis:formatRegistryName", PRONOM)
        add(registry, "premis:formatRegistryKey", known.pronom)


def write_event(record: Element, event: Event) -> None:
    element = add(record, "premis:event")
    identify(element, "eventIdentifier", event.identifier)
    term(element, "eventType", event.type, "eventType", CODES[event.type])
    add(element, "premis:eventDateTime", event.date_time)
    if event.detail:
        add(add(element, "premis:eventDetailInformation"), "premis:eventDetail", event.detail)
    outcome = add(element, "premis:eventOutcomeInformation")
    term(outcome, "eventOutcome", OUTCOMES[event.outcome][0], "eventOutcome", OUTCOMES[event.outcome][1])
    if event.note:
        add(add(outcome, "premis:eventOutcomeDetail"), "premis:eventOutcomeDetailNote", event.note)
    for agent in event.agents:
        linked = identify(element, "linkingAgentIdentifier", agent.identifier)
        term(linked, "linkingAgentRole", agent.role, "eventRelatedAgentRole", AGENT_ROLES[agent.role])
    for one in event.objects:
        linked = identify(element, "linkingObjectIdentifier", one.identifier)
        term(linked, "linkingObjectRole", one.role, "eventRelatedObjectRole", OBJECT_ROLES[one.role])


def write_agent(record: Element, agent: Agent) -> None:
    element = add(record, "premis:agent")
    identify(element, "agentIdentifier", agent.identifier)
    add(element, "premis:agentName", agent.name)
    term(element, "agentType", AGENT_TYPES[agent.type][0], "agentType", AGENT_TYPES[agent.type][1])
    if agent.version:
        add(element, "premis:agentVersion", agent.version)
    if agent.type == "person":
        add(element, "premis:agentNote", PSEUDONYM)


def write_rights(record: Element, right: RightsInfo) -> None:
    """A licence as a licence, a statement of rightsstatements.org as other rights."""
    statement = add(add(record, "premis:rights"), "premis:rightsStatement")
    identify(statement, "rightsStatementIdentifier", right.identifier)
    licence = "rightsstatements.org" not in right.uri
    term(
        statement,
        "rightsBasis",
        *(("license", "rightsBasis", "lic") if licence else ("other", "rightsBasis", "oth")),
    )
    kind = "license" if licence else "otherRights"
    info = add(statement, f"premis:{kind}Information")
    identify(info, f"{kind}DocumentationIdentifier", right.uri)
    if not licence:
        add(info, "premis:otherRightsBasis", "rights statement")
    if right.note:
        add(info, f"premis:{kind}Note", right.note)
    for identifier in right.objects:
        identify(statement, "linkingObjectIdentifier", identifier)
    if right.holder:
        linked = identify(statement, "linkingAgentIdentifier", right.holder)
        add(linked, "premis:linkingAgentRole", "rightsholder")


def read_premis(data: bytes) -> Premis:
    """What `premis_xml` wrote. Raises `InputError` if it is hostile, damaged, or of another kind."""
    record = parse(data)
    try:
        if record.tag != f"{{{SPACE}}}premis":
            raise KeyError("premis")
        return Premis(
            objects=tuple(read_object(one) for one in every(record, "object")),
            events=tuple(read_event(one) for one in every(record, "event")),
            agents=tuple(read_agent(one) for one in every(record, "agent")),
            rights=tuple(read_rights(one) for one in every(record, "rights", "rightsStatement")),
        )
    except ValidationError as error:
        raise InputError(
            say("This is not PREMIS as Oberih writes it:\n{problems}", problems=problems(error)),
            "Take the file from another store, or read it with the software that wrote it.",
        ) from error
    except (KeyError, ValueError) as error:
        raise InputError(
            say("This is not PREMIS as Oberih writes it:\n{problems}", problems=str(error)),
            "Take the file from another store, or read it with the software that wrote it.",
        ) from error


def path_to(names: Sequence[str]) -> str:
    return "/".join(f"{{{SPACE}}}{name}" for name in names)


def every(element: Element, *names: str) -> list[Element]:
    return element.findall(path_to(names))


def text(element: Element, *names: str) -> str:
    """The text of a descendant. Raises `KeyError` if it is not there."""
    found = element.find(path_to(names))
    if found is None:
        raise KeyError(names[-1])
    return found.text or ""


def maybe(element: Element, *names: str) -> str:
    return element.findtext(path_to(names)) or ""


def key_of(table: dict[str, Any], value: str) -> str:
    """The key of a term that stands first in the values of ``table``."""
    for key, values in table.items():
        if (values if isinstance(values, str) else values[0]) == value:
            return key
    raise KeyError(value)


def read_object(element: Element) -> ObjectInfo:
    category = key_of(CATEGORIES, element.get(TYPE, "").rpartition(":")[2])
    has = element.find(path_to(["objectCharacteristics"]))
    values: dict[str, Any] = {}
    if has is not None:
        size = maybe(has, "size")
        values = {
            "size": int(size) if size else None,
            "fixity": {
                key_of(DIGESTS, text(one, "messageDigestAlgorithm")): text(one, "messageDigest")
                for one in every(has, "fixity")
            },
            "format": Format(
                name=text(has, "format", "formatDesignation", "formatName"),
                pronom=maybe(has, "format", "formatRegistry", "formatRegistryKey"),
            ),
        }
    relations = [
        {
            "kind": text(one, "relationshipSubType"),
            "identifiers": tuple(
                text(other, "relatedObjectIdentifierValue") for other in every(one, "relatedObjectIdentifier")
            ),
        }
        for one in every(element, "relationship")
    ]
    return ObjectInfo(
        identifier=text(element, "objectIdentifier", "objectIdentifierValue"),
        category=category,  # type: ignore[arg-type]
        title=maybe(element, "significantProperties", "significantPropertiesValue"),
        original_name=maybe(element, "originalName"),
        relations=tuple(Related.model_validate(one) for one in relations),
        **values,
    )


def read_event(element: Element) -> Event:
    def linked(of: str) -> tuple[dict[str, str], ...]:
        name = f"linking{of}Identifier"
        return tuple(
            {"identifier": text(one, f"{name}Value"), "role": text(one, f"linking{of}Role")}
            for one in every(element, name)
        )

    outcome = text(element, "eventOutcomeInformation", "eventOutcome")
    return Event.model_validate({
        "identifier": text(element, "eventIdentifier", "eventIdentifierValue"),
        "type": text(element, "eventType"),
        "date_time": text(element, "eventDateTime"),
        "detail": maybe(element, "eventDetailInformation", "eventDetail"),
        "outcome": key_of(OUTCOMES, outcome),
        "note": maybe(element, "eventOutcomeInformation", "eventOutcomeDetail", "eventOutcomeDetailNote"),
        "agents": linked("Agent"),
        "objects": linked("Object"),
    })  # fmt: skip


def read_agent(element: Element) -> Agent:
    return Agent(
        identifier=text(element, "agentIdentifier", "agentIdentifierValue"),
        name=text(element, "agentName"),
        type=key_of(AGENT_TYPES, text(element, "agentType")),  # type: ignore[arg-type]
        version=maybe(element, "agentVersion"),
    )


def read_rights(element: Element) -> RightsInfo:
    kind = "license" if every(element, "licenseInformation") else "otherRights"
    info = f"{kind}Information"
    return RightsInfo(
        identifier=text(element, "rightsStatementIdentifier", "rightsStatementIdentifierValue"),
        uri=text(element, info, f"{kind}DocumentationIdentifier", f"{kind}DocumentationIdentifierValue"),
        holder=maybe(element, "linkingAgentIdentifier", "linkingAgentIdentifierValue"),
        note=maybe(element, info, f"{kind}Note"),
        objects=tuple(
            text(one, "linkingObjectIdentifierValue") for one in every(element, "linkingObjectIdentifier")
        ),
    )
