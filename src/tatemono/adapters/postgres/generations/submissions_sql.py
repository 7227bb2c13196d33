"""The statements of `submissions.py`."""

from tatemono.adapters.postgres.statements import Parameters, Statement

_COLUMNS = """id, user_id, prompt, style, size, quality, output_format, background, n, seed, negative_prompt,
    reference_id, price, state, failure_code, created_at, started_at, finished_at, expected_micros"""

#: What a submission says: the values of one in `SUBMIT`, those of several, each an array, in `SUBMIT_TOGETHER`.
_ASKED = (
    *("user_id", "idempotency_key", "price", "prompt", "style", "size", "quality", "output_format", "background", "n"),
    *("fingerprint", "seed", "negative_prompt", "reference_id", "expected_micros", "reserved_micros"),
)
#: What every submission is held to, and the queue of its ticket.
_TERMS = ("time_zone", "max_waiting", "daily_credits", "user_day_micros", "shard_micros", "queue")

_ADDED = ", ".join((*_ASKED, "budget_day", "budget_shard"))

# What is free today, if any of it is given now, and the hold.
_LEDGER = """allowance as (
    insert into credit_transfers (user_id, out_of, into_pot, credits)
    select user_id, 'issued', 'available', granted from payer where granted > 0
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'available', 'held', price from added
)"""

# What is free today comes first: it is given by filling up, never by adding.
_CREDITS = "greatest(a.available, case when a.day = room.day then 0 else {daily_credits}::int end)"
_SPENT_TODAY = "case when a.day = room.day then a.day_micros else 0 end"


def _affordable(p: Parameters, price: str, micros: str) -> str:
    """What account `a` must have on the day of `room`: a place in the queue, credits, and money of its own budget.

    The domain's `rejection_reason` says the same, and a test holds the two together.
    """
    return f"""a.queued < {p.max_waiting}::int
        and {_CREDITS.format(daily_credits=p.daily_credits)} >= {price}
        and {_SPENT_TODAY} + {micros} <= {p.user_day_micros}::bigint"""


def _set_aside(p: Parameters, price: str, micros: str) -> str:
    """What becomes of such an account."""
    return f"""available = {_CREDITS.format(daily_credits=p.daily_credits)} - {price},
        held = a.held + {price}, queued = a.queued + 1, day = room.day,
        day_micros = {_SPENT_TODAY} + {micros}"""


p = Parameters(*_ASKED, *_TERMS, "shards", "rows")
_price, _micros = f"{p.price}::int", f"{p.reserved_micros}::bigint"
_reference_ready = f"""({p.reference_id}::uuid is null or exists (
            select from reference_pictures r
            where r.id = {p.reference_id} and r.user_id = {p.user_id} and r.clean_key is not null))"""

# The account is locked before a row of the environment's budget, which strangers share: a submission that holds such a
# row waits for no other account. A statement that gives money back only adds a row elsewhere.
SUBMIT = Statement(
    p,
    f"""
with today as (
    select (now() at time zone {p.time_zone})::date as day
), known as (
    select {_COLUMNS}, fingerprint, false as new from generations
    where user_id = {p.user_id} and idempotency_key = {p.idempotency_key}
), mine as (
    select from accounts where user_id = {p.user_id} and not exists (select from known) for no key update
), room as (
    select b.day, b.shard from mine cross join today join budget_shards b on b.day = today.day
    where b.shard = any({p.shards}::smallint[]) and b.used_micros + {_micros} <= {p.shard_micros}::bigint
    order by b.shard limit 1 for update of b
), payer as (
    update accounts a set
        {_set_aside(p, _price, _micros)}
    from room
    where a.user_id = {p.user_id}
        and {_affordable(p, _price, _micros)}
        and {_reference_ready}
    returning a.user_id, room.day, room.shard, new.available + {_price} - old.available as granted
), reserved as (
    update budget_shards b set used_micros = b.used_micros + {_micros}
    from payer where b.day = payer.day and b.shard = payer.shard
), added as (
    insert into generations
        ({_ADDED})
    select user_id, {p.idempotency_key}, {p.price}, {p.prompt}, {p.style}, {p.size}, {p.quality}, {p.output_format},
        {p.background}, {p.n}, {p.fingerprint}, {p.seed}, {p.negative_prompt}, {p.reference_id}, {p.expected_micros},
        {p.reserved_micros}, day, shard from payer
    returning {_COLUMNS}, fingerprint, true as new
), {_LEDGER}, ticket as (
    insert into outbox (queue, body) select {p.queue}, id::text from added
), result as (
    select * from known union all select * from added
)
select result.*, today.day, a.available, greatest(0, {p.daily_credits}::int - a.available) as fill_up,
    a.day as account_day, a.day_micros, a.queued as waiting,
    case when result.id is null then (
        select {p.shard_micros}::bigint - min(b.used_micros) from budget_shards b
        where b.day = today.day and b.shard < {p.rows}::int
    ) end as room_micros,
    result.id is not null or {_reference_ready} as reference_ready
from today left join result on true left join accounts a on a.user_id = {p.user_id} and result.id is null
""",
)

