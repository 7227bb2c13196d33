"""Connections are lent again and again, and none gets lost, whatever happens to whoever has it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tatemono.adapters.postgres import connection_cache as module
from tatemono.adapters.postgres.connection_cache import ConnectionCache

SIZE = 2
_PID = "select pg_backend_pid()"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Any]:
    pool = await asyncpg.create_pool(database_url, min_size=0, max_size=SIZE, command_timeout=10)
    yield pool
    await asyncio.wait_for(pool.close(), 10)


@pytest.fixture
async def connections(pool: Any) -> AsyncIterator[ConnectionCache]:
    connections = ConnectionCache(pool, SIZE)
    yield connections
    # None is lost: all can be had at once, and all come back.
    async with asyncio.timeout(10), connections.connection(), connections.connection():
        pass
    await asyncio.wait_for(connections.close(), 10)


class TestLoans:
    async def test_lend_the_same_connection_again(self, connections: ConnectionCache) -> None:
        assert len({await connections.fetchval(_PID) for _ in range(5)}) == 1

    async def test_lend_it_without_asking_the_pool(self, connections: ConnectionCache) -> None:
        async with connections.connection() as first:
            pass
        async with connections.connection() as second:
            assert second is first

    async def test_replace_a_connection_that_its_last_caller_has_closed(self, connections: ConnectionCache) -> None:
        async with connections.connection() as closed:
            await closed.close()
        assert await connections.fetchval("select 7") == 7

    async def test_let_more_callers_than_connections_take_turns(self, connections: ConnectionCache) -> None:
        found = await asyncio.gather(*(connections.fetchval(_PID) for _ in range(30)))
        assert len(set(found)) == SIZE

    async def test_give_a_place_back_when_a_statement_fails(self, connections: ConnectionCache) -> None:
        answers = await asyncio.gather(
            *(connections.fetchval("select 1 / $1::int", turn % 2) for turn in range(20)), return_exceptions=True
        )
        assert sum(isinstance(answer, asyncpg.DivisionByZeroError) for answer in answers) == 10

    async def test_give_a_place_back_when_the_caller_is_cancelled_at_work(self, connections: ConnectionCache) -> None:
        at_work = [asyncio.create_task(connections.fetchval("select pg_sleep(60)")) for _ in range(SIZE)]
        waiting = asyncio.create_task(connections.fetchval("select 7"))
        await asyncio.sleep(0.05)
        for task in at_work:
            task.cancel()
        assert await asyncio.wait_for(waiting, 10) == 7

    async def test_pass_a_connection_on_when_whoever_waited_is_gone(self, connections: ConnectionCache) -> None:
        first, second = await connections._take(), await connections._take()
        gone, waiting = (asyncio.create_task(connections.fetchval("select 7")) for _ in range(2))
        await asyncio.sleep(0)
        # Given and cancelled in the same turn of the loop.
        connections._give(first)
        gone.cancel()
        assert await asyncio.wait_for(waiting, 10) == 7
        connections._give(second)

    async def test_replace_a_connection_that_was_lost_while_it_lay(
        self, connections: ConnectionCache, pool: Any, database_url: str
    ) -> None:
        lost = await connections.fetchval(_PID)
        killer = await asyncpg.connect(database_url)
        await killer.execute("select pg_terminate_backend($1, 5000)", lost)
        await killer.close()
        async with asyncio.timeout(10):
            while pool.get_size():  # noqa: ASYNC110 - nothing says when the pool has felt it
                await asyncio.sleep(0.01)
        assert await connections.fetchval(_PID) != lost

    async def test_give_back_what_nobody_needed(
        self, connections: ConnectionCache, pool: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "REST_SECONDS", 0.02)
        await asyncio.gather(*(connections.fetchval(_PID) for _ in range(4)))
        async with asyncio.timeout(10):
            while pool.get_idle_size() < SIZE:  # noqa: ASYNC110 - nothing says when it comes back
                await asyncio.sleep(0.01)

    async def test_wait_at_the_end_for_who_is_still_at_work(self, pool: Any) -> None:
        connections = ConnectionCache(pool, SIZE)
        # A connection that is there: to make one may take longer than the pause below.
        await connections.fetchval(_PID)
        at_work = asyncio.create_task(connections.fetchval("select 7 from pg_sleep(0.1)"))
        await asyncio.sleep(0.02)
        await asyncio.wait_for(connections.close(), 10)
        assert await at_work == 7
