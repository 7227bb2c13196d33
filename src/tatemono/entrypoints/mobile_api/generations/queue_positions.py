"""Positions in the queue, for all streams that show one."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from tatemono.adapters.postgres.generations.queries import Place

#: The shortest time between two queries.
_PAUSE_SECONDS = 1.0

ShowPlace = Callable[[Place | None], None]

log = structlog.get_logger()


class QueuePositions:
    """Reads the positions of all generations that are watched while they wait, in one query."""

    def __init__(
        self, read_positions: Callable[[list[UUID]], Awaitable[dict[UUID, Place]]], moved: asyncio.Event
    ) -> None:
        """:param moved: set when the queue may have moved; cleared here"""
        self.read_positions = read_positions
        self._moved = moved
        self._waiting: dict[ShowPlace, UUID] = {}
        self._reader: asyncio.Task[None] | None = None
        self._stopped = False

    def add(self, generation_id: UUID, show: ShowPlace) -> None:
        """:param show: is given each place that is read; none if it is not known"""
        self._waiting[show] = generation_id
        self._moved.set()
        if self._reader is None and not self._stopped:
            self._reader = asyncio.create_task(self._run())

    def remove(self, show: ShowPlace) -> None:
        self._waiting.pop(show, None)

    def stop(self) -> None:
        self._stopped = True
        if self._reader is not None:
            self._reader.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await self._moved.wait()
                self._moved.clear()
                began = loop.time()
                try:
                    places = await self.read_positions(list(set(self._waiting.values())))
                except Exception:  # the database may be away; positions can wait
                    log.warning("positions_not_read", exc_info=True)
                    places = {}
                for show, generation_id in list(self._waiting.items()):
                    show(places.get(generation_id))
                # A long queue takes longer to look through: at most a fifth of the time goes into it.
                await asyncio.sleep(max(_PAUSE_SECONDS, 4 * (loop.time() - began)))
        finally:
            self._reader = None
