"""An operator decides about dead letters."""

from collections.abc import Sequence
from uuid import UUID

from tatemono.domain.generations.dead_letters import MOST_AT_ONCE, NoSuchDeadLetter
from tatemono.domain.operators.roles import Act, Operation
from tatemono.usecases.generations.ports import GenerationsDatabase, GenerationsRows
from tatemono.usecases.ports import OUTBOX_CHANNEL


async def redrive_dead_letters(db: GenerationsDatabase, act: Act, *, queue: str, ids: Sequence[UUID] | None) -> int:
    """Send them to their queue again: these, or (none) all that wait for a decision, the oldest first.

    The letter and its row of the outbox change in one transaction, so each is sent once, however often it is asked for.

    :returns: how many
    :raises NoSuchDeadLetter: none of them waits for a decision
    """
    async with db.transaction() as rows:
        chosen = await _choose(rows, queue, ids)
        await rows.dead_letters.redrive(chosen)
        await rows.people.record(Operation.REDRIVE_DEAD_LETTERS, act, None, _written(queue, chosen))
    db.notifier.notify(OUTBOX_CHANNEL)
    return len(chosen)


async def discard_dead_letters(db: GenerationsDatabase, act: Act, *, queue: str, ids: Sequence[UUID]) -> int:
    """They are of no use. Their rows stay.

    :returns: how many
    :raises NoSuchDeadLetter: none of them waits for a decision
    """
    async with db.transaction() as rows:
        chosen = await _choose(rows, queue, ids)
        await rows.dead_letters.discard(chosen)
        await rows.people.record(Operation.DISCARD_DEAD_LETTERS, act, None, _written(queue, chosen))
    return len(chosen)


async def _choose(rows: GenerationsRows, queue: str, ids: Sequence[UUID] | None) -> list[UUID]:
    chosen = await rows.dead_letters.choose(queue, ids, limit=MOST_AT_ONCE)
    if not chosen:
        raise NoSuchDeadLetter
    return chosen


def _written(queue: str, chosen: Sequence[UUID]) -> dict[str, object]:
    return {"queue": queue, "letters": [str(letter) for letter in chosen]}
