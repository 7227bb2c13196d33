"""Guests: the identities that they are given late, and the end of those that are not used any more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

# In one statement, and only rows that no other transaction has locked: a sign-in that is under way keeps its guest, and
# one that begins now waits, and finds the device revoked. Both users of a merge stay: their ledgers balance together.
_LET_GO = """
with unused as (
    select users.id from users join accounts on accounts.user_id = users.id
    where users.kind = 'guest' and users.let_go_at is null and users.last_used_at < now() - $1::interval
        and users.erase_at is null
        and users.merged_into is null and accounts.queued = 0 and accounts.running = 0 and accounts.held = 0
        and not exists (select from account_merges where users.id in (from_user_id, into_user_id))
        and not exists (select from users as merged where merged.merged_into = users.id)
    order by users.last_used_at limit $2 for no key update of users, accounts skip locked
), locked_devices as (
    select devices.id, devices.user_id from devices join unused on unused.id = devices.user_id
    where devices.revoked_at is null for update of devices skip locked
), locked_sessions as (
    select sessions.id, sessions.user_id from sessions join unused on unused.id = sessions.user_id
    where sessions.revoked_at is null for update of sessions skip locked
), going as (
    select id from unused
    where (select count(*) from devices where user_id = unused.id and revoked_at is null)
            = (select count(*) from locked_devices where user_id = unused.id)
        and (select count(*) from sessions where user_id = unused.id and revoked_at is null)
            = (select count(*) from locked_sessions where user_id = unused.id)
), revoked as (
    update devices set revoked_at = now() from going where devices.user_id = going.id and devices.revoked_at is null
), signed_out as (
    update sessions set revoked_at = now(), revocation = 'unused' from going
    where sessions.user_id = going.id and sessions.revoked_at is null
), pictures_gone as (
    update pictures set deleted_at = now() from going where pictures.user_id = going.id and pictures.deleted_at is null
), marked as (
    update users set let_go_at = now() from going where users.id = going.id returning users.id
)
select count(*) from marked
"""

_LOCK_READY = """
select users.id from users
where users.let_go_at is not null and not exists (select from pictures where pictures.user_id = users.id)
order by users.let_go_at limit $1 for update skip locked
"""

_WITHOUT_IDENTITY = """
select id from users where cognito_identity_id is null and kind = 'guest' and merged_into is null and let_go_at is null
order by created_at limit $1
"""


class Guests:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def without_identity(self, limit: int) -> list[UUID]:
        """Not locked, since a lock would make their sign-in wait."""
        return [row["id"] for row in await self._executor.fetch(_WITHOUT_IDENTITY, limit)]

    async def attach_identity(self, user_id: UUID, identity_id: str) -> bool:
        status: str = await self._executor.execute(
            "update users set cognito_identity_id = $2 where id = $1 and cognito_identity_id is null"
            " and kind = 'guest' and let_go_at is null",
            user_id,
            identity_id,
        )
        return status == "UPDATE 1"

    async def let_go(self, *, unused_for: timedelta, limit: int) -> int:
        count: int = await self._executor.fetchval(_LET_GO, unused_for, limit)
        return count

    async def lock_erased(self, limit: int) -> list[UUID]:
        return [row["id"] for row in await self._executor.fetch(_LOCK_READY, limit)]

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Their credits leave the ledger as they came: in balance."""
        await self._executor.execute(
            "delete from users where id = any($1::uuid[]) and kind = 'guest' and let_go_at is not null", ids
        )
