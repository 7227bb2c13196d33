"""Objects in the store that no picture names."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from tatemono.usecases.pictures.ports import LostAttempt

# An attempt that lost its lease in the moment before it recorded its pictures left them under its own keys.
_LOCK = """
select a.generation_id, a.fence, a.object_stem, g.n, g.output_format
from attempts a join generations g on g.id = a.generation_id
where a.object_stem is not null and a.outcome <> 'succeeded'
    and a.failure in ('lease_lost', 'stopped', 'not_kept', 'no_picture') and a.finished_at < now() - $1::interval
order by a.finished_at limit $2 for update of a skip locked
"""
_ERASED = """
update attempts set object_stem = null from unnest($1::uuid[], $2::int[]) as erased (generation_id, fence)
where attempts.generation_id = erased.generation_id and attempts.fence = erased.fence
"""


# What was taken down belongs to its user until it is in quarantine.
_KNOWN = """
select object_key from pictures where object_key = any($1::text[]) union all
select object_key from takedowns where object_key = any($1::text[])
"""


class Orphans:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def lock_lost_attempts(self, *, older_than: timedelta, limit: int) -> list[LostAttempt]:
        return [LostAttempt(*row) for row in await self._executor.fetch(_LOCK, older_than, limit)]

    async def mark_erased(self, attempts: Sequence[LostAttempt]) -> None:
        await self._executor.execute(
            _ERASED, [attempt.generation_id for attempt in attempts], [attempt.fence for attempt in attempts]
        )

    async def lock_search(self) -> str | None:
        key: str | None = await self._executor.fetchval("select after_key from orphan_search for update skip locked")
        return key

    async def move_search(self, after_key: str) -> None:
        await self._executor.execute("update orphan_search set after_key = $1", after_key)

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        rows = await self._executor.fetch(_KNOWN, keys)
        return {row[0] for row in rows}

    async def unfinished(self, generation_ids: Sequence[UUID]) -> set[UUID]:
        rows = await self._executor.fetch(
            "select id from generations where id = any($1::uuid[]) and state in ('queued', 'running')", generation_ids
        )
        return {row[0] for row in rows}
