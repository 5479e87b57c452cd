"""Pages of condition reports: what was said of a subject, a new report, changing one. All of it is sealed."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from oberih.catalogue import register
from oberih.catalogue.access import Action
from oberih.catalogue.tables import ConditionReport, Subject
from oberih.errors import InputError
from oberih.i18n import say
from oberih.web.inside.desk import Asks, go
from oberih.web.inside.forms import Given, InForm
from oberih.web.inside.office.common import address_of, ark_of
from oberih.web.inside.office.register import NOTHING, texts_of, version_of, wrong_fields
from oberih.web.inside.register import Reader, Reporter
from oberih.web.views import ReportRow, ReportsPage

__all__ = ["router"]

router = APIRouter()
FIELDS = ("assessed", "grade", "event", "last_seen_intact", "first_seen_damaged", "confidence", "source",
          "significance", "risks")  # fmt: skip
WRONG_DAYS = say("The days do not fit: none is to come, and it was intact before it was damaged.")
PARTS = ("component", "type", "position", "cause")  # of a line of damages


@router.get("/subjects/{subject}/reports")
def listed(request: Request, subject: str, who: Reader) -> Response:
    return reports_page(
        request, who, register.subject_of(who.database, who.who, ark_of(subject), Action.SEE_RECORD)
    )


@router.post("/subjects/{subject}/reports")
def reported(request: Request, subject: str, who: Reporter, sent: InForm) -> Response:
    about = register.subject_of(who.database, who.who, ark_of(subject), Action.REPORT_CONDITION)
    try:
        register.make_report(who.database, who.who, about.id, told_by(sent))
    except (ValidationError, InputError) as error:
        return reports_page(request, who, about, sent=sent, errors=wrong(error))
    return go(f"/subjects/{subject}/reports")


@router.get("/reports/{report}")
def one(request: Request, report: str, who: Reader) -> Response:
    row, about = register.report_of(who.database, who.who, report, Action.SEE_RECORD)
    return reports_page(request, who, about, row)


@router.post("/reports/{report}")
def changed(request: Request, report: str, who: Reporter, sent: InForm) -> Response:
    row, about = register.report_of(who.database, who.who, report, Action.REPORT_CONDITION)
    try:
        register.change_report(who.database, who.who, report, told_by(sent), version_of(sent))
    except (ValidationError, InputError) as error:
        return reports_page(request, who, about, row, sent=sent, errors=wrong(error))
    return go(f"/subjects/{address_of(about.id)}/reports")


def told_by(sent: Given) -> register.ReportTold:
    """Raises `ValidationError`, `InputError`."""
    told: dict[str, Any] = {name: text for name in FIELDS if (text := sent(field_of(name)).strip())}
    lines = [line for line in sent("items").splitlines() if line.strip()]
    parts = [[part.strip() for part in line.split(";")] for line in lines]
    if any(len(one) > len(PARTS) or not one[0] for one in parts):
        raise InputError("A line of damages has at most four parts.", "Write a semicolon between them.")
    told["items"] = [dict(zip(PARTS, one, strict=False)) for one in parts]
    return register.ReportTold.model_validate(told)


def field_of(name: str) -> str:
    return name.replace("_", "-")


def wrong(error: ValidationError | InputError) -> dict[str, str]:
    """Field -> what is wrong with it."""
    told = {field_of(name): words for name, words in wrong_fields(error).items()}
    if isinstance(error, ValidationError) and "" in told:
        told[""] = WRONG_DAYS
    return told


def reports_page(
    request: Request, who: Asks, about: Subject, row: ConditionReport | None = None, *,
    sent: Given | None = None, errors: Mapping[str, str] = NOTHING,
) -> Response:  # fmt: skip
    found = [] if row else register.reports(who.database, about.id)
    page = ReportsPage(
        address_of(about.id), about.title,
        tuple(ReportRow(one.id, one.assessed, one.grade, one.assessor, one.event) for one in found),
        who.may(Action.REPORT_CONDITION, about.collection), row.id if row else "",
        row.version if row else 0, (values(row) if row else {}) | texts_of(sent), errors,
    )  # fmt: skip
    return who.desk.page(request, page, asks=who.present, status=422 if errors else 200)


def values(row: ConditionReport) -> dict[str, str]:
    """What the form of a report holds."""
    told = {field_of(name): str(getattr(row, name) or "") for name in FIELDS}
    lines = ("; ".join(one.get(part, "") for part in PARTS).rstrip("; ") for one in row.items)
    return told | {"items": "\n".join(lines)}
