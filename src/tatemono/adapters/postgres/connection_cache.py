"""The connections of asyncpg's pool, lent from one statement to the next without going through the pool.

A loan of the pool costs a proxy, timers, and a task that shields the return of the connection. Here a caller that is
done hands its connection to the caller that has waited longest, or leaves it for the next. A connection goes back
through the pool, which knows how to deal with it, when anything went wrong with it, and when no caller needed it for a
while; the pool then closes it (docs/adr/0018-connections-stay-on-loan.md).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

#: What lay unused all this time goes back to the pool.
REST_SECONDS = 60.0


class ConnectionCache:
    """:param size: how many connections the pool has; only this cache may borrow from it"""

    def __init__(self, pool: Any, size: int) -> None:
        self._pool = pool
        self._size = size
        # Borrowed from the pool, whether at work or free.
        self._out = 0
        self._free: list[Any] = []
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._never_needed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()

    async def fetchrow(self, statement: str, *values: object) -> Any:
        connection = await self._take()
        try:
            row = await connection.fetchrow(statement, *values)
        except BaseException:
            await self._return(connection)
            raise
        self._give(connection)
        return row

    async def fetchval(self, statement: str, *values: object) -> Any:
        row = await self.fetchrow(statement, *values)
        return None if row is None else row[0]

    async def fetch(self, statement: str, *values: object) -> Any:
        async with self.connection() as connection:
            return await connection.fetch(statement, *values)

    async def execute(self, statement: str, *values: object, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - asyncpg's
        async with self.connection() as connection:
            return await connection.execute(statement, *values, timeout=timeout)

    async def executemany(self, statement: str, values: Any) -> None:
        async with self.connection() as connection:
            await connection.executemany(statement, values)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """One for as long as the block runs."""
        connection = await self._take()
        try:
            yield connection
        except BaseException:
            await self._return(connection)
            raise
        self._give(connection)

    async def close(self) -> None:
        """Wait until all is back."""
        if self._timer is not None:
            self._timer.cancel()
        self._size = 0
        while self._free:
            await self._return(self._free.pop())
        await self._pool.close()

    async def _take(self) -> Any:
        if self._free:
            connection = self._free.pop()
            self._never_needed = min(self._never_needed, len(self._free))
            if _open(connection):
                return connection
            await self._pool.release(connection)
            return await self._borrow()
        if self._out < self._size or not self._size:
            self._out += 1
            return await self._borrow()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            connection = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on(turn.result())
            raise
        return connection or await self._borrow()

    async def _borrow(self) -> Any:
        try:
            return await self._pool.acquire()
        except BaseException:
            self._pass_on(None)
            raise

    def _give(self, connection: Any) -> None:
        if not self._size:
            self._return_soon(connection)
            return
        self._pass_on(connection)
        if self._timer is None and self._free:
            self._rest()

    def _pass_on(self, connection: Any) -> None:
        """:param connection: none for the right to borrow one"""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._out -= 1
        else:
            self._free.append(connection)

    async def _return(self, connection: Any) -> None:
        try:
            await self._pool.release(connection)
        finally:
            self._pass_on(None)

    def _return_soon(self, connection: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._return(connection))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    def _rest(self) -> None:
        self._never_needed = len(self._free)
        self._timer = asyncio.get_running_loop().call_later(REST_SECONDS, self._end_of_rest)

    def _end_of_rest(self) -> None:
        self._timer = None
        # The last is taken first.
        unneeded, self._free = self._free[: self._never_needed], self._free[self._never_needed :]
        for connection in unneeded:
            self._return_soon(connection)
        if self._free:
            self._rest()


def _open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False  # the pool has taken it back: its connection was lost
