"""The environment's budget of each day, and what the painter says about its models, both kept up in the background."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

# The rows are locked in one order: two that fold at once wait for each other, and never for ever.
_FOLD = """
with gone as (
    delete from budget_returns where id in (
        select id from budget_returns order by id limit $1 for update skip locked)
    returning day, shard, micros
), sums as (
    select day, shard, sum(micros)::bigint as micros from gone group by day, shard
), locked as (
    select b.day, b.shard, sums.micros from budget_shards b join sums using (day, shard)
    order by b.day, b.shard for update of b
), folded as (
    update budget_shards b set used_micros = b.used_micros - locked.micros
    from locked where b.day = locked.day and b.shard = locked.shard
)
select count(*)::int from gone
"""

_TAKE_TURN = """
update model_checks set next_at = now() + $1::interval where next_at <= now() returning true
"""

_RECORD = """
with told as (
    insert into model_announcements (model, shutdown_date, seen_at)
    select model, shutdown_date, now() from unnest($1::text[], $2::date[]) as told (model, shutdown_date)
    on conflict (model) do update set shutdown_date = excluded.shutdown_date, seen_at = excluded.seen_at
), gone as (
    delete from model_announcements where model <> all($1::text[])
)
update model_checks set checked_at = now(), next_at = now() + $3::interval
"""


class Budgets:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def fold_returns(self, limit: int) -> int:
        """Take what ended generations give back off their days' budgets. :returns: how many were folded"""
        count: int = await self._executor.fetchval(_FOLD, limit)
        return count


class ModelChecks:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def take_turn(self, *, retry_after: timedelta) -> bool:
        return bool(await self._executor.fetchval(_TAKE_TURN, retry_after))

    async def record(self, announced: Mapping[str, date | None], *, next_after: timedelta) -> None:
        await self._executor.execute(_RECORD, list(announced), list(announced.values()), next_after)
