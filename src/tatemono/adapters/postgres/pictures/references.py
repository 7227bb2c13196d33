"""Reference pictures, from the form for the upload to their end."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from tatemono.domain.pictures.references import Reference, TooManyReferences

_COLUMNS = "id, user_id, created_at, clean_key, width, height"

# Two that come at the same moment may both be the last one: the bound keeps a bucket small, no money hangs on it.
_ADD = f"""
with had as (
    select count(*) as count from reference_pictures where user_id = $1
), added as (
    insert into reference_pictures (user_id) select $1 from had where had.count < $2 returning {_COLUMNS}
)
select added.*, had.count from had left join added on true
"""

_FIND = f"select {_COLUMNS} from reference_pictures where id = $1 and ($2::uuid is null or user_id = $2)"

# A second confirmation of the same upload gets what the first one made.
_MARK_READY = f"""
with marked as (
    update reference_pictures set clean_key = $2, width = $3, height = $4 where id = $1 and clean_key is null
    returning {_COLUMNS}
)
select * from marked union all select {_COLUMNS} from reference_pictures where id = $1 and clean_key is not null
"""

_LOCK_OLD = f"""
select {_COLUMNS} from reference_pictures r
where created_at < now() - $1::interval and not exists (
    select from generations g where g.reference_id = r.id and g.state in ('queued', 'running'))
order by created_at limit $2 for update skip locked
"""


class References:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def add(self, user_id: UUID, *, at_most: int) -> Reference:
        row = await self._executor.fetchrow(_ADD, user_id, at_most)
        if row["id"] is None:
            raise TooManyReferences(count=row["count"])
        return _reference(row)

    async def find(self, reference_id: UUID, user_id: UUID | None = None) -> Reference | None:
        row = await self._executor.fetchrow(_FIND, reference_id, user_id)
        return row and _reference(row)

    async def mark_ready(self, reference_id: UUID, *, clean_key: str, width: int, height: int) -> Reference | None:
        row = await self._executor.fetchrow(_MARK_READY, reference_id, clean_key, width, height)
        return row and _reference(row)

    async def forget_copy(self, reference_id: UUID) -> None:
        await self._executor.execute(
            "update reference_pictures set clean_key = null, width = null, height = null where id = $1", reference_id
        )

    async def lock_old(self, *, older_than: timedelta, limit: int) -> list[Reference]:
        return [_reference(row) for row in await self._executor.fetch(_LOCK_OLD, older_than, limit)]

    async def erase(self, ids: Sequence[UUID]) -> None:
        await self._executor.execute("delete from reference_pictures where id = any($1::uuid[])", ids)


def _reference(row: Any) -> Reference:
    return Reference(row["id"], row["user_id"], row["created_at"], row["clean_key"], row["width"], row["height"])
