"""An operator moves what waits forward or back."""

from uuid import UUID

from tatemono.domain.generations.queue import NothingWaiting, Priority
from tatemono.domain.operators.roles import Act, Operation
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.ports import EVENTS_CHANNEL


async def reprioritise_generation(
    db: GenerationsDatabase, act: Act, *, generation_id: UUID, priority: Priority
) -> None:
    """Give one generation another priority, as long as it waits.

    :raises NothingWaiting: it does not wait (any more)
    """
    async with db.transaction() as rows:
        if await rows.queue.reprioritise(priority, generation_id=generation_id, user_id=None) is None:
            raise NothingWaiting
        data: dict[str, object] = {"generation_id": str(generation_id), "priority": priority.name.lower()}
        await rows.people.record(Operation.REPRIORITISE_GENERATION, act, None, data)
    db.notifier.notify(EVENTS_CHANNEL, str(generation_id))


async def reprioritise_person(db: GenerationsDatabase, act: Act, *, user_id: UUID, priority: Priority) -> int:
    """Give all that a person has waiting another priority; what they ask for later is normal again.

    :returns: how many changed
    :raises NothingWaiting: the person has nothing waiting
    """
    async with db.transaction() as rows:
        changed = await rows.queue.reprioritise(priority, generation_id=None, user_id=user_id)
        if changed is None:
            raise NothingWaiting
        data: dict[str, object] = {"changed": changed, "priority": priority.name.lower()}
        await rows.people.record(Operation.REPRIORITISE_PERSON, act, user_id, data)
    db.notifier.notify(EVENTS_CHANNEL)
    return changed
