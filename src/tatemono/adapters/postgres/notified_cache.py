"""A few rows that every process knows: read at its start, after each notification, and now and then all the same."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Generic, Self, TypeVar

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.notifications import listening

#: Without any notification, as often as this.
RELOAD_SECONDS = 5.0
_RETRY_SECONDS = 1.0

log = structlog.get_logger()

T = TypeVar("T")


class NotifiedCache(Generic[T]):
    """Open it as a context manager: `value` is what was read last; while the database is away that stays known."""

    value: T

    def __init__(
        self, db: Database, channel: str, read: Callable[[], Awaitable[T]], *, reload_seconds: float = RELOAD_SECONDS
    ) -> None:
        self._db = db
        self._channel = channel
        self._read = read
        self._reload_seconds = reload_seconds
        self._asked = asyncio.Event()
        #: Set when it is read again; a task that waits for that takes the event before it looks at the value.
        self.changed = asyncio.Event()
        self._stack = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None
        #: When it was read, by `time.monotonic()`.
        self.read_at = 0.0

    async def __aenter__(self) -> Self:
        await self.read()
        await self._stack.enter_async_context(
            listening(self._db.dsn, self._channel, lambda _: self._asked.set(), service=self._db.service)
        )
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def read(self) -> T:
        """Read it now."""
        asked_at = time.monotonic()
        self.value, self.read_at = await self._read(), asked_at
        # The tasks that wait wake; one that comes now waits for the next.
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        return self.value

    async def _keep_up(self) -> None:
        while True:
            with suppress(TimeoutError):
                # Not `wait_for`: before Python 3.12 it may swallow the cancellation that ends this loop.
                async with asyncio.timeout(self._reload_seconds):
                    await self._asked.wait()
            self._asked.clear()
            try:
                await self.read()
            except Exception as error:  # noqa: BLE001 - the database may be away; what is known stays known
                log.warning("not_read", channel=self._channel, error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
                self._asked.set()
