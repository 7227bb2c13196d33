"""The events of generations, as they are committed, for everyone who watches one in this process.

One connection listens for all watchers; a burst of notifications becomes one query. No watcher polls. A notification is
only a hint, though: now and then one query for all watchers finds events without one (`check`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self
from uuid import UUID

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.generations.queries import EventRow
from tatemono.adapters.postgres.notifications import listening
from tatemono.usecases.ports import EVENTS_CHANNEL

#: As much may wait for a watcher when the next events come. An unfinished picture has some 20 kB.
MAX_BYTES_WAITING = 256 * 1024

log = structlog.get_logger()


class Watch:
    """One watcher of one generation: the events after `last_id`, each once and in order.

    :ivar overrun: more came while too much waited: the watcher does not keep up, and hears no more
    """

    __slots__ = ("_bytes", "_events", "_tell", "generation_id", "last_id", "overrun")

    def __init__(self, generation_id: UUID, last_id: int, tell: Callable[[], None]) -> None:
        self.generation_id = generation_id
        self.last_id = last_id
        self.overrun = False
        self._bytes = 0
        self._tell = tell
        self._events: list[EventRow] = []

    def offer(self, events: Sequence[EventRow]) -> None:
        news = [event for event in events if event.id > self.last_id]
        if not news:
            return
        if self._bytes >= MAX_BYTES_WAITING:
            self.overrun = True
        else:
            self.last_id = news[-1].id
            self._events += news
            self._bytes += sum(len(event.data) for event in news)
        self._tell()

    def take(self) -> EventRow | None:
        """The next event, if there is one."""
        if not self._events:
            return None
        event = self._events.pop(0)
        self._bytes -= len(event.data)
        return event


class EventFeed:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._watches: dict[UUID, set[Watch]] = {}
        self._wanted: set[UUID] = set()
        self._reader: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()
        self._newest = 0
        self._quiet = False
        #: Set whenever anything may have happened to any generation, watched or not; the task that waits clears it.
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
    async def watch(self, generation_id: UUID, *, after: int, tell: Callable[[], None]) -> AsyncIterator[Watch]:
        """Watch a generation, beginning with the event after `after` (0: with the first).

        :param tell: is called when an event has come
        """
        watch = Watch(generation_id, after, tell)
        self._watches.setdefault(generation_id, set()).add(watch)
        self.look([generation_id])
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

    async def check(self) -> None:
        """Look for events without a notification, with one query for all watchers.

        Once more after a quiet check, since numbers are given out before the commit.
        """
        if not self._watches:
            return
        newest = await self._db.queries.newest_event()
        was_quiet, self._quiet = self._quiet, newest == self._newest
        self._newest = newest
        if not (was_quiet and self._quiet):
            self.moved.set()
            self.look(list(self._watches))

    def look(self, generation_ids: list[UUID]) -> None:
        """Read what is new of those of them that are watched."""
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
                found: dict[UUID, list[EventRow]] = {}
                for event in await self._db.queries.events_after(after) if after else []:
                    found.setdefault(event.generation_id, []).append(event)
                for generation_id, events in found.items():
                    for watch in self._watches.get(generation_id, ()):
                        watch.offer(events)
        except Exception:  # the database may be away; the next check asks again
            self._quiet = False
            log.warning("events_not_read", exc_info=True)
        finally:
            self._reader = None
