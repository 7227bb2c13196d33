"""A person does not want the pictures any more."""

from uuid import UUID

from tatemono.domain.generations.generation import FINAL_STATES, AlreadyFinished, NoSuchGeneration, State
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.ports import CANCEL_CHANNEL, EVENTS_CHANNEL


async def cancel_generation(db: GenerationsDatabase, *, user_id: UUID, generation_id: UUID) -> None:
    """Cancel at once what waits; what is being painted is stopped by its worker a moment later. Credits come back.

    :raises NoSuchGeneration: the user has none with this id
    :raises AlreadyFinished: it ended before, and not by being cancelled
    """
    state = await db.generations.cancel(user_id, generation_id)
    if state is None:
        raise NoSuchGeneration
    if state in FINAL_STATES - {State.CANCELLED}:
        raise AlreadyFinished(state=state)
    db.notifier.notify(CANCEL_CHANNEL, str(generation_id))
    db.notifier.notify(EVENTS_CHANNEL, str(generation_id))
