"""The statements of `generations.py`."""

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.pictures.picture import FOLDER


def _spent_before(fence: str) -> str:
    """What the attempts but this one cost, or may have: generation `done` gives back all else that was set aside."""
    return f"""coalesce((select sum(attempts.cost_micros + attempts.possible_micros) from attempts
        where attempts.generation_id = done.id and attempts.fence <> {fence}), 0)::bigint"""


_DAY_MICROS = """case when accounts.day = spent.budget_day
        then greatest(0, accounts.day_micros - spent.reserved_micros + spent.micros) else accounts.day_micros end"""
_GIVE_BACK = """insert into budget_returns (day, shard, micros)
    select budget_day, budget_shard, reserved_micros - micros from spent
    where budget_day is not null and reserved_micros <> micros"""

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
                and failure is distinct from 'rate_limited')) then expected_micros else 0 end
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

EXPECT_MORE = """
update attempts set model = $3, expected_micros = $4
where generation_id = $1 and fence = $2 and outcome is null
"""

ADD_PARTIAL = """
with held as (
    select id from generations where id = $1 and fence = $2 and state = 'running'
)
insert into generation_events (generation_id, kind, data) select id, 'partial', $3 from held returning true
"""

# Several jobs at once; a job whose lease was lost changes nothing, and the others are written all the same.
p = Parameters(
    *("id", "fence", "provider_request_id", "input_text_tokens", "input_image_tokens", "output_tokens", "cost_micros"),
    *("generation_id", "position", "object_key", "thumbnail_key", "content_type", "width", "height", "size_bytes"),
    *("sha256", "thumbhash"),
)
SUCCEED = Statement(
    p,
    f"""
with ended as (
    select * from unnest({p.id}::uuid[], {p.fence}::int[], {p.provider_request_id}::text[],
        {p.input_text_tokens}::int[], {p.input_image_tokens}::int[], {p.output_tokens}::int[],
        {p.cost_micros}::bigint[])
        as e (id, fence, provider_request_id, input_text_tokens, input_image_tokens, output_tokens, cost_micros)
), held as materialized (
    select g.id from ended join generations g on g.id = ended.id and g.fence = ended.fence
    where g.state = 'running' order by g.id for no key update of g
), done as (
    update generations set state = 'succeeded', finished_at = now(), lease_expires_at = null
    from held where generations.id = held.id
    returning generations.id, user_id, price, fence, reserved_micros, budget_day, budget_shard
), spent as (
    select done.*, ended.cost_micros + {_spent_before("done.fence")} as micros
    from done join ended on ended.id = done.id
), payer as materialized (
    select user_id, day from accounts where user_id in (select user_id from done) order by user_id for no key update
), settled as (
    select payer.user_id, sum(price) as price, count(*) as jobs,
        coalesce(sum(micros - reserved_micros) filter (where budget_day = payer.day), 0)::bigint as day_micros
    from payer join spent on spent.user_id = payer.user_id group by payer.user_id
), account as (
    update accounts set held = held - settled.price, spent = accounts.spent + settled.price,
        running = running - settled.jobs, day_micros = greatest(0, accounts.day_micros + settled.day_micros)
    from settled where accounts.user_id = settled.user_id
), given_back as (
    {_GIVE_BACK}
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'spent', price from done
), attempt as (
    update attempts set outcome = 'succeeded', finished_at = now(), provider_request_id = ended.provider_request_id,
        input_text_tokens = ended.input_text_tokens, input_image_tokens = ended.input_image_tokens,
        output_tokens = ended.output_tokens, cost_micros = ended.cost_micros
    from done join ended on ended.id = done.id
    where attempts.generation_id = done.id and attempts.fence = done.fence
), kept as (
    insert into pictures (user_id, generation_id, position, object_key, thumbnail_key, content_type, width, height,
        size_bytes, sha256, thumbhash)
    select done.user_id, done.id, p.position, p.object_key, p.thumbnail_key, p.content_type, p.width, p.height,
        p.size_bytes, p.sha256, p.thumbhash
    from done join unnest({p.generation_id}::uuid[], {p.position}::smallint[], {p.object_key}::text[],
        {p.thumbnail_key}::text[], {p.content_type}::text[], {p.width}::int[], {p.height}::int[], {p.size_bytes}::int[],
        {p.sha256}::bytea[], {p.thumbhash}::bytea[]) as p (generation_id, position, object_key, thumbnail_key,
        content_type, width, height, size_bytes, sha256, thumbhash) on p.generation_id = done.id
), partials as (
    delete from generation_events where kind = 'partial' and generation_id = any (array(select id from done))
)
insert into generation_events (generation_id, kind, data) select id, 'done', '{{}}' from done returning generation_id
""",
)

