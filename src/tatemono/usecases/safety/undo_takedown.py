"""An operator brings back a picture that was taken down by mistake."""

from uuid import UUID

from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.safety.reports import NoSuchTakedown
from tatemono.usecases.ports import TAKEDOWNS_CHANNEL
from tatemono.usecases.safety.ports import SafetyDatabase


async def undo_takedown(db: SafetyDatabase, act: Act, *, picture_id: UUID) -> None:
    """Ask for it back: it is in its user's gallery again when its bytes are where they were, within seconds.

    Its hash is blocked no more, and a strike for it counts no more. A suspension stays until it is ended.

    :raises NoSuchTakedown: there is none
    :raises CannotUndo: it is evidence, its time is over, or what it belonged to is gone
    """
    async with db.transaction() as rows:
        await rows.takedowns.ask_undo(picture_id)
        await rows.strikes.remove_of(picture_id)
        found = await rows.takedowns.find(picture_id)
        if found is None:
            raise NoSuchTakedown
        await rows.people.record(Operation.UNDO_TAKEDOWN, act, found[0].user_id, {"picture_id": str(picture_id)})
    db.notifier.notify(TAKEDOWNS_CHANNEL)
