"""How fast the pipeline is while and after something goes wrong, as ratios within one run.

They take minutes, and a machine to themselves: `python tests/faults` runs them, `tatemono test` does not.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from factories import guest, submitted
from faults.disturbances import DrippingPainter
from faults.ground import Ground, kept_up
from faults.runner import Report, judge, settle
from faults.scenarios import TIMES, Scenario
from faults.test_storms import poisoned, restarted
from tatemono.domain.generations.generation import PictureRequest, Quality

pytest_plugins = ["faults.places"]
pytestmark = pytest.mark.skipif(TIMES == 1, reason="measured by `python tests/faults`")

_USERS = 12
_WAITING = 40
_BEFORE_SECONDS = 12
_BACK_WITHIN_SECONDS = 30
_WINDOW_SECONDS = 5
#: A few in each second, which is far from the most.
_PACE_SECONDS = 0.2
_EACH_TIME = 60
_ROUNDS = 3

LOW = PictureRequest(prompt="[studio:latency=0.3] a fox", quality=Quality.LOW)


class TestPostgresqlRestarted:
    async def test_costs_the_rate_for_less_than_half_a_minute(self, ground: Ground) -> None:
        report = Report(Scenario(name="rate after PostgreSQL was restarted", generations=0))
        async with kept_up(ground, "outbox-relay"), kept_up(ground, "image-worker"), kept_up(ground, "image-worker", 1):
            async with _fed(ground):
                await _ended(ground, 20)
                await asyncio.sleep(_BEFORE_SECONDS)
                before = await _rate(ground, await _now(ground) - timedelta(seconds=_BEFORE_SECONDS), _BEFORE_SECONDS)
                await restarted(ground)
                begun = await _now(ground)
                await asyncio.sleep(_BACK_WITHIN_SECONDS)
                after = [
                    await _rate(ground, begun + timedelta(seconds=second), _WINDOW_SECONDS)
                    for second in range(_BACK_WITHIN_SECONDS - _WINDOW_SECONDS + 1)
                ]
            await settle(ground.place, report, within_seconds=120)
        await judge(ground.place, report, DrippingPainter())
        back = next((second for second, rate in enumerate(after) if rate >= 0.95 * before), None)
        report.measured = {"pictures a second before": before, "at most after": max(after)}
        if back is not None:
            report.measured["back after seconds"] = back
        report.keep()
        assert report.violations == []
        assert back is not None, (before, after)


class TestPoison:
    async def test_keeps_nobody_waiting(self, ground: Ground) -> None:
        report = Report(Scenario(name="20 kinds of poison, and how long others wait", generations=0))
        clean: list[float] = []
        beside: list[float] = []  # of each round, the 99th percentile
        async with kept_up(ground, "outbox-relay"), kept_up(ground, "image-worker"), kept_up(ground, "image-worker", 1):
            await _paced(ground)
            for _ in range(_ROUNDS):
                clean.append(_p99(await _paced(ground)))
                poisoning = asyncio.create_task(_poisoned_after_a_while(ground))
                beside.append(_p99(await _paced(ground)))
                await poisoning
            await settle(ground.place, report)
        await judge(ground.place, report, DrippingPainter())
        # The round that the rest of the machine disturbed least.
        without, with_poison = min(clean), min(beside)
        report.measured = {"p99 without, s": without, "p99 beside poison, s": with_poison}
        report.keep()
        assert report.violations == []
        assert with_poison <= 1.1 * without


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99) - 1]


async def _poisoned_after_a_while(ground: Ground) -> None:
    await asyncio.sleep(_EACH_TIME * _PACE_SECONDS / 4)
    await poisoned(ground)


async def _paced(ground: Ground) -> list[float]:
    """Ask at an even pace. :returns: how long each took, in seconds"""
    users = [await guest(ground.place.db, credits=10_000) for _ in range(_USERS)]
    asked = []
    for number in range(_EACH_TIME):
        asked.append((await submitted(ground.place.db, users[number % _USERS], LOW)).id)
        await asyncio.sleep(_PACE_SECONDS)
    pool = ground.place.db._pool
    async with asyncio.timeout(60):
        while await pool.fetchval("select count(*) from generations where finished_at is null"):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.05)
    rows = await pool.fetch(
        "select extract(epoch from finished_at - created_at)::float8 from generations where id = any($1::uuid[])", asked
    )
    return [row[0] for row in rows]


@asynccontextmanager
async def _fed(ground: Ground) -> AsyncIterator[None]:
    """There is always more to do."""
    chance = random.Random(1)  # noqa: S311 - reproducible, no secret
    users: list[UUID] = [await guest(ground.place.db, credits=100_000) for _ in range(_USERS)]

    async def feed() -> None:
        request = PictureRequest(prompt="a fox", quality=Quality.LOW)
        while True:
            try:
                waiting = await ground.place.db._pool.fetchval(
                    "select count(*) from generations where state = 'queued'"
                )
                for _ in range(max(0, _WAITING - waiting)):
                    await submitted(ground.place.db, chance.choice(users), request)
            except Exception:  # noqa: BLE001 - the database is away, and comes back
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.2)

    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def _count(ground: Ground, state: str) -> int:
    statement = "select count(*) from generations where state::text = $1"
    count: int = await ground.place.db._pool.fetchval(statement, state)
    return count


async def _ended(ground: Ground, count: int) -> None:
    async with asyncio.timeout(60):
        while await _count(ground, "succeeded") < count:  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.1)


async def _now(ground: Ground) -> datetime:
    now: datetime = await ground.place.db._pool.fetchval("select clock_timestamp()")
    return now


async def _rate(ground: Ground, begin: datetime, seconds: int) -> float:
    """Pictures a second that were ready within that time."""
    count: int = await ground.place.db._pool.fetchval(
        "select count(*) from generations where state = 'succeeded' and finished_at >= $1 and finished_at < $2",
        begin,
        begin + timedelta(seconds=seconds),
    )
    return count / seconds
