"""Builds exports, one at a time, beside the process's other work: that is reading and writing, hardly any work.

A ticket names an export. A worker that cannot claim it gives the ticket up: it is built elsewhere, or done, or the
relay finds it again when its builder has shown no sign of life.
"""

import asyncio
from uuid import UUID

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.domain.privacy.exports import LEASE, ExportClaim
from tatemono.entrypoints.ticket_loop import TicketLoop
from tatemono.usecases.generations.ports import Ticket, TicketQueue
from tatemono.usecases.privacy.build_export import Builder, build_export

RENEWALS_PER_LEASE = 6
#: The ticket outlasts the lease a little, so that the next worker finds the lease over.
_TICKET_SECONDS = int(LEASE.total_seconds() * 1.25)

log = structlog.get_logger()


class Exporter:
    def __init__(self, db: Database, queue: TicketQueue, builder: Builder) -> None:
        self._db = db
        self._queue = queue
        self._builder = builder
        self._loop = TicketLoop(queue, self._use, concurrency=1)

    async def work(self, stopping: asyncio.Event) -> None:
        """Build until `stopping` is set; what is not ready then is begun anew by another process."""
        self._loop.start()
        await stopping.wait()
        await self._loop.stop()
        await self._loop.cancel()

    async def _use(self, ticket: Ticket) -> None:
        claim = await self._db.exports.claim(UUID(ticket.body), lease=LEASE)
        if claim is not None:
            try:
                ready = await self._build(claim, ticket)
            except asyncio.CancelledError:
                await asyncio.shield(self._hand_back(claim, ticket))
                raise
            log.info("export_built" if ready else "export_overtaken", export_id=str(claim.id), fence=claim.fence)
        await self._queue.delete([ticket])

    async def _build(self, claim: ExportClaim, ticket: Ticket) -> bool:
        building = asyncio.create_task(build_export(self._db, self._builder, claim))
        keeping = asyncio.create_task(self._keep(claim, ticket))
        try:
            await asyncio.wait({building, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (building, keeping):
                if not task.done():
                    task.cancel()
            await asyncio.gather(building, keeping, return_exceptions=True)
        # The claim was lost: the account is being deleted, or another worker builds it.
        return False if building.cancelled() else building.result()

    async def _keep(self, claim: ExportClaim, ticket: Ticket) -> None:
        """The sign of life. Ends when the claim is lost."""
        while await self._db.exports.extend(claim, lease=LEASE):
            await self._queue.extend([ticket], _TICKET_SECONDS)
            await asyncio.sleep(LEASE.total_seconds() / RENEWALS_PER_LEASE)

    async def _hand_back(self, claim: ExportClaim, ticket: Ticket) -> None:
        await self._db.exports.release(claim)
        await self._queue.extend([ticket], 0)
