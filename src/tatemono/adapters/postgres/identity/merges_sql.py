"""The statements of `merges.py`."""

from tatemono.adapters.postgres.identity.devices import SUSPENDED
from tatemono.adapters.postgres.statements import Parameters, Statement

# A guest that has never asked for a picture and was never given more than the welcome has nothing to lose: if the
# welcome were carried over, a person who makes many guests could collect it.
SIDE = f"""
select users.id, users.kind, users.email, users.merged_into is not null as merged,
    {SUSPENDED} as suspended,
    users.suspended_until, users.suspension_reason, users.erase_at,
    accounts.available, accounts.held, accounts.queued + accounts.running as in_flight,
    (select count(*) from generations where user_id = users.id) as generations,
    (select count(*) from pictures where user_id = users.id and deleted_at is null) as pictures,
    (select count(*) from devices where user_id = users.id and revoked_at is null) as devices,
    (select count(*) from strikes where user_id = users.id and expires_at > now()) as strikes,
    (select count(*) from credit_transfers where user_id = users.id) as transfers
from users join accounts on accounts.user_id = users.id where users.id = $1
"""

LOCK_USERS = "select from users where id = any($1::uuid[]) order by id for no key update"
LOCK_ACCOUNTS = "select from accounts where user_id = any($1::uuid[]) order by user_id for no key update"
LOCK_GENERATIONS_OF = """
select id, state in ('queued', 'running') as in_flight from generations where user_id = $1 order by id for no key update
"""
LOCK_GENERATIONS = "select from generations where id = any($1::uuid[]) order by id for no key update"
NEWCOMERS = "select exists (select from generations where user_id = $1 and id <> all($2::uuid[]))"
LOCK_DEVICES = """
select id from devices where user_id = $1 and revoked_at is null order by id for no key update nowait
"""
LOCK_SESSIONS = """
select from sessions where user_id = any($1::uuid[]) and revoked_at is null order by id for no key update nowait
"""

# An Idempotency-Key that both have stays with user $2; the other request is older and was answered.
MOVE_GENERATIONS = """
update generations set user_id = $2, idempotency_key = case when not exists (
    select from generations as theirs
    where theirs.user_id = $2 and theirs.idempotency_key = generations.idempotency_key) then idempotency_key end
where id = any($1::uuid[])
"""
# Deleted pictures wait for their objects to be erased, and no user sees them any more.
MOVE_PICTURES = """
with moved as (
    update pictures set user_id = $2 where generation_id = any($1::uuid[]) and deleted_at is null returning id
)
select count(*) from moved
"""
# Pictures that were taken down have left `pictures`. An operator who takes one down at this moment locks its row first:
# what is decided before this statement is moved here, and what comes later finds the new user.
MOVE_TAKEDOWNS = "update takedowns set user_id = $2 where generation_id = any($1::uuid[])"
# All strikes of $1; or, of a merge that is undone, those that came ($3) and those that what goes back got since.
MOVE_STRIKES = """
with moved as (
    update strikes set user_id = $2 where user_id = $1 and ($3::uuid[] is null or id = any($3) or picture_id in (
        select picture_id from takedowns where generation_id = any($4::uuid[])))
    returning id
)
select coalesce(array_agg(id order by id), '{}') from moved
"""
MOVE_DEVICES = "update devices set user_id = $2 where id = any($1::uuid[])"
END_SESSIONS = """
update sessions set revoked_at = now(), revocation = $2 where device_id = any($1::uuid[]) and revoked_at is null
"""

# The pot `moved` of the one is what that of the other is not, so all pots of all users still sum to zero, and those of
# each user, too.
p = Parameters("source", "target", "available", "held", "queued", "running")
MOVE_CREDITS = Statement(
    p,
    f"""
with left_ as (
    update accounts set available = available - {p.available}, held = held - {p.held},
        queued = queued - {p.queued}, running = running - {p.running}
    where user_id = {p.source}
), came as (
    update accounts set available = available + {p.available}, held = held + {p.held},
        queued = queued + {p.queued}, running = running + {p.running}
    where user_id = {p.target}
)
insert into credit_transfers (user_id, out_of, into_pot, credits)
select user_id, out_of, into_pot, credits from (values
    ({p.source}::uuid, 'available'::pot, 'moved'::pot, {p.available}::int),
    ({p.source}, 'held', 'moved', {p.held}::int),
    ({p.target}, 'moved', 'available', {p.available}),
    ({p.target}, 'moved', 'held', {p.held})
) as rows (user_id, out_of, into_pot, credits) where credits > 0
""",
)

