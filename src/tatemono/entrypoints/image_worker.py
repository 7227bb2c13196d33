"""The service that paints: takes tickets from SQS, claims jobs in PostgreSQL, calls the painter.

A ticket is leave to do a job, whichever is next; PostgreSQL decides. When the job is done its worker goes on with the
next one that is due, and gives the ticket up when there is none: so nothing waits that a free worker could do.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap import ImageWorkerParts, image_worker
from tatemono.domain.attempts import Claim
from tatemono.domain.generations import MAX_RUNNING
from tatemono.entrypoints.process import again_and_again, run
from tatemono.entrypoints.upkeep import upkeep
from tatemono.settings import ImageWorkerSettings, read
from tatemono.usecases.delete_picture import erase_deleted_pictures
from tatemono.usecases.ports import CANCEL_CHANNEL, EVENTS_CHANNEL, Ticket
from tatemono.usecases.run_generation import Stop, run_generation

#: A lease, and the invisibility of a ticket, are renewed so many times before they would end.
_RENEWALS_PER_LEASE = 3
_ERASE_EVERY_SECONDS = 15
#: How often, and how long apart, to look again when all that is due is locked by other claims for a moment.
_CONTENDED_TRIES = 5
_CONTENDED_SECONDS = 0.02
#: What is left of the stop timeout for recording, when jobs that take too long are let go.
_STOP_MARGIN_SECONDS = 5.0
#: SQS gives at most so many tickets at a time.
_TICKETS_AT_A_TIME = 10

log = structlog.get_logger()


class ImageWorker:
    """Runs up to `concurrency` jobs at a time."""

    def __init__(self, parts: ImageWorkerParts, settings: ImageWorkerSettings) -> None:
        self._parts = parts
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._stopping = False
        self._tasks: dict[asyncio.Task[None], Ticket] = {}
        self._jobs: dict[UUID, tuple[Claim, asyncio.Future[Stop]]] = {}
        self._ended = asyncio.Event()

    async def work(self, stopping: asyncio.Event) -> None:
        """Take tickets until `stopping` is set; then let the jobs finish, or hand them back when time runs out."""
        loops = [
            asyncio.create_task(again_and_again(self._receive, 0)),
            asyncio.create_task(again_and_again(self._renew, self._settings.lease_seconds / _RENEWALS_PER_LEASE)),
            asyncio.create_task(again_and_again(self._erase, _ERASE_EVERY_SECONDS)),
            *map(asyncio.ensure_future, upkeep(self._parts, self._settings)),
        ]
        async with listening(
            self._parts.db.dsn, CANCEL_CHANNEL, self._cancelled_by_user, service=self._settings.service_name
        ):
            await stopping.wait()
            self._stopping = True
            loops[0].cancel()
            await self._drain()
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def _receive(self) -> None:
        free = self._settings.concurrency - len(self._tasks)
        if free == 0:
            self._ended.clear()
            await self._ended.wait()
            return
        for ticket in await self._parts.queue.receive(min(free, _TICKETS_AT_A_TIME)):
            task = asyncio.create_task(self._use(ticket))
            self._tasks[task] = ticket
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._ended.set()

    async def _use(self, ticket: Ticket) -> None:
        queue = self._parts.queue
        try:
            while not self._stopping:
                claim = await self._claim()
                if claim is None:
                    await queue.delete([ticket])
                    return
                await self._do(claim)
            await queue.extend([ticket], 0)
        except Exception:
            # The lease ends and the ticket comes back, both by themselves: somebody tries again.
            log.exception("job_left", ticket=ticket.body, received_count=ticket.received_count)

    async def _claim(self) -> Claim | None:
        generations = self._parts.db.generations
        for _ in range(_CONTENDED_TRIES):
            claim = await generations.claim(
                lease=self._lease, max_running=MAX_RUNNING, model=self._parts.workshop.model
            )
            if claim is not None or not await generations.any_due(max_running=MAX_RUNNING):
                return claim
            await asyncio.sleep(_CONTENDED_SECONDS)
        return None

    async def _do(self, claim: Claim) -> None:
        stop: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        self._jobs[claim.generation.id] = (claim, stop)
        self._parts.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
        try:
            outcome = await run_generation(self._parts.workshop, claim, stop)
        finally:
            # A job that lost its lease may have been claimed again, by this very worker.
            if self._jobs.get(claim.generation.id) == (claim, stop):
                del self._jobs[claim.generation.id]
        log.info("job_done", generation_id=str(claim.generation.id), fence=claim.fence, outcome=outcome)

    async def _renew(self) -> None:
        """The sign of life: every lease that is held, and every ticket, is good for a full lease from now."""
        tickets = list(self._tasks.values())
        for start in range(0, len(tickets), _TICKETS_AT_A_TIME):
            seconds = self._settings.lease_seconds + self._settings.lease_seconds // 4
            await self._parts.queue.extend(tickets[start : start + _TICKETS_AT_A_TIME], seconds)
        jobs = dict(self._jobs)
        if not jobs:
            return
        held = await self._parts.db.generations.extend_leases([claim for claim, _ in jobs.values()], lease=self._lease)
        for generation_id, (_, stop) in jobs.items():
            if generation_id not in held:
                _let_go(stop, Stop.LEASE_LOST)
            elif held[generation_id]:
                _let_go(stop, Stop.CANCELLED_BY_USER)

    async def _erase(self) -> None:
        while await erase_deleted_pictures(self._parts.db, self._parts.workshop.store):
            pass

    def _cancelled_by_user(self, generation_ids: list[str]) -> None:
        # What is asked for while the connection is away is found by the next renewal.
        for generation_id in generation_ids:
            job = self._jobs.get(UUID(generation_id))
            if job is not None:
                _let_go(job[1], Stop.CANCELLED_BY_USER)

    async def _drain(self) -> None:
        log.info("stopping", jobs=len(self._jobs))
        patience = max(self._settings.stop_timeout_seconds - _STOP_MARGIN_SECONDS, 0)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)
        for _, stop in self._jobs.values():
            _let_go(stop, Stop.SHUTTING_DOWN)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_STOP_MARGIN_SECONDS)


def _let_go(stop: "asyncio.Future[Stop]", reason: Stop) -> None:
    if not stop.done():
        stop.set_result(reason)


async def main(settings: ImageWorkerSettings, stopping: asyncio.Event) -> None:
    async with image_worker(settings) as parts:
        log.info("started", concurrency=settings.concurrency, model=settings.image_model)
        await ImageWorker(parts, settings).work(stopping)


if __name__ == "__main__":
    _settings = read(ImageWorkerSettings)
    run(lambda stopping: main(_settings, stopping), _settings)
