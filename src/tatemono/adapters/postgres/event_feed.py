"""The events of generations, as they are committed, for everyone who watches one in this process.

One connection listens for all watchers; a burst of notifications becomes one query. Nobody polls: a watcher also asks
once in a while (`refresh`), since a notification is only a hint.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self
from uuid import UUID

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.notifications import listening
from tatemono.adapters.postgres.queries import EventRow
from tatemono.usecases.ports import EVENTS_CHANNEL

log = structlog.get_logger()


class Watch:
    """One watcher of one generation: the events after `last_id`, each once and in order."""

    def __init__(self, feed: "EventFeed", generation_id: UUID, last_id: int) -> None:
        self.generation_id = generation_id
        self.last_id = last_id
        self._feed = feed
        self._events: asyncio.Queue[EventRow] = asyncio.Queue()

    def offer(self, event: EventRow) -> None:
        if event.id > self.last_id:
            self.last_id = event.id
            self._events.put_nowait(event)

    def refresh(self) -> None:
        """Look whether there is anything new."""
        self._feed.look([self.generation_id])

    async def next(self) -> EventRow:
        """The next event, whenever it comes."""
        return await self._events.get()


class EventFeed:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._watches: dict[UUID, set[Watch]] = {}
        self._wanted: set[UUID] = set()
        self._reader: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()
        #: Set whenever anything may have happened to any generation, watched or not; whoever waits for it clears it.
        self.moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(
            listening(self._db.dsn, EVENTS_CHANNEL, self._notified, service=self._db.service)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    @asynccontextmanager
    async def watch(self, generation_id: UUID, *, after: int) -> AsyncIterator[Watch]:
        """Watch a generation, beginning with the event after `after` (0: with the first)."""
        watch = Watch(self, generation_id, after)
        self._watches.setdefault(generation_id, set()).add(watch)
        watch.refresh()
        try:
            yield watch
        finally:
            watches = self._watches[generation_id]
            watches.discard(watch)
            if not watches:
                del self._watches[generation_id]

    def _notified(self, keys: list[str]) -> None:
        self.moved.set()
        self.look([UUID(key) for key in keys] if keys else list(self._watches))

    def look(self, generation_ids: list[UUID]) -> None:
        """Read what is new of these, if anybody watches them."""
        self._wanted.update(self._watches.keys() & generation_ids)
        if self._wanted and self._reader is None:
            self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, set()
                after = {
                    generation_id: min(watch.last_id for watch in self._watches[generation_id])
                    for generation_id in wanted & self._watches.keys()
                }
                for event in await self._db.queries.events_after(after) if after else []:
                    for watch in self._watches.get(event.generation_id, ()):
                        watch.offer(event)
        except Exception:  # the database may be away; watchers ask again with their next heartbeat
            log.warning("events_not_read", exc_info=True)
        finally:
            self._reader = None
