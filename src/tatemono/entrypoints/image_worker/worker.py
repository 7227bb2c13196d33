"""The service that paints: takes tickets from SQS, claims jobs in PostgreSQL, calls the painter.

A ticket is leave to do a job, whichever is next; PostgreSQL decides. When the job is done its worker goes on with the
next one that is due, and gives the ticket up when there is none: so nothing waits that a free worker could do. While
the queue is paused, or no painter may be called, tickets are held and no more are taken.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil

import structlog

from tatemono.adapters.batching import Gathered
from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap.image_worker import ImageWorkerParts, image_worker
from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.generation import MAX_RUNNING
from tatemono.domain.generations.painting import PaintingFailed
from tatemono.entrypoints.image_worker.exporting import Exporter
from tatemono.entrypoints.image_worker.lease_keeper import Jobs
from tatemono.entrypoints.image_worker.periodic_tasks import upkeep
from tatemono.entrypoints.image_worker.provider_admission import Gate, Turn
from tatemono.entrypoints.process import again_and_again
from tatemono.settings import ImageWorkerSettings
from tatemono.usecases.generations.queue_ports import Ticket
from tatemono.usecases.generations.run_generation import run_generation
from tatemono.usecases.pictures.delete_picture import erase_deleted_pictures
from tatemono.usecases.pictures.erase_orphans import BATCH, erase_orphans, search_orphans
from tatemono.usecases.ports import CANCEL_CHANNEL, EVENTS_CHANNEL

_ERASE_EVERY_SECONDS = 15
#: 1,000 keys at a time: a million objects are looked through in less than a day.
_SEARCH_EVERY_SECONDS = 60
#: How often, and how long apart, to look again when all that is due is locked by other claims for a moment.
_CONTENDED_TRIES = 5
_CONTENDED_SECONDS = 0.02
#: What is left of the stop timeout for recording, when jobs that take too long are let go.
_STOP_MARGIN_SECONDS = 5.0
#: SQS gives at most so many tickets at a time.
_TICKETS_AT_A_TIME = 10
#: Protection is given up when nothing was done for so long, so that a busy worker does not ask at each job.
_IDLE_SECONDS = 10.0
_PROTECTION_CHECKED_SECONDS = 1.0

log = structlog.get_logger()


class ImageWorker:
    """Runs up to `concurrency` jobs at a time."""

    def __init__(self, parts: ImageWorkerParts, settings: ImageWorkerSettings) -> None:
        self._parts = parts
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._stopping = False
        self._tasks: dict[asyncio.Task[None], Ticket] = {}
        #: How many tickets SQS is asked for at the moment.
        self._asked = 0
        self._delete: Gathered[Ticket, None] = Gathered(self._delete_together, most=_TICKETS_AT_A_TIME)
        self._jobs = Jobs(parts.db, parts.queue, self._lease)
        self._gate = Gate(parts.db, parts.easels, probe_seconds=settings.painter_timeout_seconds)
        self._ended = asyncio.Event()
        self._protected_until = 0.0
        self._busy_at = 0.0

    async def work(self, stopping: asyncio.Event) -> None:
        """Take tickets until `stopping` is set; then let the jobs finish, or hand them back when time runs out."""
        async with self._gate:
            # SQS gives ten tickets in one answer: a worker of many jobs asks several times at once.
            asking = [
                asyncio.create_task(again_and_again(self._receive, 0))
                for _ in range(ceil(self._settings.concurrency / _TICKETS_AT_A_TIME))
            ]
            loops = [
                asyncio.create_task(self._jobs.renew(lambda: list(self._tasks.values()))),
                asyncio.create_task(self._jobs.fence()),
                asyncio.create_task(again_and_again(self._protect, _PROTECTION_CHECKED_SECONDS)),
                asyncio.create_task(again_and_again(self._erase, _ERASE_EVERY_SECONDS)),
                asyncio.create_task(again_and_again(self._search, _SEARCH_EVERY_SECONDS)),
                *map(asyncio.ensure_future, upkeep(self._parts, self._settings)),
            ]
            async with listening(
                self._parts.db.dsn, CANCEL_CHANNEL, self._jobs.cancel, service=self._settings.service_name
            ):
                await stopping.wait()
                self._stopping = True
                self._gate.close()
                for loop in asking:
                    loop.cancel()
                await self._drain()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*asking, *loops, return_exceptions=True)
            if self._protected_until:
                await self._parts.protection.set(protected=False)

    async def _receive(self) -> None:
        await self._gate.opened()
        asked = min(self._settings.concurrency - len(self._tasks) - self._asked, _TICKETS_AT_A_TIME)
        if asked <= 0:
            self._ended.clear()
            await self._ended.wait()
            return
        self._asked += asked
        try:
            tickets = await self._parts.queue.receive(asked)
        finally:
            self._asked -= asked
            self._ended.set()
        for ticket in tickets:
            task = asyncio.create_task(self._use(ticket))
            self._tasks[task] = ticket
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._ended.set()

    async def _use(self, ticket: Ticket) -> None:
        queue = self._parts.queue
        try:
            while (turn := await self._gate.pass_through()) is not None:
                try:
                    found = await self._take_turn(turn)
                finally:
                    await self._gate.give_back(turn)
                if not found:
                    await self._delete(ticket)
                    return
            await queue.extend([ticket], 0)
        except Exception:
            # The lease ends and the ticket comes back, both by themselves: somebody tries again.
            log.exception("job_left", ticket=ticket.body, received_count=ticket.received_count)

    async def _delete_together(self, tickets: Sequence[Ticket]) -> Sequence[None]:
        await self._parts.queue.delete(tickets)
        return [None] * len(tickets)

    async def _take_turn(self, turn: Turn) -> bool:
        """Do the next job. :returns: whether there may be another"""
        await self._protect(working=True)
        asked_at = self._jobs.clock()
        claim = await self._claim(turn)
        if claim is None:
            return await self._gate.is_paused()
        await self._do(claim, turn, asked_at)
        return True

    async def _claim(self, turn: Turn) -> Claim | None:
        generations = self._parts.db.generations
        for _ in range(_CONTENDED_TRIES):
            claim = await generations.claim(
                lease=self._lease,
                max_running=MAX_RUNNING,
                model=turn.easel.workshop.model,
                provider=turn.easel.provider,
            )
            if claim is not None or not await generations.any_due(max_running=MAX_RUNNING):
                return claim
            await asyncio.sleep(_CONTENDED_SECONDS)
        return None

    async def _do(self, claim: Claim, turn: Turn, asked_at: float) -> None:
        async def told(failed: PaintingFailed | None) -> None:
            try:
                await self._gate.report(turn, failed)
            except Exception:  # what is known of the painter may wait; what became of the job is recorded
                log.exception("call_not_reported", provider=turn.easel.provider)

        job = self._jobs.begin(claim, asked_at)
        self._parts.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
        try:
            outcome = await run_generation(replace(turn.easel.workshop, told=told), claim, job.stop)
        finally:
            self._jobs.end(job)
        log.info(
            "job_done",
            generation_id=str(claim.generation.id),
            fence=claim.fence,
            outcome=outcome,
            provider=turn.easel.provider,
        )

    async def _protect(self, *, working: bool = False) -> None:
        """Be protected from scaling in and from deploys while there is work, and not when there has been none."""
        protection, now = self._parts.protection, self._jobs.clock()
        if working or len(self._jobs):
            self._busy_at = now
            if now >= self._protected_until:
                # Asked for again when half of it is over; no sooner if the agent refuses, which it has reasons for.
                self._protected_until = now + protection.expires_minutes * 30
                await protection.set(protected=True)
        elif self._protected_until and now >= self._busy_at + _IDLE_SECONDS and await protection.set(protected=False):
            self._protected_until = 0.0

    async def _erase(self) -> None:
        while await erase_deleted_pictures(self._parts.db, self._parts.store):
            pass
        while await erase_orphans(self._parts.db, self._parts.store) == BATCH:
            pass

    async def _search(self) -> None:
        if found := await search_orphans(self._parts.db, self._parts.store, now=datetime.now(UTC)):
            log.warning("orphans_found_by_search", count=found)

    async def _drain(self) -> None:
        log.info("stopping", jobs=len(self._jobs))
        patience = max(self._settings.stop_timeout_seconds - _STOP_MARGIN_SECONDS, 0)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)
        self._jobs.stop_all()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_STOP_MARGIN_SECONDS)


async def main(settings: ImageWorkerSettings, stopping: asyncio.Event) -> None:
    async with image_worker(settings) as parts:
        painters = [f"{easel.provider}: {easel.workshop.model}" for easel in parts.easels]
        log.info("started", concurrency=settings.concurrency, painters=painters)
        exporter = Exporter(parts.db, parts.export_queue, parts.builder)
        await asyncio.gather(ImageWorker(parts, settings).work(stopping), exporter.work(stopping))
