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
from tatemono.adapters.postgres.notified_cache import RELOAD_SECONDS, NotifiedCache
from tatemono.bootstrap.image_worker import ImageProvider
from tatemono.domain.generations.circuit_breaker import (
    LONGEST_RETRY_AFTER_SECONDS,
    Breaker,
    BreakerDecision,
    BreakerSignal,
    signal_of,
)
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.domain.generations.queue import QueueControls
from tatemono.usecases.generations.report_call import report_call
from tatemono.usecases.ports import PAINTERS_CHANNEL, QUEUE_CHANNEL

log = structlog.get_logger()

#: What asks for a person: an alarm counts these lines.
_ALARMS = {
    Failure.BAD_REQUEST: "painter_rejected_request",
    Failure.ACCOUNT_REFUSED: "painter_refuses_account",
    Failure.USER_REFUSED: "painter_refuses_user",
}


@dataclass(eq=False)
class Permit:
    """Leave to make one call at one painter.

    :ivar probing: it is the one call that tries a painter after its time alone
    """

    provider: ImageProvider
    probing: bool
    reported: bool = False


class ProviderAdmission:
    """Open it as a context manager."""

    def __init__(
        self,
        db: Database,
        providers: Sequence[ImageProvider],
        *,
        probe_seconds: float,
        reload_seconds: float = RELOAD_SECONDS,
    ) -> None:
        """:param providers: the first that may be called is called
        :param probe_seconds: as long as a call takes at most
        """
        self._db = db
        self._providers = providers
        self._probe_seconds = probe_seconds
        self._controls: NotifiedCache[QueueControls] = NotifiedCache(
            db, QUEUE_CHANNEL, db.queue.controls, reload_seconds=reload_seconds
        )
        self._breakers: NotifiedCache[dict[tuple[str, str], Breaker]] = NotifiedCache(
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
        """Give no more permits."""
        self._closed.set()

    async def is_paused(self) -> bool:
        """As the database says now."""
        return (await self._controls.read()).paused is not None

    async def wait_until_open(self) -> None:
        """Wait until a call could be permitted."""
        while not self._closed.is_set():
            changes = self._changes()
            if (wait := self._wait()) is None:
                return
            await _first_of(*changes, timeout_seconds=wait)

    async def acquire(self) -> Permit | None:
        """Wait for leave to make one call; none: the worker stops."""
        while not self._closed.is_set():
            changes = self._changes()
            if self._controls.value.paused is None:
                for provider in self._providers:
                    decision, _ = self._breaker(provider).decision()
                    if decision is BreakerDecision.CALL or (
                        decision is BreakerDecision.PROBE and await self._take_probe(provider)
                    ):
                        return Permit(provider, probing=decision is BreakerDecision.PROBE)
            await _first_of(*changes, timeout_seconds=self._wait() or 1.0)
        return None

    async def report(self, permit: Permit, failed: PaintingFailed | None) -> None:
        """What the call told about the painter. While all is well nothing is written."""
        provider = permit.provider
        if failed is not None and (alarm := _alarm(failed)):
            log.error(
                "alarm",
                alarm=alarm,
                provider=provider.name,
                model=provider.dependencies.model,
                cause=failed.cause,
                detail=failed.detail,
                provider_request_id=failed.provider_request_id,
            )
        signal = signal_of(failed.failure if failed else None)
        if signal is None:
            return
        permit.reported = True
        if signal is BreakerSignal.ANSWERED and self._breaker(provider).is_closed:
            return
        breaker = await report_call(
            self._db,
            provider=provider.name,
            model=provider.dependencies.model,
            signal=signal,
            retry_after_seconds=failed.retry_after_seconds if failed else None,
            jitter=provider.dependencies.jitter(),
            cause=failed.cause if failed else None,
        )
        log.info("painter", provider=provider.name, signal=signal, failures=breaker.failures, open_for=breaker.open_for)
        await self._breakers.read()

    async def release(self, permit: Permit) -> None:
        """Give a permit back. A probe that told nothing is left for another worker."""
        if permit.probing and not permit.reported:
            await self._db.painters.end_probe(permit.provider.name, permit.provider.dependencies.model)
            await self._breakers.read()

    async def _take_probe(self, provider: ImageProvider) -> bool:
        taken = await self._db.painters.take_probe(
            provider.name, provider.dependencies.model, seconds=self._probe_seconds
        )
        await self._breakers.read()
        return taken

    def _wait(self) -> float | None:
        """How long until a call may be permitted, by what is known; none: now."""
        if self._controls.value.paused is not None:
            return inf
        decisions = [self._breaker(provider).decision() for provider in self._providers]
        if any(decision is not BreakerDecision.WAIT for decision, _ in decisions):
            return None
        return min(wait for _, wait in decisions)

    def _breaker(self, provider: ImageProvider) -> Breaker:
        known = self._breakers.value.get((provider.name, provider.dependencies.model), Breaker())
        return known.later(time.monotonic() - self._breakers.read_at)

    def _changes(self) -> tuple[asyncio.Event, ...]:
        return self._controls.changed, self._breakers.changed, self._closed


def _alarm(failed: PaintingFailed) -> str | None:
    if (failed.retry_after_seconds or 0) > LONGEST_RETRY_AFTER_SECONDS:
        return "painter_busy_for_long"
    return _ALARMS.get(failed.failure)


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
