"""What the relay does besides: erases who has left, ends exports, finds leftovers. Each in bounded pieces."""

from collections.abc import Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from tatemono.bootstrap.outbox_relay import OutboxRelayDependencies
from tatemono.domain.identity.members import MembersUnavailable
from tatemono.domain.privacy.exports import LEASE
from tatemono.entrypoints.process import run_periodically
from tatemono.settings import OutboxRelaySettings
from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.privacy.erase_accounts import erase_accounts
from tatemono.usecases.privacy.expire_exports import expire_exports
from tatemono.usecases.privacy.reconcile import UNATTENDED, reconcile_due

_ERASE_EVERY_SECONDS = 5.0
_EXPORTS_EVERY_SECONDS = 30.0
#: Whether a run is due is looked at so often; the runs themselves are a day apart.
_RECONCILE_EVERY_SECONDS = 600.0
_REISSUE_LIMIT = 100
#: Cognito is asked so seldom at least while it does not answer.
_LONGEST_BACKOFF_SECONDS = 300.0

log = structlog.get_logger()


class PeriodicTasks:
    def __init__(self, dependencies: OutboxRelayDependencies, settings: OutboxRelaySettings) -> None:
        self._dependencies = dependencies
        self._settings = settings

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """Each goes on until it is cancelled."""
        go_on = partial(
            run_periodically,
            longest_pause_seconds=_LONGEST_BACKOFF_SECONDS,
            away=(MembersUnavailable, GuestIdentitiesUnavailable),
        )
        return [
            go_on(self._erase, _ERASE_EVERY_SECONDS),
            go_on(self._tend_exports, _EXPORTS_EVERY_SECONDS),
            go_on(self._reconcile, _RECONCILE_EVERY_SECONDS),
        ]

    async def _erase(self) -> None:
        begun, done = await erase_accounts(self._dependencies.db, self._dependencies.eraser)
        if begun or done:
            log.info("accounts_erased", begun=begun, done=done)

    async def _tend_exports(self) -> None:
        db = self._dependencies.db
        if over := await expire_exports(db, self._dependencies.eraser.store):
            log.info("exports_expired", count=over)
        older_than = max(LEASE, timedelta(seconds=self._settings.lost_ticket_seconds))
        if lost := await db.exports.reissue_lost(older_than=older_than, limit=_REISSUE_LIMIT):
            log.warning("export_tickets_reissued", count=lost)
            db.notifier.notify(OUTBOX_CHANNEL)

    async def _reconcile(self) -> None:
        repair = UNATTENDED if self._settings.reconcile_repair else frozenset()
        for found in await reconcile_due(self._dependencies.db, self._dependencies.reconciler, repair=repair):
            tell = log.error if found.suspicious else log.warning if found.found > found.repaired else log.info
            tell(
                "reconciled",
                kind=found.kind,
                looked_at=found.looked_at,
                found=found.found,
                repaired=found.repaired,
                suspicious=found.suspicious,
                first=found.names,
            )
