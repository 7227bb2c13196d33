"""The service that sends what transactions wrote into the outbox to SQS, and finds jobs whose ticket was lost."""

import asyncio
import contextlib
import random
from datetime import timedelta

import structlog

from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap import OutboxRelayParts, outbox_relay
from tatemono.domain.retention import BATCH as PRUNE_BATCH
from tatemono.entrypoints.housekeeping import Housekeeping
from tatemono.entrypoints.process import run
from tatemono.settings import OutboxRelaySettings, read
from tatemono.usecases import collect_dead_letters as collecting
from tatemono.usecases.attach_identities import BATCH as ATTACH_BATCH
from tatemono.usecases.attach_identities import attach_identities
from tatemono.usecases.identity_ports import IdentitiesAway
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.prune_identity import prune_identity
from tatemono.usecases.relay_outbox import BATCH, relay_outbox
from tatemono.usecases.remove_unused_guests import BATCH as REMOVE_BATCH
from tatemono.usecases.remove_unused_guests import let_go_of_unused_guests, remove_erased_guests

#: A lost notification delays a message by so much at most.
_LONGEST_WAIT_SECONDS = 2.0
_SWEEP_EVERY_SECONDS = 2.0
_FORGET_KEYS_EVERY_SECONDS = 60.0
#: How long an Idempotency-Key counts.
_KEY_LIFE = timedelta(hours=24)
_SWEEP_LIMIT = 1000
#: Any ticket wakes a worker, which then goes on while anything is due: a long queue needs no ticket for each job.
_TICKETS_AT_A_TIME = 200
#: As above, of mail.
_MAIL_TICKETS = 20
#: Dead letters are looked for so often, unless there are many.
_COLLECT_EVERY_SECONDS = 15.0
_AFTER_ERROR_SECONDS = 1.0
#: Guests that nobody uses are looked for so often, unless there are many.
_REMOVE_EVERY_SECONDS = 60.0
#: What identity has kept long enough is looked for so often, unless there is much.
_PRUNE_EVERY_SECONDS = 60.0
#: Cognito is asked so seldom at least while it gives no identities.
_LONGEST_BACKOFF_SECONDS = 60.0

log = structlog.get_logger()


class OutboxRelay:
    def __init__(self, parts: OutboxRelayParts, settings: OutboxRelaySettings) -> None:
        self._parts = parts
        self._settings = settings
        self._rung = asyncio.Event()

    async def work(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set; a batch that was begun is finished."""
        works = (
            self._sweep(),
            self._measure(),
            *(self._collect(queue) for queue in self._parts.dead),
            self._attach_identities(),
            self._remove_unused_guests(),
            self._prune_identity(),
            self._stop_at(stopping),
        )
        tasks = [asyncio.create_task(work) for work in (*works, *Housekeeping(self._parts, self._settings).works())]
        async with listening(
            self._parts.db.dsn, OUTBOX_CHANNEL, lambda _: self._rung.set(), service=self._settings.service_name
        ):
            while not stopping.is_set():
                await self._relay()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stop_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._rung.set()

    async def _relay(self) -> None:
        self._rung.clear()
        try:
            if await relay_outbox(self._parts.db, self._parts.queues) == BATCH:
                return
            due = await self._parts.db.outbox.seconds_until_due()
            wait = _LONGEST_WAIT_SECONDS if due is None else min(max(due, 0.0), _LONGEST_WAIT_SECONDS)
        except Exception:
            log.exception("outbox_not_relayed")
            wait = _AFTER_ERROR_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._rung.wait()

    async def _attach_identities(self) -> None:
        parts, failures = self._parts, 0
        if parts.identities is None:
            return
        while True:
            try:
                if await attach_identities(parts.db, parts.identities) == ATTACH_BATCH:
                    continue
                failures = 0
            except IdentitiesAway as error:
                failures += 1
                log.warning("identities_away", error=str(error))
            except Exception:
                failures += 1
                log.exception("identities_not_attached")
            # Those who wait for Cognito do not all come back at the same moment.
            wait = min(_SWEEP_EVERY_SECONDS * 2 ** min(failures, 10), _LONGEST_BACKOFF_SECONDS)
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _remove_unused_guests(self) -> None:
        unused_for = timedelta(days=self._settings.unused_guest_days)
        while True:
            counts = [0, 0]
            try:
                counts[0] = await let_go_of_unused_guests(self._parts.db, unused_for=unused_for)
                counts[1] = await remove_erased_guests(self._parts.db)
            except Exception:
                log.exception("unused_guests_not_removed")
            if any(counts):
                log.info("unused_guests", let_go=counts[0], removed=counts[1])
            if REMOVE_BATCH not in counts:
                await asyncio.sleep(_REMOVE_EVERY_SECONDS)

    async def _prune_identity(self) -> None:
        while True:
            removed = {}
            try:
                counts = await prune_identity(self._parts.db)
                removed = {what.name.lower(): count for what, count in counts.items() if count}
            except Exception:
                log.exception("identity_not_pruned")
            if removed:
                log.info("identity_pruned", **removed)
            if PRUNE_BATCH not in removed.values():
                await asyncio.sleep(_PRUNE_EVERY_SECONDS)

    async def _measure(self) -> None:
        """How fast the queue moves: what people are told of their waiting time comes from here."""
        while True:
            try:
                await self._parts.db.queue.measure()
            except Exception:
                log.exception("pace_not_measured")
            await asyncio.sleep(_SWEEP_EVERY_SECONDS)

    async def _collect(self, queue: str) -> None:
        while True:
            found = 0
            try:
                found = await collecting.collect_dead_letters(self._parts.db, queue, self._parts.dead[queue])
            except Exception:
                log.exception("dead_letters_not_collected", queue=queue)
            if found:
                # An alarm counts these lines.
                log.error("alarm", alarm="dead_letters", queue=queue, count=found)
            else:
                await asyncio.sleep(_COLLECT_EVERY_SECONDS)

    async def _sweep(self) -> None:
        outbox = self._parts.db.outbox
        forget_at = 0.0
        now = asyncio.get_running_loop().time
        while True:
            try:
                older_than = timedelta(seconds=self._settings.lost_ticket_seconds)
                if lost := await outbox.reissue_lost_tickets(older_than=older_than, limit=_TICKETS_AT_A_TIME):
                    log.warning("tickets_reissued", count=lost)
                    self._rung.set()
                if lost := await self._parts.db.mails.reissue_lost_tickets(older_than=older_than, limit=_MAIL_TICKETS):
                    log.info("mail_tickets_reissued", count=lost)
                    self._rung.set()
                if now() >= forget_at:
                    await outbox.forget_old_keys(older_than=_KEY_LIFE, limit=_SWEEP_LIMIT)
                    forget_at = now() + _FORGET_KEYS_EVERY_SECONDS
            except Exception:
                log.exception("sweep_failed")
            await asyncio.sleep(_SWEEP_EVERY_SECONDS)


async def main(settings: OutboxRelaySettings, stopping: asyncio.Event) -> None:
    async with outbox_relay(settings) as parts:
        log.info("started")
        await OutboxRelay(parts, settings).work(stopping)


if __name__ == "__main__":
    _settings = read(OutboxRelaySettings)
    run(lambda stopping: main(_settings, stopping), _settings)
