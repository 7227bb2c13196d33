"""Whether the model that paints will go on painting."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta

from tatemono.domain.generations.image_models import Finding, Registry
from tatemono.usecases.generations.ports import GenerationsDatabase

_EVERY = timedelta(days=1)
_AFTER_FAILURE = timedelta(minutes=10)


async def check_models(
    db: GenerationsDatabase,
    registry: Registry,
    ask: Callable[[], Awaitable[Mapping[str, date | None]]],
    *,
    model_id: str,
    today: date,
) -> list[Finding] | None:
    """Ask the painter once a day, by the first worker that comes, keep what it says and compare.

    :returns: none if it is not time
    """
    if not await db.model_checks.take_turn(retry_after=_AFTER_FAILURE):
        return None
    announced = await ask()
    await db.model_checks.record(announced, next_after=_EVERY)
    return registry.examine(model_id, today, announced)
