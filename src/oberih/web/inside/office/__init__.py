"""Pages of those who decide and coordinate: reviews, danger zones, jobs, people, the audit trail."""

from fastapi import APIRouter, Depends

from oberih.web.inside.desk import MOST_FORM, no_larger
from oberih.web.inside.office.audit import router as audit
from oberih.web.inside.office.deciding import router as deciding
from oberih.web.inside.office.draft import router as draft
from oberih.web.inside.office.jobs import router as jobs
from oberih.web.inside.office.known import router as known
from oberih.web.inside.office.people import router as people
from oberih.web.inside.office.photos import router as photos
from oberih.web.inside.office.presenting import router as presenting
from oberih.web.inside.office.queue import router as queue
from oberih.web.inside.office.register import router as register
from oberih.web.inside.office.reports import router as reports
from oberih.web.inside.office.review import router as review
from oberih.web.inside.office.zones import router as zones

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_larger(MOST_FORM))])
for part in (
    queue,
    review,
    draft,
    known,
    photos,
    deciding,
    presenting,
    register,
    reports,
    zones,
    jobs,
    people,
    audit,
):
    router.include_router(part)
