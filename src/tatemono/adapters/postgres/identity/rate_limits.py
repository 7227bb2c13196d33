"""Counters of what must be counted across all processes."""

from datetime import timedelta
from typing import Any

# Each that counts removes two that are over, so the table stays as large as what was counted lately.
_TAKE = """
with pruned as (
    delete from limit_counters where digest = any(array(
        select digest from limit_counters where ends_at <= now() and digest <> $1
        order by ends_at limit 2 for update skip locked))
)
insert into limit_counters as counter (digest, ends_at, count) values ($1, now() + $3::interval, 1)
on conflict (digest) do update set
    count = case when counter.ends_at <= now() then 1 else counter.count + 1 end,
    ends_at = case when counter.ends_at <= now() then excluded.ends_at else counter.ends_at end
where counter.ends_at <= now() or counter.count < $2
returning true
"""

_WAIT = "select extract(epoch from ends_at - now())::float8 from limit_counters where digest = $1"


class LimitCounters:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def take(self, digest: bytes, *, requests: int, window: timedelta) -> float:
        """Count one, unless `requests` were counted already in the window, which begins with the first.

        :returns: 0 if it was counted, else the seconds until the next may be
        """
        if await self._executor.fetchval(_TAKE, digest, requests, window):
            return 0.0
        wait: float | None = await self._executor.fetchval(_WAIT, digest)
        return max(wait or 0.0, 1.0)
