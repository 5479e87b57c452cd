"""The door: coming in, showing again who one is, the keys of an account, and leaving."""

from fastapi import APIRouter, Depends

from oberih.web.inside.desk import no_larger
from oberih.web.inside.door import account, confirming, entering, institutions, joining, keys
from oberih.web.inside.door.confirming import confirm_first
from oberih.web.inside.door.threshold import MOST_BYTES

__all__ = ["confirm_first", "router"]

router = APIRouter(include_in_schema=False, dependencies=[Depends(no_larger(MOST_BYTES))])
for part in (entering, institutions, joining, confirming, account, keys):
    router.include_router(part.router)
