"""The statements of `generations.py` that record what a job comes to."""

from tatemono.adapters.postgres.statements import Parameters, Statement


def _spent(job: str, *, but: str | None = None) -> str:
    """What the attempts cost, or may have, but the one with the fence `but`: `job` gives back all else that was set
    aside.
    """
    others = "" if but is None else f" and attempts.fence <> {but}"
    return f"""coalesce((select sum(attempts.cost_micros + attempts.possible_micros) from attempts
        where attempts.generation_id = {job}.id{others}), 0)::bigint"""


_DAY_MICROS = """case when accounts.day = spent.budget_day
        then greatest(0, accounts.day_micros - spent.reserved_micros + spent.micros) else accounts.day_micros end"""
# For several jobs at once. Accounts are locked in the order of their ids, as everywhere.
_PAYER = """payer as materialized (
    select user_id, day from accounts where user_id in (select user_id from done) order by user_id for no key update
)"""
_OF_EACH_PAYER = """coalesce(
        sum(micros - reserved_micros) filter (where budget_day = payer.day), 0)::bigint as day_micros
    from payer join spent on spent.user_id = payer.user_id group by payer.user_id"""
_GIVE_BACK = """insert into budget_returns (day, shard, micros)
    select budget_day, budget_shard, reserved_micros - micros from spent
    where budget_day is not null and reserved_micros <> micros"""

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
    *("sha256", "thumbhash", "refund"),
)
SUCCEED = Statement(
    p,
    f"""
with ended as (
    select * from unnest({p.id}::uuid[], {p.fence}::int[], {p.provider_request_id}::text[],
        {p.input_text_tokens}::int[], {p.input_image_tokens}::int[], {p.output_tokens}::int[],
        {p.cost_micros}::bigint[], {p.refund}::int[])
        as e (id, fence, provider_request_id, input_text_tokens, input_image_tokens, output_tokens, cost_micros, refund)
), held as materialized (
    select g.id from ended join generations g on g.id = ended.id and g.fence = ended.fence
    where g.state = 'running' order by g.id for no key update of g
), done as (
    update generations set state = 'succeeded', finished_at = now(), lease_expires_at = null
    from held where generations.id = held.id
    returning generations.id, user_id, price, fence, reserved_micros, budget_day, budget_shard
), spent as (
    select done.*, ended.refund, ended.cost_micros + {_spent("done", but="done.fence")} as micros
    from done join ended on ended.id = done.id
), {_PAYER}, settled as (
    select payer.user_id, sum(price) as price, sum(refund) as refund, count(*) as jobs,
        {_OF_EACH_PAYER}
), account as (
    update accounts set held = held - settled.price, spent = accounts.spent + settled.price - settled.refund,
        available = available + settled.refund,
        running = running - settled.jobs, day_micros = greatest(0, accounts.day_micros + settled.day_micros)
    from settled where accounts.user_id = settled.user_id
), given_back as (
    {_GIVE_BACK}
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'spent', price from done
), refund as (
    -- For pictures that were asked for and did not come.
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'spent', 'available', refund from spent where refund > 0
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
    *("id", "fence", "outcome", "failure", "provider_request_id", "state", "failure_code", "cost_micros", "detail"),
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
        provider_request_id = {p.provider_request_id}, decision = 'give_up', cost_micros = {p.cost_micros},
        detail = {p.detail}
    from done where attempts.generation_id = done.id and attempts.fence = {p.fence} and attempts.outcome is null
    returning attempts.possible_micros
), undecided as (
    update attempts set decision = 'give_up'
    from done where attempts.generation_id = done.id and attempts.outcome = 'unknown' and attempts.decision is null
), spent as (
    select done.*, {p.cost_micros}::bigint + coalesce((select possible_micros from attempt), 0)
        + {_spent("done", but=p.fence)} as micros from done
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

p = Parameters("id", "fence", "outcome", "failure", "delay", "provider_request_id", "queue", "detail")
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
        provider_request_id = {p.provider_request_id}, decision = 'retry', detail = {p.detail}
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

# $1: how long ago it was asked for at least, $2: the failure code, $3: so many at most.
END_WAITING = f"""
with waiting as materialized (
    select id from generations where state = 'queued' and created_at < now() - $1::interval
    order by id limit $3 for update skip locked
), done as (
    update generations set state = 'failed', failure_code = $2, finished_at = now()
    from waiting where generations.id = waiting.id and generations.state = 'queued'
    returning generations.id, user_id, price, priority, reserved_micros, budget_day, budget_shard
), spent as (
    select done.*, {_spent("done")} as micros from done
), {_PAYER}, returned as (
    select payer.user_id, sum(price) as price, count(*) as jobs, count(*) filter (where priority = 1) as high,
        count(*) filter (where priority = -1) as low,
        {_OF_EACH_PAYER}
), account as (
    update accounts set held = held - returned.price, available = available + returned.price,
        queued = queued - returned.jobs, queued_high = queued_high - returned.high,
        queued_low = queued_low - returned.low, day_micros = greatest(0, accounts.day_micros + returned.day_micros)
    from returned where accounts.user_id = returned.user_id
), given_back as (
    {_GIVE_BACK}
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'available', price from done
)
insert into generation_events (generation_id, kind, data)
select id, 'failed', jsonb_build_object('failure_code', $2::text) from done returning generation_id
"""

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
    select cancelled.*, {_spent("cancelled")} as micros from cancelled
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