# What the generations that move ($3) were set aside or cost on the last day of either account: from $1 to $2, so that
# a merge is no way around the budget of a day. An account that asked for nothing on that day has begun it then,
# and has had the allowance that the other one was given.
MOVE_SPENDING = """
with last as (
    select max(day) as day from accounts where user_id in ($1, $2)
), moved as (
    select last.day, sum(case when g.state in ('queued', 'running') then g.reserved_micros else coalesce((
        select sum(a.cost_micros + a.possible_micros) from attempts a where a.generation_id = g.id), 0) end)::bigint
        as micros
    from last join generations g on g.budget_day = last.day and g.id = any($3::uuid[]) group by last.day
), left_ as (
    update accounts set day_micros = greatest(0, day_micros - moved.micros) from moved
    where user_id = $1 and accounts.day = moved.day
)
update accounts set day = moved.day,
    day_micros = case when accounts.day = moved.day then day_micros else 0 end + moved.micros
from moved where user_id = $2 and moved.micros > 0
"""

# What waits with another priority than the normal one went along.
RECOUNT_PRIORITIES = """
update accounts set
    queued_high = (select count(*) from generations g
        where g.user_id = accounts.user_id and g.state = 'queued' and g.priority = 1),
    queued_low = (select count(*) from generations g
        where g.user_id = accounts.user_id and g.state = 'queued' and g.priority = -1)
where user_id = any($1::uuid[])
"""

ADD = """
insert into account_merges (from_user_id, into_user_id, moved) values ($1, $2, $3)
returning id, created_at + $4::interval as undo_until
"""
MARK_MERGED = "update users set merged_into = $2 where id = $1"

FIND = "select from_user_id from account_merges where id = $1 and into_user_id = $2"
# The users are locked by then.
OPEN_MERGE = """
select moved from account_merges where id = $1 and undone_at is null and created_at > now() - $2::interval
"""
MARK_UNDONE = "update account_merges set undone_at = now() where id = $1"

_OUTCOME = """count(*) filter (where state = 'queued')::int as queued,
    count(*) filter (where state = 'running')::int as running,
    coalesce(sum(price) filter (where state in ('queued', 'running')), 0)::int as in_flight,
    coalesce(sum(price) filter (where state = 'succeeded' and id = any({in_flight})), 0)::int as settled"""

# What became of the generations that moved ($1), of which $2 were not finished then.
OUTCOME = f"""
select {_OUTCOME.format(in_flight="$2::uuid[]")} from generations where id = any($1::uuid[])
"""

# Nothing is locked: this is for looking at.
UNDOABLE = f"""
with open as (
    select id, from_user_id, created_at, moved,
        array(select jsonb_array_elements_text(moved -> 'generations')::uuid) as generations,
        array(select jsonb_array_elements_text(moved -> 'in_flight')::uuid) as in_flight
    from account_merges
    where into_user_id = $1 and undone_at is null and created_at > now() - $3::interval
        and ($2::uuid is null or id < $2)
    order by id desc limit $4
), own as (
    select array(select id from devices where user_id = $1 and revoked_at is null order by id) as devices
)
select open.id, open.from_user_id, open.created_at, open.moved, own.devices, users.kind, accounts.available,
    outcome.queued, outcome.running, outcome.in_flight, outcome.settled,
    (select count(*) from pictures where generation_id = any(open.generations) and deleted_at is null) as pictures
from open cross join own
join users on users.id = $1 join accounts on accounts.user_id = $1
cross join lateral (
    select {_OUTCOME.format(in_flight="open.in_flight")} from generations where id = any(open.generations)
) as outcome
order by open.id desc
"""