p = Parameters(
    *("id", "fence", "outcome", "failure", "provider_request_id", "state", "failure_code", "cost_micros"),
)
GIVE_UP = Statement(
    p,
    f"""
with done as (
    update generations set state = {p.state}::generation_state, failure_code = {p.failure_code}, finished_at = now(),
        lease_expires_at = null
    where id = {p.id} and fence = {p.fence} and state = 'running'
    returning id, user_id, price, state, reserved_micros, budget_day, budget_shard
), attempt as (
    update attempts set outcome = {p.outcome}::attempt_outcome, failure = {p.failure}, finished_at = now(),
        provider_request_id = {p.provider_request_id}, decision = 'give_up', cost_micros = {p.cost_micros}
    from done where attempts.generation_id = done.id and attempts.fence = {p.fence} and attempts.outcome is null
    returning attempts.possible_micros
), undecided as (
    update attempts set decision = 'give_up'
    from done where attempts.generation_id = done.id and attempts.outcome = 'unknown' and attempts.decision is null
), spent as (
    select done.*, {p.cost_micros}::bigint + coalesce((select possible_micros from attempt), 0)
        + {_spent_before(p.fence)} as micros from done
), account as (
    update accounts set held = held - spent.price, available = available + spent.price, running = running - 1,
        day_micros = {_DAY_MICROS}
    from spent where accounts.user_id = spent.user_id
), given_back as (
    {_GIVE_BACK}
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'available', price from done
), partials as (
    delete from generation_events using done where generation_id = done.id and kind = 'partial'
)
insert into generation_events (generation_id, kind, data)
select id, case state when 'cancelled' then 'cancelled'::event_kind else 'failed' end,
    jsonb_build_object('failure_code', {p.failure_code}::text)
from done returning true
""",
)

p = Parameters("id", "fence", "outcome", "failure", "delay", "provider_request_id", "queue")
RETRY = Statement(
    p,
    f"""
with back as (
    update generations set state = 'queued', not_before = now() + {p.delay}::interval, lease_expires_at = null,
        ticketed_at = now()
    where id = {p.id} and fence = {p.fence} and state = 'running'
    returning id, user_id, not_before, priority
), account as (
    update accounts set queued = queued + 1, running = running - 1,
        queued_high = queued_high + (back.priority = 1)::int, queued_low = queued_low + (back.priority = -1)::int
    from back where accounts.user_id = back.user_id
), attempt as (
    update attempts set outcome = {p.outcome}::attempt_outcome, failure = {p.failure}, finished_at = now(),
        provider_request_id = {p.provider_request_id}, decision = 'retry'
    from back where attempts.generation_id = back.id and attempts.fence = {p.fence}
), ticket as (
    insert into outbox (queue, body, due_at) select {p.queue}, id::text, not_before from back
)
insert into generation_events (generation_id, kind, data)
select id, 'retrying', jsonb_build_object('failure', {p.failure}::text,
    'after_seconds', extract(epoch from {p.delay}::interval))
from back returning true
""",
)

CANCEL = f"""
with mine as (
    select id, user_id, state, price, reserved_micros, budget_day, budget_shard from generations
    where id = $2 and user_id = $1 for update
), cancelled as (
    update generations set state = 'cancelled', failure_code = 'cancelled', finished_at = now()
    from mine where generations.id = mine.id and mine.state = 'queued'
    returning generations.id, generations.user_id, generations.price, generations.priority, mine.reserved_micros,
        mine.budget_day, mine.budget_shard
), spent as (
    select cancelled.*, coalesce((select sum(attempts.cost_micros + attempts.possible_micros) from attempts
        where attempts.generation_id = cancelled.id), 0)::bigint as micros from cancelled
), asked as (
    update generations set cancel_requested_at = coalesce(cancel_requested_at, now())
    from mine where generations.id = mine.id and mine.state = 'running'
), account as (
    update accounts set held = held - spent.price, available = available + spent.price, queued = queued - 1,
        queued_high = queued_high - (spent.priority = 1)::int,
        queued_low = queued_low - (spent.priority = -1)::int,
        day_micros = {_DAY_MICROS}
    from spent where accounts.user_id = spent.user_id
), given_back as (
    {_GIVE_BACK}
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'available', price from cancelled
), event as (
    insert into generation_events (generation_id, kind, data)
    select id, 'cancelled', '{{"failure_code": "cancelled"}}' from cancelled
)
select state from mine
"""
