"""The service that paints: takes tickets from SQS, claims jobs in PostgreSQL, calls the painter.

A ticket is leave to do a job, whichever is next; PostgreSQL decides. When the job is done its worker goes on with the
next one that is due, and gives the ticket up when there is none: so nothing waits that a free worker could do. While
the queue is paused, or no painter may be called, tickets are held and no more are taken.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from tatemono.adapters.batching import Batcher
from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap.image_worker import ImageWorkerDependencies, image_worker
from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.generation import MAX_RUNNING
from tatemono.domain.generations.painting import PaintingFailed
from tatemono.entrypoints.image_worker.exporting import Exporter
from tatemono.entrypoints.image_worker.lease_keeper import LeaseKeeper
from tatemono.entrypoints.image_worker.periodic_tasks import periodic_tasks
from tatemono.entrypoints.image_worker.provider_admission import Permit, ProviderAdmission
from tatemono.entrypoints.process import run_periodically
from tatemono.entrypoints.ticket_loop import TICKETS_AT_A_TIME, TicketLoop
from tatemono.settings import ImageWorkerSettings
from tatemono.usecases.generations.ports import Ticket
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
#: Protection is given up when nothing was done for so long, so that a busy worker does not ask at each job.
_IDLE_SECONDS = 10.0
_PROTECTION_CHECKED_SECONDS = 1.0

log = structlog.get_logger()


class ImageWorker:
    """Runs up to `concurrency` jobs at a time."""

    def __init__(self, dependencies: ImageWorkerDependencies, settings: ImageWorkerSettings) -> None:
        self._dependencies = dependencies
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._delete: Batcher[Ticket, None] = Batcher(self._delete_together, most=TICKETS_AT_A_TIME)
        self._leases = LeaseKeeper(dependencies.db, dependencies.queue, self._lease)
        self._admission = ProviderAdmission(
            dependencies.db, dependencies.providers, probe_seconds=settings.painter_timeout_seconds
        )
        self._loop = TicketLoop(
            dependencies.queue,
            self._use,
            concurrency=settings.concurrency,
            until_open=self._admission.wait_until_open,
        )
        self._protected_until = 0.0
        self._busy_at = 0.0

    async def work(self, stopping: asyncio.Event) -> None:
        """Take tickets until `stopping` is set; then let the jobs finish, or hand them back when time runs out."""
        async with self._admission:
            self._loop.start()
            loops = [
                asyncio.create_task(self._leases.renew(lambda: self._loop.tickets)),
                asyncio.create_task(self._leases.fence()),
                asyncio.create_task(run_periodically(self._protect, _PROTECTION_CHECKED_SECONDS)),
                asyncio.create_task(run_periodically(self._erase, _ERASE_EVERY_SECONDS)),
                asyncio.create_task(run_periodically(self._search, _SEARCH_EVERY_SECONDS)),
                *map(asyncio.ensure_future, periodic_tasks(self._dependencies, self._settings)),
            ]
            async with listening(
                self._dependencies.db.dsn, CANCEL_CHANNEL, self._leases.cancel, service=self._settings.service_name
            ):
                await stopping.wait()
                self._admission.close()
                await self._loop.stop()
                await self._drain()
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            if self._protected_until:
                await self._dependencies.protection.set(protected=False)

    async def _use(self, ticket: Ticket) -> None:
        """Do jobs while there are any. After an error the lease and the ticket end by themselves, for another try."""
        while (permit := await self._admission.acquire()) is not None:
            try:
                found = await self._use_permit(permit)
            finally:
                await self._admission.release(permit)
            if not found:
                await self._delete(ticket)
                return
        await self._dependencies.queue.extend([ticket], 0)

    async def _delete_together(self, tickets: Sequence[Ticket]) -> Sequence[None]:
        await self._dependencies.queue.delete(tickets)
        return [None] * len(tickets)

    async def _use_permit(self, permit: Permit) -> bool:
        """Do the next job. :returns: whether there may be another"""
        await self._protect(working=True)
        asked_at = self._leases.clock()
        claim = await self._claim(permit)
        if claim is None:
            return await self._admission.is_paused()
        await self._do(claim, permit, asked_at)
        return True

    async def _claim(self, permit: Permit) -> Claim | None:
        generations = self._dependencies.db.generations
        for _ in range(_CONTENDED_TRIES):
            claim = await generations.claim(
                lease=self._lease,
                max_running=MAX_RUNNING,
                model=permit.provider.dependencies.model,
                provider=permit.provider.name,
            )
            if claim is not None or not await generations.any_due(max_running=MAX_RUNNING):
                return claim
            await asyncio.sleep(_CONTENDED_SECONDS)
        return None

    async def _do(self, claim: Claim, permit: Permit, asked_at: float) -> None:
        job = self._leases.begin(claim, asked_at)
        self._dependencies.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
        try:
            result = await run_generation(permit.provider.dependencies, claim, job.stop)
            if result.call_ended:
                await self._report(permit, result.failure)
        finally:
            self._leases.end(job)
        failed = result.failure
        log.info(
            "job_done",
            generation_id=str(claim.generation.id),
            fence=claim.fence,
            outcome=result.outcome,
            provider=permit.provider.name,
            failure=failed and failed.failure,
            detail=failed and failed.detail,
            provider_request_id=failed and failed.provider_request_id,
        )

    async def _report(self, permit: Permit, failure: PaintingFailed | None) -> None:
        try:
            await self._admission.report(permit, failure)
        except Exception:  # what is known of the painter may wait; what became of the job is recorded
            log.exception("call_not_reported", provider=permit.provider.name)

    async def _protect(self, *, working: bool = False) -> None:
        """Be protected from scaling in and from deploys while there is work, and not when there has been none."""
        protection, now = self._dependencies.protection, self._leases.clock()
        if working or len(self._leases):
            self._busy_at = now
            if now >= self._protected_until:
                # Asked for again when half of it is over; no sooner if the agent refuses, which it has reasons for.
                self._protected_until = now + protection.expires_minutes * 30
                await protection.set(protected=True)
        elif self._protected_until and now >= self._busy_at + _IDLE_SECONDS and await protection.set(protected=False):
            self._protected_until = 0.0

    async def _erase(self) -> None:
        while await erase_deleted_pictures(self._dependencies.db, self._dependencies.store):
            pass
        while await erase_orphans(self._dependencies.db, self._dependencies.store) == BATCH:
            pass

    async def _search(self) -> None:
        if found := await search_orphans(self._dependencies.db, self._dependencies.store, now=datetime.now(UTC)):
            log.warning("orphans_found_by_search", count=found)

    async def _drain(self) -> None:
        log.info("stopping", jobs=len(self._leases))
        await self._loop.finish(self._settings.stop_timeout_seconds - _STOP_MARGIN_SECONDS)
        self._leases.stop_all()
        await self._loop.finish(_STOP_MARGIN_SECONDS)


async def main(settings: ImageWorkerSettings, stopping: asyncio.Event) -> None:
    async with image_worker(settings) as dependencies:
        painters = [f"{provider.name}: {provider.dependencies.model}" for provider in dependencies.providers]
        log.info("started", concurrency=settings.concurrency, painters=painters)
        exporter = Exporter(dependencies.db, dependencies.export_queue, dependencies.builder)
        await asyncio.gather(ImageWorker(dependencies, settings).work(stopping), exporter.work(stopping))
