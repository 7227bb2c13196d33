"""No painter takes our account: it is said where people and operators look, and credits return after a while."""

from collections.abc import Collection
from datetime import timedelta

from tatemono.domain.generations.attempts import PAINTER_OUT_OF_ORDER
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.ports import EVENTS_CHANNEL

_BATCH = 100


async def end_what_waits_in_vain(
    db: GenerationsDatabase, painters: Collection[tuple[str, str]], *, longest_wait: timedelta
) -> int:
    """Record whether no painter takes our account; while none does, end what waits in the queue for longer than that.

    :param painters: all that could be called, by provider and model
    :returns: how many ended
    """
    known = await db.painters.all()
    causes = [known[name].refused_because if name in known else None for name in painters]
    refused = all(causes)
    await db.painters.record_outage(causes[0] if refused else None)
    if not refused:
        return 0
    ended = 0
    while done := await db.generations.end_waiting(
        asked_before=longest_wait, verdict=PAINTER_OUT_OF_ORDER, limit=_BATCH
    ):
        ended += len(done)
        for generation_id in done:
            db.notifier.notify(EVENTS_CHANNEL, str(generation_id))
    return ended
