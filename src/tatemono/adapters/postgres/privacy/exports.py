"""Exports: asked for, claimed by a builder, and the rows that go into an archive, page by page."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.privacy.exports import (
    MAX_ATTEMPTS,
    Export,
    ExportClaim,
    ExportedCredits,
    ExportedGeneration,
    ExportedPicture,
    ExportState,
    Profile,
    ProfileDevice,
    export_key,
)

#: The queue of the plan that exports go through.
EXPORTS = "exports"
_RANDOM_BYTES = 16
_COLUMNS = "id, state::text, object_key, created_at, ready_at, expires_at, size_bytes, pictures"

_REQUEST = f"""
with added as (
    insert into exports (user_id, language, object_key) values ($1, $2, $3)
    on conflict (user_id) where state in ('queued', 'building') do nothing
    returning {_COLUMNS}
), ticket as (
    insert into outbox (queue, body) select $4, id::text from added
)
select * from added
"""

_NEWEST = f"select {_COLUMNS} from exports where user_id = $1 order by id desc limit 1"

# A builder that died leaves its lease behind; one that came too often leaves the export failed.
_CLAIM = """
with found as (
    select id from exports where id = $1
        and (state = 'queued' or (state = 'building' and lease_expires_at < now())) for update skip locked
), claimed as (
    update exports set fence = fence + 1,
        state = case when fence < $3 then 'building'::export_state else 'failed' end,
        lease_expires_at = case when fence < $3 then now() + $2::interval end,
        expires_at = case when fence < $3 then null else now() + interval '1 day' end
    from found where exports.id = found.id
    returning exports.id, user_id, object_key, language, fence, state
)
select id, user_id, object_key, language, fence from claimed where state = 'building'
"""

_EXTEND = """
update exports set lease_expires_at = now() + $3::interval where id = $1 and fence = $2 and state = 'building'
returning true
"""

p = Parameters("id", "fence", "size_bytes", "pictures", "keep")
_FINISH = Statement(
    p,
    f"""
update exports set state = 'ready', lease_expires_at = null, ready_at = now(), expires_at = now() + {p.keep}::interval,
    size_bytes = {p.size_bytes}, pictures = {p.pictures}
where id = {p.id} and fence = {p.fence} and state = 'building' returning expires_at
""",
)

_PROFILE = """
select users.id as user_id, users.kind::text, users.email, users.email_verified_at, users.created_at,
    accounts.available as credits_available, accounts.held as credits_held, accounts.spent as credits_spent
from users join accounts on accounts.user_id = users.id where users.id = $1
"""

_DEVICES = """
select platform::text, created_at, last_seen_at, revoked_at from devices where user_id = $1 order by created_at, id
"""

_PICTURES = """
select id, generation_id, position, object_key, size_bytes, created_at from pictures
where user_id = $1 and deleted_at is null and ($2::uuid is null or id > $2) order by id limit $3
"""

_GENERATIONS = """
select id, prompt, style, size, quality, output_format, background, n, price, state::text, created_at, finished_at
from generations where user_id = $1 and ($2::uuid is null or id > $2) order by id limit $3
"""

_CREDITS = """
select id, created_at, out_of::text, into_pot::text, credits, generation_id from credit_transfers
where user_id = $1 and id > $2 order by id limit $3
"""

_REISSUE = """
with lost as (
    select id from exports
    where ticketed_at < now() - $1::interval
        and (state = 'queued' or (state = 'building' and lease_expires_at < now()))
    order by ticketed_at limit $2 for update skip locked
), marked as (
    update exports set ticketed_at = now() from lost where exports.id = lost.id
), tickets as (
    insert into outbox (queue, body) select $3, id::text from lost returning id
)
select count(*) from tickets
"""


class Exports:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def request(self, user_id: UUID, *, language: str) -> Export:
        key = export_key(user_id, secrets.token_urlsafe(_RANDOM_BYTES))
        while True:
            row = await self._executor.fetchrow(_REQUEST, user_id, language, key, EXPORTS)
            if row is not None:
                return _export(row)
            newest = await self.newest(user_id)
            if newest is not None and newest.state in (ExportState.QUEUED, ExportState.BUILDING):
                return newest

    async def newest(self, user_id: UUID) -> Export | None:
        row = await self._executor.fetchrow(_NEWEST, user_id)
        return row and _export(row)

    async def claim(self, export_id: UUID, *, lease: timedelta) -> ExportClaim | None:
        """:returns: none if it is another user's, or over"""
        row = await self._executor.fetchrow(_CLAIM, export_id, lease, MAX_ATTEMPTS)
        return row and ExportClaim(*row)

    async def extend(self, claim: ExportClaim, *, lease: timedelta) -> bool:
        """:returns: whether the claim still holds"""
        return bool(await self._executor.fetchval(_EXTEND, claim.id, claim.fence, lease))

    async def release(self, claim: ExportClaim) -> None:
        """Let another worker build it, now."""
        await self._executor.execute(
            "update exports set state = 'queued', lease_expires_at = null"
            " where id = $1 and fence = $2 and state = 'building'",
            claim.id,
            claim.fence,
        )

    async def finish(self, claim: ExportClaim, *, size_bytes: int, pictures: int, keep: timedelta) -> datetime | None:
        statement = _FINISH.bind(id=claim.id, fence=claim.fence, size_bytes=size_bytes, pictures=pictures, keep=keep)
        moment: datetime | None = await self._executor.fetchval(*statement)
        return moment

    async def profile(self, user_id: UUID) -> Profile | None:
        row = await self._executor.fetchrow(_PROFILE, user_id)
        if row is None:
            return None
        devices = await self._executor.fetch(_DEVICES, user_id)
        return Profile(**row, devices=[ProfileDevice(*device) for device in devices])

    async def pictures(self, user_id: UUID, *, after: UUID | None, limit: int) -> list[ExportedPicture]:
        return [ExportedPicture(*row) for row in await self._executor.fetch(_PICTURES, user_id, after, limit)]

    async def generations(self, user_id: UUID, *, after: UUID | None, limit: int) -> list[ExportedGeneration]:
        return [ExportedGeneration(*row) for row in await self._executor.fetch(_GENERATIONS, user_id, after, limit)]

    async def credits(self, user_id: UUID, *, after: int, limit: int) -> list[ExportedCredits]:
        return [ExportedCredits(*row) for row in await self._executor.fetch(_CREDITS, user_id, after, limit)]

    async def reissue_lost(self, *, older_than: timedelta, limit: int) -> int:
        """New tickets for those whose builder vanished. :returns: how many"""
        count: int = await self._executor.fetchval(_REISSUE, older_than, limit, EXPORTS)
        return count

    async def lock_over(self, limit: int) -> list[tuple[UUID, str]]:
        rows = await self._executor.fetch(
            "select id, object_key from exports where expires_at <= now() order by expires_at limit $1"
            " for update skip locked",
            limit,
        )
        return [(row["id"], row["object_key"]) for row in rows]

    async def delete(self, ids: Sequence[UUID]) -> None:
        await self._executor.execute("delete from exports where id = any($1::uuid[])", list(ids))


def _export(row: Any) -> Export:
    return Export(row["id"], ExportState(row["state"]), *tuple(row)[2:])
