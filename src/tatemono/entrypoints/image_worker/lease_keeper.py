"""The jobs that a worker holds, and its signs of life."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import Claim
from tatemono.entrypoints.ticket_loop import TICKETS_AT_A_TIME
from tatemono.usecases.generations.ports import Ticket, TicketQueue
from tatemono.usecases.generations.run_generation import Stop

#: A lease, and the invisibility of a ticket, are renewed so many times before they would end.
RENEWALS_PER_LEASE = 6
#: After a renewal that failed the next comes this much sooner.
_SOONER = 5
#: A job is let go so long before its lease ends, to hang up in time.
_MARGIN_SECONDS = 2.0

log = structlog.get_logger()


def let_go(stop: "asyncio.Future[Stop]", reason: Stop) -> None:
    if not stop.done():
        stop.set_result(reason)


@dataclass(eq=False)
class Job:
    """A claim that this worker works on.

    :ivar held_until: until then the lease is ours for certain, by this machine's monotonic clock
    """

    claim: Claim
    held_until: float
    stop: "asyncio.Future[Stop]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class LeaseKeeper:
    """Renews the leases of its jobs; one that it cannot renew it gives up before the lease ends.

    The lease is the database's, by the database's clock. Of it the worker knows one thing for certain: it lasts at
    least as long as told, counted from the moment before it asked. That needs no clock but a monotonic one, which
    is never set, and which goes on while the process is stopped.
    """

    def __init__(
        self, db: Database, queue: TicketQueue, lease: timedelta, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._queue = queue
        self._lease = lease
        self._seconds = lease.total_seconds()
        self._margin = min(_MARGIN_SECONDS, self._seconds / 10)
        self._clock = clock
        self._leases: dict[UUID, Job] = {}
        self._begun = asyncio.Event()

    def __len__(self) -> int:
        return len(self._leases)

    def clock(self) -> float:
        return self._clock()

    def begin(self, claim: Claim, asked_at: float) -> Job:
        """:param asked_at: what `clock` said before the claim was asked for"""
        job = Job(claim, asked_at + self._seconds)
        self._leases[claim.generation.id] = job
        if self._is_late(job):
            let_go(job.stop, Stop.LEASE_LOST)
        self._begun.set()
        return job

    def end(self, job: Job) -> None:
        # A job that lost its lease may have been claimed again, by this very worker.
        if self._leases.get(job.claim.generation.id) is job:
            del self._leases[job.claim.generation.id]

    def cancel(self, generation_ids: Sequence[str]) -> None:
        """Their users want these cancelled."""
        for generation_id in generation_ids:
            job = self._leases.get(UUID(generation_id))
            if job is not None:
                let_go(job.stop, Stop.CANCELLED_BY_USER)

    def stop_all(self) -> None:
        for job in self._leases.values():
            let_go(job.stop, Stop.SHUTTING_DOWN)

    async def renew(self, tickets: Callable[[], Sequence[Ticket]]) -> None:
        """For ever: every lease that is held, and every ticket, is good for a full lease from now.

        Leases and tickets are renewed side by side: SQS being away must not cost a lease, nor the database a ticket.
        """
        pause = self._seconds / RENEWALS_PER_LEASE
        while True:
            results = await asyncio.gather(self._renew_leases(), self._renew_tickets(tickets()), return_exceptions=True)
            failed = [result for result in results if isinstance(result, Exception)]
            for error in failed:
                log.warning("not_renewed", error=repr(error))
            await asyncio.sleep(pause / _SOONER if failed else pause)

    async def _renew_leases(self) -> None:
        jobs = dict(self._leases)
        if not jobs:
            return
        asked_at = self._clock()
        # A renewal that takes longer than this is noticed by `fence`.
        async with asyncio.timeout(self._seconds / RENEWALS_PER_LEASE):
            held = await self._db.generations.extend_leases([job.claim for job in jobs.values()], lease=self._lease)
        for generation_id, job in jobs.items():
            if generation_id not in held:
                let_go(job.stop, Stop.LEASE_LOST)
                continue
            job.held_until = asked_at + self._seconds
            if held[generation_id]:
                let_go(job.stop, Stop.CANCELLED_BY_USER)

    async def _renew_tickets(self, tickets: Sequence[Ticket]) -> None:
        # A ticket comes back a little after the lease.
        seconds = int(self._seconds + self._seconds // 4)
        batches = [tickets[start : start + TICKETS_AT_A_TIME] for start in range(0, len(tickets), TICKETS_AT_A_TIME)]
        await asyncio.gather(*(self._queue.extend(batch, seconds) for batch in batches))

    async def fence(self) -> None:
        """For ever: let go of each job whose lease was not renewed, before it ends."""
        while True:
            for job in self._leases.values():
                if self._is_late(job) and not job.stop.done():
                    log.warning("lease_not_renewed", generation_id=str(job.claim.generation.id), fence=job.claim.fence)
                    let_go(job.stop, Stop.LEASE_LOST)
            ends = [job.held_until for job in self._leases.values() if not job.stop.done()]
            if not ends:
                self._begun.clear()
                await self._begun.wait()
                continue
            await asyncio.sleep(max(min(ends) - self._margin - self._clock(), 0.0))

    def _is_late(self, job: Job) -> bool:
        return self._clock() >= job.held_until - self._margin
