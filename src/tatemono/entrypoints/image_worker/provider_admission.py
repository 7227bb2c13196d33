"""Whether to work now, and at which painter: what operators and all workers know, waited for without polling."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import inf, isinf
from typing import Self

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.notified_cache import RELOAD_SECONDS, Watched
from tatemono.bootstrap.image_worker import Easel
from tatemono.domain.generations.circuit_breaker import Breaker, News, Ruling, news_of
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.domain.generations.queue import QueueControls
from tatemono.usecases.generations.report_call import report_call
from tatemono.usecases.ports import PAINTERS_CHANNEL, QUEUE_CHANNEL

log = structlog.get_logger()


@dataclass(eq=False)
class Turn:
    """Leave to make one call at one painter.

    :ivar probing: it is the one call that tries a painter after its time alone
    """

    easel: Easel
    probing: bool
    reported: bool = False


class Gate:
    """Open it as a context manager."""

    def __init__(
        self,
        db: Database,
        easels: Sequence[Easel],
        *,
        probe_seconds: float,
        reload_seconds: float = RELOAD_SECONDS,
    ) -> None:
        """:param easels: the first that may be called is called
        :param probe_seconds: as long as a call takes at most
        """
        self._db = db
        self._easels = easels
        self._probe_seconds = probe_seconds
        self._controls: Watched[QueueControls] = Watched(
            db, QUEUE_CHANNEL, db.queue.controls, reload_seconds=reload_seconds
        )
        self._breakers: Watched[dict[tuple[str, str], Breaker]] = Watched(
            db, PAINTERS_CHANNEL, db.painters.all, reload_seconds=reload_seconds
        )
        self._stack = AsyncExitStack()
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._controls)
        await self._stack.enter_async_context(self._breakers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def close(self) -> None:
        """Nobody passes any more."""
        self._closed.set()

    async def is_paused(self) -> bool:
        """As the database says now."""
        return (await self._controls.read()).paused is not None

    async def opened(self) -> None:
        """Wait until somebody could pass."""
        while not self._closed.is_set():
            changes = self._changes()
            if (wait := self._wait()) is None:
                return
            await _first_of(*changes, timeout_seconds=wait)

    async def pass_through(self) -> Turn | None:
        """Wait for leave to make one call; none: the gate is closed."""
        while not self._closed.is_set():
            changes = self._changes()
            if self._controls.value.paused is None:
                for easel in self._easels:
                    ruling, _ = self._breaker(easel).ruling()
                    if ruling is Ruling.CALL or (ruling is Ruling.PROBE and await self._take_probe(easel)):
                        return Turn(easel, probing=ruling is Ruling.PROBE)
            await _first_of(*changes, timeout_seconds=self._wait() or 1.0)
        return None

    async def report(self, turn: Turn, failed: PaintingFailed | None) -> None:
        """What the call told about the painter. Without news while all is well nothing is written."""
        easel = turn.easel
        if failed is not None and failed.failure is Failure.BAD_REQUEST:
            # A fault of ours, which nobody but us can mend: an alarm counts these lines.
            log.error("alarm", alarm="painter_rejected_request", provider=easel.provider, detail=failed.detail)
        news = news_of(failed.failure if failed else None)
        if news is None:
            return
        turn.reported = True
        if news is News.ANSWERED and self._breaker(easel).untroubled:
            return
        breaker = await report_call(
            self._db,
            provider=easel.provider,
            model=easel.workshop.model,
            news=news,
            retry_after_seconds=failed.retry_after_seconds if failed else None,
            jitter=easel.workshop.jitter(),
        )
        log.info("painter", provider=easel.provider, news=news, failures=breaker.failures, open_for=breaker.open_for)
        await self._breakers.read()

    async def give_back(self, turn: Turn) -> None:
        """The turn is over. A probe that told nothing is somebody else's to make."""
        if turn.probing and not turn.reported:
            await self._db.painters.end_probe(turn.easel.provider, turn.easel.workshop.model)
            await self._breakers.read()

    async def _take_probe(self, easel: Easel) -> bool:
        taken = await self._db.painters.take_probe(easel.provider, easel.workshop.model, seconds=self._probe_seconds)
        await self._breakers.read()
        return taken

    def _wait(self) -> float | None:
        """How long until somebody may pass, by what is known; none: now."""
        if self._controls.value.paused is not None:
            return inf
        rulings = [self._breaker(easel).ruling() for easel in self._easels]
        if any(ruling is not Ruling.WAIT for ruling, _ in rulings):
            return None
        return min(wait for _, wait in rulings)

    def _breaker(self, easel: Easel) -> Breaker:
        known = self._breakers.value.get((easel.provider, easel.workshop.model), Breaker())
        return known.later(time.monotonic() - self._breakers.read_at)

    def _changes(self) -> tuple[asyncio.Event, ...]:
        return self._controls.changed, self._breakers.changed, self._closed


async def _first_of(*events: asyncio.Event, timeout_seconds: float) -> None:
    """Wait for one of them, but no longer than that."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        timeout = None if isinf(timeout_seconds) else timeout_seconds
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
