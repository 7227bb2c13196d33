"""What the workers know of each painter together, against real PostgreSQL."""

from dataclasses import astuple

import pytest

from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.circuit_breaker import Breaker

pytest_plugins = ["services"]

FIRST, SECOND = ("first", "gpt-image-2"), ("second", "gpt-image-2")


async def save(worker: Database, breaker: Breaker, painter: tuple[str, str] = FIRST) -> None:
    async with worker.transaction() as rows:
        await rows.painters.lock(*painter)
        await rows.painters.save(*painter, breaker)


class TestSave:
    async def test_keeps_what_is_known_of_each_by_itself(self, worker: Database) -> None:
        await save(worker, Breaker(5, 1, 2, 60.0, 30.0, 20.0, "insufficient_quota"))
        await save(worker, Breaker(0, 0, 1, None, 5.0, 0.0), SECOND)
        known = await worker.painters.all()
        assert set(known) == {FIRST, SECOND}
        assert astuple(known[FIRST])[:6] == pytest.approx((5, 1, 2, 60.0, 30.0, 20.0), abs=10)
        assert known[FIRST].refused_because == "insufficient_quota"
        assert known[SECOND].open_for is None
        assert known[SECOND].refused_because is None
        assert (known[SECOND].failures, known[SECOND].turned_away) == (0, 1)

    async def test_changes_nothing_of_one_that_is_locked_again(self, worker: Database) -> None:
        await save(worker, Breaker(3, 0, 0, None, 0.0, 0.0))
        async with worker.transaction() as rows:
            assert (await rows.painters.lock(*FIRST)).failures == 3


class TestTakeProbe:
    async def test_is_for_one_worker_when_the_time_alone_is_over(self, worker: Database) -> None:
        await save(worker, Breaker(5, 1, 0, -1.0, 0.0, 0.0))
        await save(worker, Breaker(5, 1, 0, -1.0, 0.0, 0.0), SECOND)
        assert await worker.painters.take_probe(*FIRST, seconds=60)
        assert not await worker.painters.take_probe(*FIRST, seconds=60)
        # The other painter has a probe of its own.
        assert await worker.painters.take_probe(*SECOND, seconds=60)

    @pytest.mark.parametrize("open_for", [None, 60.0])
    async def test_is_for_nobody_before(self, worker: Database, open_for: float | None) -> None:
        await save(worker, Breaker(5, 1, 0, open_for, 0.0, 0.0))
        assert not await worker.painters.take_probe(*FIRST, seconds=60)

    async def test_is_for_the_next_when_it_told_nothing_or_its_worker_is_gone(self, worker: Database) -> None:
        await save(worker, Breaker(5, 1, 0, -1.0, 0.0, 0.0))
        await save(worker, Breaker(5, 1, 0, -1.0, 0.0, 0.0), SECOND)
        for painter in (FIRST, SECOND):
            assert await worker.painters.take_probe(*painter, seconds=60)
        await worker.painters.end_probe(*FIRST)
        assert await worker.painters.take_probe(*FIRST, seconds=-1)
        assert await worker.painters.take_probe(*FIRST, seconds=60)
        assert not await worker.painters.take_probe(*SECOND, seconds=60)
