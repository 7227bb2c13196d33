"""What operators tell the queue, how fast it moves, and the order of what waits."""

from typing import Any
from uuid import UUID

from tatemono.domain.generations.queue import Order, Pace, Priority, QueueControls

_CONTROLS = """
select paused_at, paused_by, pause_reason, draining_at, draining_by, drain_reason from queue_controls
"""
_PAUSE = """
update queue_controls set paused_at = now(), paused_by = $1, pause_reason = $2 where paused_at is null returning true
"""
_RESUME = """
update queue_controls set paused_at = null, paused_by = null, pause_reason = null where paused_at is not null
returning true
"""
_DRAIN = """
update queue_controls set draining_at = now(), draining_by = $1, drain_reason = $2 where draining_at is null
returning true
"""
_FILL = """
update queue_controls set draining_at = null, draining_by = null, drain_reason = null where draining_at is not null
returning true
"""

# An account and its waiting generations: locked in the pipeline's order, generations first.
_REPRIORITISE = """
with waiting as (
    select id, user_id, priority from generations
    where state = 'queued' and priority <> $3 and ($1::uuid is null or id = $1) and ($2::uuid is null or user_id = $2)
    order by id for no key update
), moved as (
    update generations set priority = $3 from waiting where generations.id = waiting.id
), counted as (
    select user_id, count(*) filter (where priority = 1) as high, count(*) filter (where priority = -1) as low,
        count(*) as all_ from waiting group by user_id
), account as (
    update accounts set
        queued_high = queued_high - high + case when $3 = 1 then all_ else 0 end,
        queued_low = queued_low - low + case when $3 = -1 then all_ else 0 end
    from counted where accounts.user_id = counted.user_id
)
select count(*)::int from waiting
"""
_IS_WAITING = """
select exists (select from generations
    where state = 'queued' and ($1::uuid is null or id = $1) and ($2::uuid is null or user_id = $2))
"""

_COUNTS = """
select coalesce(sum(queued), 0)::int, coalesce(sum(queued_high), 0)::int, coalesce(sum(queued_low), 0)::int,
    coalesce(sum(running), 0)::int, count(*) filter (where queued > 0)::int
from accounts where queued > 0 or running > 0
"""

_PACE = """
running, samples, mean_seconds, extract(epoch from now() - measured_at)::float8 as age_seconds, forecasts,
    low_error, middle_error, high_error
"""
_READ_PACE = f"select {_PACE} from queue_pace"


def _positions(generation_ids: str, more: str = "") -> str:
    """Where those of the generations are that still wait, and how fast the queue moves.

    :param generation_ids: an expression, an array
    :param more: another column, the last one
    """
    # All of a higher priority; within one the user's own place among their waiting ones, and for each other user as
    # many as come before: turns go round, and the user who was served the longest ago is next.
    return f"""
with mine as (
    select g.id, g.user_id, g.priority, a.last_claimed_at,
        (select count(*) from generations o
            where o.user_id = g.user_id and o.state = 'queued' and o.priority = g.priority and o.id <= g.id) as place
    from generations g join accounts a on a.user_id = g.user_id
    where g.id = any({generation_ids}) and g.state = 'queued'
)
select id, (place + coalesce((
    select sum(
        (mine.priority < 1)::int * a.queued_high + (mine.priority < 0)::int * (a.queued - a.queued_high - a.queued_low)
        + case when a.user_id = mine.user_id then 0 else least(
            place - (a.last_claimed_at > mine.last_claimed_at)::int,
            case mine.priority when 1 then a.queued_high when -1 then a.queued_low
                else a.queued - a.queued_high - a.queued_low end) end)
    from accounts a where a.queued > 0), 0))::bigint as position, {_PACE}{more}
from mine, queue_pace
"""


POSITIONS = _positions("$1::uuid[]", ", exists (select from painter_outage) as delayed")

# The newest ends name the newest attempts, so that no index on their time is needed.
_MEASURE = """
with ends as (
    select distinct generation_id from (
        select generation_id, kind from generation_events order by id desc limit 600
    ) newest where kind in ('done', 'failed', 'retrying') limit 100
), took as (
    select extract(epoch from a.finished_at - a.started_at)::float8 as seconds
    from ends join attempts a on a.generation_id = ends.generation_id where a.finished_at is not null
), error as (
    select (waited_seconds - expected_seconds) / (expected_seconds + step_seconds) as share
    from queue_forecasts where waited_seconds is not null order by generation_id desc limit 300
), errors as (
    select count(*)::int as count, percentile_cont(array[0.03, 0.5, 0.97]) within group (order by share) as shares
    from error
)
update queue_pace set measured_at = now(),
    running = (select count(*) from generations where state = 'running'),
    samples = (select count(*) from took),
    mean_seconds = coalesce((select avg(seconds) from took), 0),
    forecasts = errors.count,
    low_error = coalesce(shares[1], 0), middle_error = coalesce(shares[2], 0), high_error = coalesce(shares[3], 0)
from errors
"""

_NEWEST_WAITING = """array(select id from (select id, state, fence from generations order by id desc limit 200) newest
            where state = 'queued' and fence = 0 order by id desc limit 20)"""
# What is foretold of some of those that came last is compared with what came true.
_FORETELL = f"""
insert into queue_forecasts (generation_id, expected_seconds, step_seconds)
select id, position * mean_seconds / running, mean_seconds / running from ({_positions(_NEWEST_WAITING)}) places
where running > 0 and samples > 0 on conflict do nothing
"""
_COME_TRUE = """
update queue_forecasts set waited_seconds = extract(epoch from g.started_at - told_at)
from generations g where g.id = generation_id and waited_seconds is null and g.started_at is not null
"""
_FORGET = """
delete from queue_forecasts where generation_id < (
    select generation_id from queue_forecasts order by generation_id desc offset 2000 limit 1)
"""


class Queue:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def controls(self) -> QueueControls:
        row = await self._executor.fetchrow(_CONTROLS)
        return QueueControls(
            Order(row[0], row[1], row[2]) if row[0] else None, Order(row[3], row[4], row[5]) if row[3] else None
        )

    async def pause(self, by: str, reason: str) -> bool:
        return bool(await self._executor.fetchval(_PAUSE, by, reason))

    async def resume(self) -> bool:
        return bool(await self._executor.fetchval(_RESUME))

    async def drain(self, by: str, reason: str) -> bool:
        return bool(await self._executor.fetchval(_DRAIN, by, reason))

    async def fill(self) -> bool:
        return bool(await self._executor.fetchval(_FILL))

    async def reprioritise(self, priority: Priority, *, generation_id: UUID | None, user_id: UUID | None) -> int | None:
        changed: int = await self._executor.fetchval(_REPRIORITISE, generation_id, user_id, priority)
        if changed or await self._executor.fetchval(_IS_WAITING, generation_id, user_id):
            return changed
        return None

    async def counts(self) -> tuple[int, int, int, int, int]:
        """Waiting, of these high and low, running, users who wait."""
        row = await self._executor.fetchrow(_COUNTS)
        return row[0], row[1], row[2], row[3], row[4]

    async def measure(self) -> None:
        """Write down how fast the queue moves now, and how wrong the last forecasts were."""
        for statement in (_COME_TRUE, _MEASURE, _FORETELL, _FORGET):
            await self._executor.execute(statement)

    async def pace(self) -> Pace:
        return Pace(*await self._executor.fetchrow(_READ_PACE))
