"""What of the store's and Cognito's things has a row, and how far the last reconciliation came."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.pictures.picture import generation_of_key

_BEGIN = """
with due as (
    select kind from reconciliations where kind = $1 and (started_at is null or started_at <= now() - case
        when after is null then $2::interval else least($2, interval '1 hour') end)
    for update skip locked
)
update reconciliations set started_at = now() from due where reconciliations.kind = due.kind
returning reconciliations.after
"""

# What was taken down belongs to its user until it is in quarantine.
_KNOWN_PICTURES = """
select object_key, thumbnail_key from pictures where generation_id = any($1::uuid[]) union all
select object_key, thumbnail_key from takedowns where generation_id = any($1::uuid[])
"""

_MEMBERS = """
select id, cognito_sub, coalesce(email_verified_at, created_at) as since from users
where cognito_sub is not null and erase_at is null and ($1::uuid is null or id > $1) order by id limit $2
"""

# A guest has no other way in than a device: without one the member stays as it is.
_MAKE_GUEST = """
update users set kind = 'guest', email = null, email_verified_at = null, cognito_sub = null
where id = $1 and cognito_sub = $2
    and exists (select from devices where devices.user_id = users.id and devices.revoked_at is null)
returning true
"""

p = Parameters("kind", "after", "looked_at", "found", "repaired")
_FINISH = Statement(
    p,
    f"""
update reconciliations set after = {p.after}, looked_at = {p.looked_at}, found = {p.found}, repaired = {p.repaired}
where kind = {p.kind}
""",
)


class ResidualData:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def begin(self, kind: str, *, every: timedelta) -> tuple[bool, str | None]:
        row = await self._executor.fetchrow(_BEGIN, kind, every)
        return row is not None, row and row["after"]

    async def finish(self, kind: str, *, after: str | None, looked_at: int, found: int, repaired: int) -> None:
        statement = _FINISH.bind(kind=kind, after=after, looked_at=looked_at, found=found, repaired=repaired)
        await self._executor.execute(*statement)

    async def objects_known(self, keys: Sequence[str]) -> set[str]:
        generations = {found for key in keys if (found := generation_of_key(key)) is not None}
        rows = await self._executor.fetch(_KNOWN_PICTURES, list(generations))
        known = {key for row in rows for key in row}
        exports = await self._executor.fetch(
            "select object_key from exports where object_key = any($1::text[])", list(keys)
        )
        return known | {row["object_key"] for row in exports}

    async def subs_known(self, subs: Collection[UUID]) -> set[UUID]:
        return await self._known("select cognito_sub from users where cognito_sub = any($1::uuid[])", subs)

    async def users_known(self, ids: Collection[UUID]) -> set[UUID]:
        return await self._known("select id from users where id = any($1::uuid[])", ids)

    async def identities_known(self, ids: Collection[str]) -> set[str]:
        return await self._known(
            "select cognito_identity_id from users where cognito_identity_id = any($1::text[])", ids
        )

    async def members(self, *, after: UUID | None, limit: int) -> list[tuple[UUID, UUID, datetime]]:
        return [tuple(row) for row in await self._executor.fetch(_MEMBERS, after, limit)]

    async def make_guest(self, user_id: UUID, sub: UUID) -> bool:
        return bool(await self._executor.fetchval(_MAKE_GUEST, user_id, sub))

    async def _known(self, query: str, values: Collection[Any]) -> set[Any]:
        return {row[0] for row in await self._executor.fetch(query, list(values))}
