"""Who may come to the register: what its pages and its JSON interface both depend on."""

from typing import Annotated

from fastapi import Depends

from oberih.catalogue.access import Action, NotAllowed, Why
from oberih.web.inside.desk import Asks, anywhere, asks

__all__ = ["Keeper", "Maker", "Reader", "Reporter"]


def keeper(who: Annotated[Asks, Depends(asks())]) -> Asks:
    """A dependency: somebody who may change a collection, or make one."""
    found = {anywhere(who.who, action) for action in (Action.EDIT_COLLECTION, Action.MAKE_COLLECTION)}
    if None not in found:
        raise NotAllowed(Why.SECOND_FACTOR if Why.SECOND_FACTOR in found else Why.NO)
    return who


Keeper = Annotated[Asks, Depends(keeper)]
Maker = Annotated[Asks, Depends(asks(Action.MAKE_COLLECTION))]
Reader = Annotated[Asks, Depends(asks(Action.SEE_RECORD))]
Reporter = Annotated[Asks, Depends(asks(Action.REPORT_CONDITION))]
