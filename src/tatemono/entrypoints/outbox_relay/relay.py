"""The service that sends what transactions wrote into the outbox to SQS, and finds jobs whose ticket was lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap.outbox_relay import OutboxRelayDependencies, outbox_relay
from tatemono.domain.privacy.retention import BATCH as PRUNE_BATCH
from tatemono.entrypoints.outbox_relay.periodic_tasks import PeriodicTasks
from tatemono.entrypoints.process import run_periodically
from tatemono.settings import OutboxRelaySettings
from tatemono.usecases.generations.collect_dead_letters import collect_dead_letters
from tatemono.usecases.generations.relay_outbox import BATCH, relay_outbox
from tatemono.usecases.identity.attach_identities import BATCH as ATTACH_BATCH
from tatemono.usecases.identity.attach_identities import attach_identities
from tatemono.usecases.identity.ports import GuestIdentities, GuestIdentitiesUnavailable
from tatemono.usecases.identity.remove_unused_guests import BATCH as REMOVE_BATCH
from tatemono.usecases.identity.remove_unused_guests import remove_erased_guests, remove_unused_guests
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.privacy.prune_identity import prune_identity

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
#: Unused guests are looked for so often, unless there are many.
_REMOVE_EVERY_SECONDS = 60.0
#: What identity has kept long enough is looked for so often, unless there is much.
_PRUNE_EVERY_SECONDS = 60.0
#: Cognito is asked so seldom at least while it gives no identities.
_LONGEST_BACKOFF_SECONDS = 60.0

log = structlog.get_logger()


class OutboxRelay:
    def __init__(self, dependencies: OutboxRelayDependencies, settings: OutboxRelaySettings) -> None:
        self._dependencies = dependencies
        self._settings = settings
        self._rung = asyncio.Event()

    async def work(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set; a batch that was begun is finished."""
        tasks = [asyncio.create_task(work) for work in (self._stop_at(stopping), *self._works())]
        async with listening(
            self._dependencies.db.dsn, OUTBOX_CHANNEL, lambda _: self._rung.set(), service=self._settings.service_name
        ):
            while not stopping.is_set():
                await self._relay()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        """Each goes on until it is cancelled."""
        works = [
            run_periodically(self._sweep, _SWEEP_EVERY_SECONDS),
            run_periodically(self._forget_old_keys, _FORGET_KEYS_EVERY_SECONDS),
            # How fast the queue moves: what people are told of their waiting time comes from here.
            run_periodically(self._dependencies.db.queue.measure, _SWEEP_EVERY_SECONDS),
            *(run_periodically(self._collecting(queue), _COLLECT_EVERY_SECONDS) for queue in self._dependencies.dead),
            run_periodically(self._remove_unused_guests, _REMOVE_EVERY_SECONDS),
            run_periodically(self._prune_identity, _PRUNE_EVERY_SECONDS),
            *PeriodicTasks(self._dependencies, self._settings).works(),
        ]
        if self._dependencies.identities is not None:
            attach = partial(
                run_periodically, longest_pause_seconds=_LONGEST_BACKOFF_SECONDS, away=(GuestIdentitiesUnavailable,)
            )
            works.append(attach(self._attaching(self._dependencies.identities), _SWEEP_EVERY_SECONDS))
        return works

    async def _stop_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._rung.set()

    async def _relay(self) -> None:
        self._rung.clear()
        try:
            if await relay_outbox(self._dependencies.db, self._dependencies.queues) == BATCH:
                return
            due = await self._dependencies.db.outbox.seconds_until_due()
            wait = _LONGEST_WAIT_SECONDS if due is None else min(max(due, 0.0), _LONGEST_WAIT_SECONDS)
        except Exception:
            log.exception("outbox_not_relayed")
            wait = _AFTER_ERROR_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._rung.wait()

    def _attaching(self, identities: GuestIdentities) -> Callable[[], Awaitable[bool]]:
        async def attach() -> bool:
            return await attach_identities(self._dependencies.db, identities) == ATTACH_BATCH

        return attach

    async def _remove_unused_guests(self) -> bool:
        unused_for = timedelta(days=self._settings.unused_guest_days)
        let_go = await remove_unused_guests(self._dependencies.db, unused_for=unused_for)
        removed = await remove_erased_guests(self._dependencies.db)
        if let_go or removed:
            log.info("unused_guests", let_go=let_go, removed=removed)
        return REMOVE_BATCH in (let_go, removed)

    async def _prune_identity(self) -> bool:
        counts = await prune_identity(self._dependencies.db)
        if removed := {what.name.lower(): count for what, count in counts.items() if count}:
            log.info("identity_pruned", **removed)
        return PRUNE_BATCH in removed.values()

    def _collecting(self, queue: str) -> Callable[[], Awaitable[bool]]:
        async def collect() -> bool:
            found = await collect_dead_letters(self._dependencies.db, queue, self._dependencies.dead[queue])
            if found:
                # An alarm counts these lines.
                log.error("alarm", alarm="dead_letters", queue=queue, count=found)
            return bool(found)

        return collect

    async def _sweep(self) -> None:
        db = self._dependencies.db
        older_than = timedelta(seconds=self._settings.lost_ticket_seconds)
        if lost := await db.outbox.reissue_lost_tickets(older_than=older_than, limit=_TICKETS_AT_A_TIME):
            log.warning("tickets_reissued", count=lost)
            self._rung.set()
        if lost := await db.mails.reissue_lost_tickets(older_than=older_than, limit=_MAIL_TICKETS):
            log.info("mail_tickets_reissued", count=lost)
            self._rung.set()

    async def _forget_old_keys(self) -> None:
        await self._dependencies.db.outbox.forget_old_keys(older_than=_KEY_LIFE, limit=_SWEEP_LIMIT)


async def main(settings: OutboxRelaySettings, stopping: asyncio.Event) -> None:
    async with outbox_relay(settings) as dependencies:
        log.info("started")
        await OutboxRelay(dependencies, settings).work(stopping)