# Of requests of different users those that `SUBMIT` would accept one after the other. A user who is not among the rows
# has to be looked at alone, also one whose account is locked: no request waits for the merge of a stranger. The budget
# is locked first here, which is safe since no account is waited for.
p = Parameters(*_ASKED, *_TERMS, "shard")
SUBMIT_TOGETHER = Statement(
    p,
    f"""
with today as (
    select (now() at time zone {p.time_zone})::date as day
), asked as materialized (
    select * from unnest({p.user_id}::uuid[], {p.idempotency_key}::text[], {p.price}::int[], {p.prompt}::text[],
        {p.style}::text[], {p.size}::text[], {p.quality}::text[], {p.output_format}::text[], {p.background}::text[],
        {p.n}::smallint[], {p.fingerprint}::bytea[], {p.seed}::bigint[], {p.negative_prompt}::text[],
        {p.reference_id}::uuid[], {p.expected_micros}::bigint[], {p.reserved_micros}::bigint[])
        as q ({", ".join(_ASKED)})
    where not exists (
            select from generations g where g.user_id = q.user_id and g.idempotency_key = q.idempotency_key)
        and (q.style is null or exists (select from styles where styles.id = q.style))
        and (q.reference_id is null or exists (
            select from reference_pictures r
            where r.id = q.reference_id and r.user_id = q.user_id and r.clean_key is not null))
), room as (
    select b.day, b.shard from today join budget_shards b on b.day = today.day
    where b.shard = {p.shard}::smallint
        and b.used_micros + (select sum(reserved_micros) from asked)::bigint <= {p.shard_micros}::bigint
    for update of b
), able as materialized (
    select a.user_id from asked q join accounts a on a.user_id = q.user_id cross join room
    where {_affordable(p, "q.price", "q.reserved_micros")}
    order by a.user_id for no key update of a skip locked
), payer as (
    update accounts a set
        {_set_aside(p, "q.price", "q.reserved_micros")}
    from able join asked q on q.user_id = able.user_id cross join room
    where a.user_id = able.user_id
        and {_affordable(p, "q.price", "q.reserved_micros")}
    returning q.*, room.day, room.shard, new.available + q.price - old.available as granted
), reserved as (
    update budget_shards b set used_micros = b.used_micros + total.micros
    from (select day, shard, sum(reserved_micros)::bigint as micros from payer group by day, shard) total
    where b.day = total.day and b.shard = total.shard
), added as (
    insert into generations
        ({_ADDED})
    select {", ".join(_ASKED)}, day, shard from payer
    returning id, user_id, price, created_at
), {_LEDGER}, ticket as (
    insert into outbox (queue, body) select {p.queue}, id::text from added
)
select id, user_id, created_at from added
""",
)

OPEN_DAY = """
insert into budget_shards (day, shard) select $1::date, generate_series(0, $2::int - 1) on conflict do nothing
"""

p = Parameters("user_id", "time_zone", "daily_credits", "shard_micros", "rows")
ACCOUNT = Statement(
    p,
    f"""
with today as (
    select (now() at time zone {p.time_zone})::date as day
)
select today.day, a.available, greatest(0, {p.daily_credits}::int - a.available) as fill_up, a.day as account_day,
    a.day_micros, a.queued as waiting,
    {p.shard_micros}::bigint - (
        select min(b.used_micros) from budget_shards b where b.day = today.day and b.shard < {p.rows}::int
    ) as room_micros
from today join accounts a on a.user_id = {p.user_id}
""",
)
