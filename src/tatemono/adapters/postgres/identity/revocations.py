"""Who is suspended or leaving, and which sessions were ended lately: known in each process, so no request asks for it.

An access token is good by itself until it expires, an hour at most. What has to count sooner is kept in memory: users
who are suspended or leaving, and the sessions that ended within the lifetime of a token
(docs/adr/0015-revocations-in-memory.md).
"""

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

import structlog

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.notifications import listening
from tatemono.domain.errors import Refusal
from tatemono.domain.identity.devices import Principal, TokenRejected
from tatemono.domain.identity.sessions import AccountSuspended, Suspension
from tatemono.domain.privacy.account_deletion import DeletionPending
from tatemono.usecases.ports import REVOCATIONS_CHANNEL

#: Without any notification, as often as this: the net below them.
RELOAD_SECONDS = 30.0
#: After the database did not answer.
_RETRY_SECONDS = 1.0

log = structlog.get_logger()


class Revocations:
    """Open it as a context manager: within, all that was revoked before is known.

    :param lifetime_seconds: of an access token; a session that ended longer ago than this has none any more
    """

    def __init__(self, db: Database, *, lifetime_seconds: float, reload_seconds: float = RELOAD_SECONDS) -> None:
        self._db = db
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._reload_seconds = reload_seconds
        self._suspended: dict[UUID, Suspension] = {}
        #: Users whose account is to be erased → when.
        self._leaving: dict[UUID, datetime] = {}
        #: Session → when it can be forgotten (time.monotonic()).
        self._ended: dict[UUID, float] = {}
        self._users: set[UUID] = set()
        self._all = False
        self._asked = asyncio.Event()
        self._stack = AsyncExitStack()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._read(None)
        await self._stack.enter_async_context(
            listening(self._db.dsn, REVOCATIONS_CHANNEL, self._notified, service=self._db.service)
        )
        self._task = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self, principal: Principal, now: float) -> None:
        """Three looks into memory.

        :param now: seconds since 1970
        :raises TokenRejected: the session is over
        :raises AccountSuspended: the user is suspended
        :raises DeletionPending: the user has asked to delete the account
        """
        refusal = self.refuses(principal.user_id, now)
        if refusal is not None:
            raise refusal
        if principal.session_id in self._ended:
            raise TokenRejected

    def refuses(self, user_id: UUID, now: float) -> Refusal | None:
        """Why the user is served nothing now, if so.

        :param now: seconds since 1970
        """
        suspension = self._suspended.get(user_id)
        if suspension is not None and suspension.holds(now):
            return AccountSuspended(suspension)
        erase_at = self._leaving.get(user_id)
        return None if erase_at is None else DeletionPending(erase_at)

    def _notified(self, keys: list[str]) -> None:
        try:
            self._users.update(UUID(key) for key in keys)
        except ValueError:
            self._all = True
        if not keys:
            self._all = True
        self._asked.set()

    async def _keep_up(self) -> None:
        while True:
            try:
                # Not `wait_for`: before Python 3.12 it may swallow the cancellation that ends this loop.
                async with asyncio.timeout(self._reload_seconds):
                    await self._asked.wait()
            except TimeoutError:
                self._all = True
            self._asked.clear()
            users, self._users = self._users, set()
            all_users, self._all = self._all, False
            try:
                await self._read(None if all_users else users)
            except Exception as error:  # noqa: BLE001 - the database may be away; what is known stays known
                log.warning("revocations_not_read", error=repr(error))
                self._all = True
                await asyncio.sleep(_RETRY_SECONDS)
                self._asked.set()

    async def _read(self, users: set[UUID] | None) -> None:
        """Learn what there is of these users; none: of all."""
        suspended = await self._db.sessions.suspended_users(users)
        leaving = await self._db.sessions.leaving_users(users)
        ended = await self._db.sessions.ended_within(self._lifetime, users)
        now = time.monotonic()
        if users is None:
            self._suspended.clear()
            self._leaving.clear()
            self._ended = {session: until for session, until in self._ended.items() if until > now}
        else:
            for user in users:
                self._suspended.pop(user, None)
                self._leaving.pop(user, None)
        self._suspended.update(suspended)
        self._leaving.update(leaving)
        for session, ago in ended.items():
            self._ended[session] = now + (self._lifetime - ago).total_seconds()
