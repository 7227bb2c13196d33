"""The statements of `deletions.py`."""

REQUEST = """
with asked as (
    insert into deletions (user_id, language, erase_at) values ($1, $3, now() + $2::interval)
    on conflict (user_id) do nothing
    returning id, user_id, erase_at, language
), marked as (
    update users set erase_at = asked.erase_at from asked where users.id = asked.user_id
), signed_out as (
    update sessions set revoked_at = now(), revocation = 'deletion' where user_id = $1 and revoked_at is null
), void as (
    update transfer_codes set expires_at = now() where user_id = $1 and used_at is null and expires_at > now()
), exports_over as (
    update exports set expires_at = now(), lease_expires_at = null,
        state = case when state in ('queued', 'building') then 'failed' else state end
    where user_id = $1
), event as (
    insert into security_events (user_id, kind) select user_id, 'deletion_requested' from asked
)
select id, user_id, erase_at, language from asked
"""

LOCK_IN_FLIGHT = """
select id from generations where user_id = $1 and state in ('queued', 'running') order by id for no key update
"""
NEWCOMERS = """
select exists (
    select from generations where user_id = $1 and state in ('queued', 'running') and id <> all($2::uuid[]))
"""
# All of them are locked by then, and the account.
CANCEL_ALL = """
with mine as (
    select id, state from generations where id = any($2::uuid[])
), cancelled as (
    update generations set state = 'cancelled', failure_code = 'cancelled', finished_at = now()
    from mine where generations.id = mine.id and mine.state = 'queued'
    returning generations.id, generations.price, generations.priority, generations.reserved_micros,
        generations.budget_day, generations.budget_shard
), spent as (
    select cancelled.*, coalesce((select sum(attempts.cost_micros + attempts.possible_micros) from attempts
        where attempts.generation_id = cancelled.id), 0)::bigint as micros from cancelled
), asked as (
    update generations set cancel_requested_at = coalesce(cancel_requested_at, now())
    from mine where generations.id = mine.id and mine.state = 'running'
), account as (
    update accounts set held = held - back.credits, available = available + back.credits, queued = queued - back.count,
        queued_high = queued_high - back.high, queued_low = queued_low - back.low,
        day_micros = greatest(0, day_micros - coalesce((
            select sum(reserved_micros - micros) from spent where spent.budget_day = accounts.day), 0))
    from (select coalesce(sum(price), 0)::int as credits, count(*)::int as count,
        count(*) filter (where priority = 1)::int as high, count(*) filter (where priority = -1)::int as low
        from cancelled) as back
    where accounts.user_id = $1 and back.count > 0
), given_back as (
    insert into budget_returns (day, shard, micros)
    select budget_day, budget_shard, reserved_micros - micros from spent
    where budget_day is not null and reserved_micros <> micros
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select $1, id, 'held', 'available', price from cancelled
)
insert into generation_events (generation_id, kind, data)
select id, 'cancelled', '{"failure_code": "cancelled"}' from cancelled
"""

PENDING = "select id, user_id, erase_at, language from deletions where user_id = $1"

# The first of this and BEGIN_DUE to have the row wins; the other finds nothing to do.
UNDO = """
with gone as (
    delete from deletions where user_id = $1 and begun_at is null returning user_id
), marked as (
    update users set erase_at = null from gone where users.id = gone.user_id
), event as (
    insert into security_events (user_id, kind) select user_id, 'deletion_undone' from gone
)
select exists (select from gone)
"""

RECEIPT = "select id, erase_at, erased_at, counts, mac from deletions where id = $1"

BEGIN_DUE = """
with recursive due as (
    select id, user_id from deletions where erase_at <= now() and begun_at is null
    order by erase_at limit $1 for update skip locked
), family as (
    select user_id from due union select users.id from users join family on users.merged_into = family.user_id
), noted as (
    insert into erased_users (user_id, cognito_sub)
    select users.id, users.cognito_sub from family join users on users.id = family.user_id
    on conflict do nothing
), begun as (
    update deletions set begun_at = now() from due where deletions.id = due.id returning deletions.id
)
select count(*) from begun
"""

# In no order: a deletion that cannot go on does not stand in the way of others.
BEGUN = "select id from deletions where begun_at is not null and erased_at is null order by random() limit $1"

LOCK_BEGUN = """
select id, user_id, erase_at, language, counts from deletions
where id = $1 and begun_at is not null and erased_at is null for update skip locked
"""

FAMILY = """
with recursive family as (
    select id from users where id = $1 union select users.id from users join family on users.merged_into = family.id
)
select users.id, users.email, users.cognito_sub, users.cognito_identity_id,
    coalesce(accounts.queued + accounts.running, 0) as busy
from family join users on users.id = family.id left join accounts on accounts.user_id = users.id order by users.id
"""

# The key of an object names its generation, so this needs no index of its own.
PROTECTED = """
select object_key, thumbnail_key from pictures
where generation_id = any($1::uuid[]) and user_id <> all($2::uuid[])
"""

STRAYS = """
select object_key, thumbnail_key from pictures
where user_id = any($1::uuid[]) and split_part(object_key, '/', 2) <> all($2::text[])
"""

COUNTS = """
select (select count(*) from pictures where user_id = any($1::uuid[])) as pictures,
    (select count(*) from generations where user_id = any($1::uuid[])) as generations,
    (select count(*) from devices where user_id = any($1::uuid[])) as devices,
    (select count(*) from exports where user_id = any($1::uuid[])) as exports,
    (select count(*) from users where id = any($1::uuid[])) as users
"""

KEEP_CREDITS = """
insert into erased_credits (month, out_of, into_pot, credits)
select date_trunc('month', created_at)::date, out_of, into_pot, sum(credits) from credit_transfers
where user_id = any($1::uuid[]) group by 1, 2, 3
on conflict (month, out_of, into_pot) do update set credits = erased_credits.credits + excluded.credits
"""

FORGET_IN_AUDIT = """
update audit_records set user_id = null, reason = null, data = jsonb_build_object('receipt', $2::uuid)
where user_id = any($1::uuid[])
"""

# That an address bounces or complained is kept, as a digest: no mail may go there, also not for its next user.
DELETE_MAILS = """
with gone as (
    delete from mails where recipient = any($1::text[]) returning id
), wishes as (
    delete from mail_unsubscribes
    where digest in (select sha256(convert_to(lower(address), 'UTF8')) from unnest($1::text[]) as address)
)
select count(*) from gone
"""

DELETE_MERGES = "delete from account_merges where from_user_id = any($1::uuid[]) or into_user_id = any($1::uuid[])"
DELETE_USERS = "delete from users where id = any($1::uuid[])"

FINISH = "update deletions set user_id = null, erased_at = $2, counts = $3, mac = $4 where id = $1"

FORGET_ERASED = """
delete from erased_users where user_id in (
    select user_id from erased_users e where erased_at < now() - $1::interval
        and not exists (select from users where users.id = e.user_id) limit $2)
"""
