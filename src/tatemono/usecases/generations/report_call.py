"""A worker tells the others what a call told about the painter."""

from tatemono.domain.generations.circuit_breaker import Breaker, BreakerSignal, after
from tatemono.usecases.generations.ports import GenerationsDatabase
from tatemono.usecases.ports import PAINTERS_CHANNEL


async def report_call(
    db: GenerationsDatabase,
    *,
    provider: str,
    model: str,
    signal: BreakerSignal,
    retry_after_seconds: float | None,
    jitter: float,
    cause: str | None = None,
) -> Breaker:
    """Count it in the painter's row, so that all workers leave it alone, or come back, together.

    :param cause: the painter's word for why it refuses our account
    """
    async with db.transaction() as rows:
        before = await rows.painters.lock(provider, model)
        breaker = after(before, signal, retry_after_seconds=retry_after_seconds, jitter=jitter, cause=cause)
        await rows.painters.save(provider, model, breaker)
    db.notifier.notify(PAINTERS_CHANNEL)
    return breaker
