"""Pages of those who decide and coordinate: reviews, danger zones, jobs, people, the audit trail."""

from fastapi import APIRouter, Depends

from oberih.web.inside.office.audit import router as audit
from oberih.web.inside.office.common import not_too_large
from oberih.web.inside.office.deciding import router as deciding
from oberih.web.inside.office.jobs import router as jobs
from oberih.web.inside.office.people import router as people
from oberih.web.inside.office.queue import router as queue
from oberih.web.inside.office.review import router as review
from oberih.web.inside.office.zones import router as zones

__all__ = ["router"]

router = APIRouter(include_in_schema=False, dependencies=[Depends(not_too_large)])
for part in (queue, review, deciding, zones, jobs, people, audit):
    router.include_router(part)
