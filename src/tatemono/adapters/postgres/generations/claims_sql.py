"""The statements of `generations.py` that take jobs and hold them."""

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.pictures.picture import FOLDER

ANY_DUE = """
select exists (select from generations where state = 'running' and lease_expires_at < now())
    or exists (
        select from accounts a where a.queued > 0 and a.running < $1 and exists (
            select from generations g where g.user_id = a.user_id and g.state = 'queued' and g.not_before <= now()))
"""


def _turn(p: Parameters, name: str, priority: int, waiting: str, *before: str) -> str:
    """The accounts whose turn it is among those with a due job of this priority, after those that go before."""
    room = "".join(f" - (select count(*) from {other})" for other in before)
    served = "".join(f" and a.user_id <> all (array(select user_id from {other}))" for other in before[1:])
    return f"""{name} as (
    select a.user_id, {priority} as priority, a.last_claimed_at, {p.max_running} - a.running as free from accounts a
    where {waiting} and a.running < {p.max_running} and exists (select from open){served} and exists (
        select from generations g
        where g.user_id = a.user_id and g.state = 'queued' and g.priority = {priority} and g.not_before <= now())
    order by a.last_claimed_at limit greatest(0, {p.most}::int{room}) for update skip locked
)"""


# `= any (array(…))` keeps to the indexes: PostgreSQL can only guess what a limit comes to that it does not know.
# At most `most` jobs, just those that as many claims one after the other would take: first what was lost, then by
# priority, and within one a job of each account in its turn, before any account has a second.
p = Parameters("lease", "max_running", "model", "provider", "most")
CLAIM = Statement(
    p,
    f"""
with open as materialized (
    select clock_timestamp() as at from queue_controls where paused_at is null
), expired as (
    select id, user_id from generations where state = 'running' and lease_expires_at < now()
        and exists (select from open)
    order by lease_expires_at limit {p.most} for update skip locked
), {_turn(p, "high", 1, "a.queued_high > 0", "expired")},
{_turn(p, "normal", 0, "a.queued > a.queued_high + a.queued_low", "expired", "high")},
{_turn(p, "low", -1, "a.queued_low > 0", "expired", "high", "normal")},
turn as materialized (
    select * from high union all select * from normal union all select * from low
), planned as (
    select g.id, row_number() over (order by turn.priority desc, g.round, turn.last_claimed_at) as place
    from turn cross join lateral (
        select id, row_number() over (order by id) as round from (
            select id from generations
            where user_id = turn.user_id and state = 'queued' and priority = turn.priority and not_before <= now()
            order by id limit least(turn.free, {p.most})) due) g
    order by place limit greatest(0, {p.most} - (select count(*) from expired))
), next as (
    select g.id, g.user_id, g.priority, planned.place from planned join generations g on g.id = planned.id
    where g.id = any (array(select id from planned)) and g.state = 'queued' for update of g skip locked
), served as (
    select user_id, count(*) as jobs, count(*) filter (where priority = 1) as high,
        count(*) filter (where priority = -1) as low, max(place) as place from next group by user_id
), claimed as (
    update generations set state = 'running', fence = fence + 1, lease_expires_at = now() + {p.lease}::interval,
        started_at = coalesce(started_at, now())
    where id = any (array(select id from expired union all select id from next))
    returning generations.*
), place as (
    update accounts set queued = queued - jobs, running = running + jobs,
        last_claimed_at = open.at + served.place * interval '1 microsecond',
        queued_high = queued_high - served.high, queued_low = queued_low - served.low
    from served, open
    where accounts.user_id = any (array(select user_id from served)) and accounts.user_id = served.user_id
), undecided as (
    -- No worker decided to go on after this one, so the next was lost before it called the painter.
    select generation_id from attempts
    where generation_id = any (array(select id from expired)) and outcome = 'unknown' and decision is null
), lost as (
    update attempts set finished_at = now(),
        outcome = case when expired.id in (select generation_id from undecided)
            then 'failed' else 'unknown' end::attempt_outcome,
        failure = case when expired.id in (select generation_id from undecided)
            then 'not_called' else 'lease_lost' end
    from expired where attempts.generation_id = any (array(select id from expired))
        and attempts.generation_id = expired.id and attempts.outcome is null
), attempt as (
    -- What is not set aside any more is not spent: a worker ends such a job without a call (MAX_ATTEMPTS).
    -- `now()` is from before this statement looked, and the attempt before may have ended since.
    insert into attempts (generation_id, fence, model, provider, object_stem, started_at, expected_micros)
    select id, fence, {p.model}, {p.provider}, '{FOLDER}/' || user_id || '/' || id || '/' || fence, clock_timestamp(),
        case when reserved_micros >= expected_micros * (1 + (
            select count(*) from attempts where attempts.generation_id = claimed.id
                and coalesce(failure, '') not in ('rate_limited', 'account_refused'))) then expected_micros else 0 end
    from claimed
), event as (
    insert into generation_events (generation_id, kind, data)
    select id, 'started', jsonb_build_object('attempt', fence) from claimed
)
select claimed.*, claimed.cancel_requested_at is not null as cancelled, styles.prompt_suffix, before.*
from claimed left join styles on styles.id = claimed.style cross join lateral (
    -- One without an outcome is the one that is lost: this statement does not see what it changes itself.
    select count(*)::int as ended, count(*) filter (where outcome = 'unknown' or (
            outcome is null and claimed.id not in (select generation_id from undecided)))::int as unknown,
        count(*) filter (where failure = 'no_picture')::int as without_picture,
        count(*) filter (where failure = 'rate_limited')::int as turned_away,
        count(*) filter (where failure = 'account_refused')::int as account_refused,
        count(*) filter (where outcome is null) > 0 as taken_over
    from attempts where attempts.generation_id = claimed.id) before
""",
)

DECIDE_TO_RETRY = """
update attempts set decision = 'retry'
from generations g
where g.id = $1 and g.fence = $2 and g.state = 'running' and attempts.generation_id = g.id
    and attempts.outcome = 'unknown' and attempts.decision is null
returning true
"""

# A statement that locks several generations, or accounts, locks them in the order of their ids.
EXTEND_LEASES = """
with held as (
    select g.id from generations g join unnest($1::uuid[], $2::int[]) as ours (id, fence)
        on g.id = ours.id and g.fence = ours.fence
    where g.state = 'running' order by g.id for no key update of g
)
update generations set lease_expires_at = now() + $3::interval
from held where generations.id = held.id
returning generations.id, cancel_requested_at is not null as cancelled
"""
