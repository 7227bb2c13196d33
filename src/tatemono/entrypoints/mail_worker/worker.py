"""The service that sends mail: tickets come from SQS, mails from PostgreSQL; SES is called, and heard afterwards.

A ticket is leave to send a mail, whichever is next; PostgreSQL decides, and draws from SES's quota with it. A
ticket is kept while mail is due, and given up when there is none.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from tatemono.adapters.ses.events import UnreadableEvent, read_event
from tatemono.bootstrap.mail_worker import MailWorkerDependencies, mail_worker
from tatemono.domain.mail.sending import MailClaim, SendingFailed
from tatemono.entrypoints.process import run_periodically
from tatemono.entrypoints.ticket_loop import TICKETS_AT_A_TIME, TicketLoop
from tatemono.settings import MailWorkerSettings
from tatemono.usecases.generations.ports import Ticket
from tatemono.usecases.mail.mail_maintenance import BATCH, erase_old_mail, refresh_quota, settle_unknown_mail
from tatemono.usecases.mail.send_mail import send_mail

#: The invisibility of a ticket is renewed so many times before it would end.
RENEWALS_PER_LEASE = 6
_SETTLE_EVERY_SECONDS = 5.0
_ASK_QUOTA_EVERY_SECONDS = 15.0
_ERASE_EVERY_SECONDS = 300.0
#: A ticket waits so long for SES's quota; then it is given up, and the relay writes new ones while mail waits.
_LONGEST_WAIT_SECONDS = 20.0
_SHORTEST_WAIT_SECONDS = 0.01
#: What is left of the stop timeout for recording.
_STOP_MARGIN_SECONDS = 2.0
#: Of the lease: a call to SES that takes longer is given up, so that what became of it is recorded in time.
_CALL_SHARE = 0.5

log = structlog.get_logger()


class MailWorker:
    """Sends up to `concurrency` mails at a time."""

    def __init__(self, dependencies: MailWorkerDependencies, settings: MailWorkerSettings) -> None:
        self._dependencies = dependencies
        self._settings = settings
        self._stopping = asyncio.Event()
        self._loop = TicketLoop(dependencies.queue, self._use, concurrency=settings.concurrency)

    async def work(self, stopping: asyncio.Event) -> None:
        """Take tickets and events until `stopping` is set; then let the mails under way finish."""
        self._loop.start()
        hearing = asyncio.create_task(run_periodically(self._hear, 0))
        keeping = [
            asyncio.create_task(run_periodically(self._renew, self._settings.lease_seconds / RENEWALS_PER_LEASE)),
            asyncio.create_task(run_periodically(self._settle, _SETTLE_EVERY_SECONDS)),
            asyncio.create_task(run_periodically(self._ask_quota, _ASK_QUOTA_EVERY_SECONDS)),
            asyncio.create_task(run_periodically(self._erase, _ERASE_EVERY_SECONDS)),
        ]
        await stopping.wait()
        self._stopping.set()
        hearing.cancel()
        await self._loop.stop()
        await self._loop.finish(self._settings.stop_timeout_seconds - _STOP_MARGIN_SECONDS)
        for task in keeping:
            task.cancel()
        await self._loop.cancel()
        await asyncio.gather(hearing, *keeping, return_exceptions=True)

    # --- sending

    async def _use(self, ticket: Ticket) -> None:
        """Send while mail is due. After an error the lease and the ticket end by themselves, for another try."""
        while not self._stopping.is_set():
            if await self._send_next():
                continue
            wait = await self._dependencies.db.mails.seconds_until_next()
            if wait is None or wait > _LONGEST_WAIT_SECONDS:
                await self._dependencies.queue.delete([ticket])
                return
            await self._pause(max(wait, _SHORTEST_WAIT_SECONDS))
        await self._dependencies.queue.extend([ticket], 0)

    async def _send_next(self) -> bool:
        now = self._dependencies.delivery.clock()
        claim = await self._dependencies.db.mails.claim(lease=timedelta(seconds=self._settings.lease_seconds))
        if claim is None:
            return False
        await self._send(claim, good_until=now + self._settings.lease_seconds * _CALL_SHARE)
        return True

    async def _send(self, claim: MailClaim, *, good_until: float) -> None:
        became = await send_mail(self._dependencies.delivery, claim, good_until=good_until)
        log.info("mail_handled", mail_id=str(claim.id), kind=claim.kind, fence=claim.fence, became=became)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _renew(self) -> None:
        seconds = self._settings.lease_seconds + self._settings.lease_seconds // 4
        await self._dependencies.queue.extend(self._loop.tickets, seconds)

    # --- what becomes of it

    async def _hear(self) -> None:
        messages = await self._dependencies.events.receive(TICKETS_AT_A_TIME)
        await self._dependencies.events.delete([message for message in messages if await self._heard(message)])

    async def _heard(self, message: Ticket) -> bool:
        """Whether it is done with. What is not comes back, and is a dead letter when it was received often enough."""
        try:
            event = read_event(message.body)
            if event is not None and await self._dependencies.db.mails.record(event):
                log.info("mail_event", mail_id=str(event.mail_id), kind=event.kind, suppresses=event.suppresses)
        except UnreadableEvent as error:
            log.warning("mail_event_unreadable", error=str(error), received_count=message.received_count)
            return False
        except Exception:
            log.exception("mail_event_not_recorded", received_count=message.received_count)
            return False
        return True

    async def _settle(self) -> None:
        kept = await settle_unknown_mail(self._dependencies.db)
        if kept.lost or kept.again or kept.failed:
            log.warning("mail_settled", lost=kept.lost, sent_again=kept.again, failed=kept.failed)

    async def _ask_quota(self) -> None:
        try:
            if not await refresh_quota(self._dependencies.db, self._dependencies.delivery.sender):
                log.error("mail_may_not_be_sent", reason="SES has paused or ended sending for this account")
        except SendingFailed as failed:
            log.warning("quota_not_known", error=str(failed))

    async def _erase(self) -> None:
        kept_for = timedelta(days=self._settings.mail_kept_days)
        while (count := await erase_old_mail(self._dependencies.db, kept_for=kept_for)) == BATCH:
            log.info("mail_erased", count=count)


async def main(settings: MailWorkerSettings, stopping: asyncio.Event) -> None:
    async with mail_worker(settings) as dependencies:
        log.info("started", concurrency=settings.concurrency)
        await MailWorker(dependencies, settings).work(stopping)
