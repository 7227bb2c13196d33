"""The statements of `submissions.py`."""

_COLUMNS = """id, user_id, prompt, style, size, quality, output_format, background, n, seed, negative_prompt,
    reference_id, price, state, failure_code, created_at, started_at, finished_at, expected_micros"""

# What is free today, if any of it is given now, and the hold.
_LEDGER = """allowance as (
    insert into credit_transfers (user_id, out_of, into_pot, credits)
    select user_id, 'issued', 'available', granted from payer where granted > 0
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'available', 'held', price from added
)"""

# The account is locked before a row of the environment's budget, so whoever holds such a row, which strangers share,
# waits for nobody's account; whatever gives back to it only adds a row elsewhere. What is free today comes first: it is
# given by filling up, never by adding.
SUBMIT = f"""
with today as (
    select (now() at time zone $20)::date as day
), known as (
    select {_COLUMNS}, fingerprint, false as new from generations where user_id = $1 and idempotency_key = $2
), mine as (
    select from accounts where user_id = $1 and not exists (select from known) for no key update
), room as (
    select b.day, b.shard from mine cross join today join budget_shards b on b.day = today.day
    where b.shard = any($19::smallint[]) and b.used_micros + $17::bigint <= $22::bigint
    order by b.shard limit 1 for update of b
), payer as (
    update accounts a set
        available = greatest(a.available, case when a.day = room.day then 0 else $18::int end) - $3::int,
        held = a.held + $3::int, queued = a.queued + 1, day = room.day,
        day_micros = case when a.day = room.day then a.day_micros else 0 end + $17::bigint
    from room
    where a.user_id = $1 and a.queued < $4::int
        and greatest(a.available, case when a.day = room.day then 0 else $18::int end) >= $3::int
        and case when a.day = room.day then a.day_micros else 0 end + $17::bigint <= $21::bigint
        and ($15::uuid is null or exists (
            select from reference_pictures r where r.id = $15 and r.user_id = $1 and r.clean_key is not null))
    returning a.user_id, room.day, room.shard, new.available + $3::int - old.available as granted
), reserved as (
    update budget_shards b set used_micros = b.used_micros + $17::bigint
    from payer where b.day = payer.day and b.shard = payer.shard
), added as (
    insert into generations
        (user_id, idempotency_key, price, prompt, style, size, quality, output_format, background, n, fingerprint,
        seed, negative_prompt, reference_id, expected_micros, reserved_micros, budget_day, budget_shard)
    select user_id, $2, $3, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, day, shard from payer
    returning {_COLUMNS}, fingerprint, true as new
), {_LEDGER}, ticket as (
    insert into outbox (queue, body) select $23, id::text from added
), result as (
    select * from known union all select * from added
)
select result.*, today.day, a.available, greatest(0, $18::int - a.available) as fill_up, a.day as account_day,
    a.day_micros, a.queued as waiting,
    case when result.id is null then
        (select $22::bigint - min(b.used_micros) from budget_shards b where b.day = today.day) end as room_micros,
    result.id is not null or $15::uuid is null or exists (
        select from reference_pictures r where r.id = $15 and r.user_id = $1 and r.clean_key is not null
    ) as reference_ready
from today left join result on true left join accounts a on a.user_id = $1 and result.id is null
"""

# What an account must have on that day: places in the queue, credits, and money of its own budget.
_AFFORDABLE = """a.queued < $4::int
        and greatest(a.available, case when a.day = room.day then 0 else $5::int end) >= q.price
        and case when a.day = room.day then a.day_micros else 0 end + q.reserved_micros <= $6::bigint"""

# Of requests of different users those for whom all is well, as `SUBMIT` would one after the other. Whoever is not among
# the rows has to be looked at alone, and so does whoever's account is locked: nobody waits for a stranger's merge. The
# budget is locked first here, which is safe since no account is waited for.
SUBMIT_TOGETHER = f"""
with today as (
    select (now() at time zone $1)::date as day
), asked as materialized (
    select * from unnest($8::uuid[], $9::text[], $10::int[], $11::text[], $12::text[], $13::text[], $14::text[],
        $15::text[], $16::text[], $17::smallint[], $18::bytea[], $19::bigint[], $20::text[], $21::uuid[],
        $22::bigint[], $23::bigint[]) as q (user_id, idempotency_key, price, prompt, style, size, quality,
        output_format, background, n, fingerprint, seed, negative_prompt, reference_id, expected_micros,
        reserved_micros)
    where not exists (
            select from generations g where g.user_id = q.user_id and g.idempotency_key = q.idempotency_key)
        and (q.style is null or exists (select from styles where styles.id = q.style))
        and (q.reference_id is null or exists (
            select from reference_pictures r
            where r.id = q.reference_id and r.user_id = q.user_id and r.clean_key is not null))
), room as (
    select b.day, b.shard from today join budget_shards b on b.day = today.day
    where b.shard = $2::smallint and b.used_micros + (select sum(reserved_micros) from asked)::bigint <= $3::bigint
    for update of b
), able as materialized (
    select a.user_id from asked q join accounts a on a.user_id = q.user_id cross join room
    where {_AFFORDABLE}
    order by a.user_id for no key update of a skip locked
), payer as (
    update accounts a set
        available = greatest(a.available, case when a.day = room.day then 0 else $5::int end) - q.price,
        held = a.held + q.price, queued = a.queued + 1, day = room.day,
        day_micros = case when a.day = room.day then a.day_micros else 0 end + q.reserved_micros
    from able join asked q on q.user_id = able.user_id cross join room
    where a.user_id = able.user_id and {_AFFORDABLE}
    returning q.*, room.day, room.shard, new.available + q.price - old.available as granted
), reserved as (
    update budget_shards b set used_micros = b.used_micros + total.micros
    from (select day, shard, sum(reserved_micros)::bigint as micros from payer group by day, shard) total
    where b.day = total.day and b.shard = total.shard
), added as (
    insert into generations
        (user_id, idempotency_key, price, prompt, style, size, quality, output_format, background, n, fingerprint,
        seed, negative_prompt, reference_id, expected_micros, reserved_micros, budget_day, budget_shard)
    select user_id, idempotency_key, price, prompt, style, size, quality, output_format, background, n, fingerprint,
        seed, negative_prompt, reference_id, expected_micros, reserved_micros, day, shard from payer
    returning id, user_id, price, created_at
), {_LEDGER}, ticket as (
    insert into outbox (queue, body) select $7, id::text from added
)
select id, user_id, created_at from added
"""

OPEN_DAY = """
insert into budget_shards (day, shard) select $1::date, generate_series(0, $2::int - 1) on conflict do nothing
"""

ACCOUNT = """
with today as (
    select (now() at time zone $2)::date as day
)
select today.day, a.available, greatest(0, $3::int - a.available) as fill_up, a.day as account_day, a.day_micros,
    a.queued as waiting,
    $4::bigint - (select min(b.used_micros) from budget_shards b where b.day = today.day) as room_micros
from today join accounts a on a.user_id = $1
"""
