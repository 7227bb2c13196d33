"""Identity keeps what it needs for as long as it needs it; the keys of device identifiers can change."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0003"
down_revision = "0002"

# What is removed by its age is found by its id, which begins with the time (uuidv7).
INDEXES = """
create index devices_revoked on devices (revoked_at) where revoked_at is not null;
create index users_merged on users (merged_into) where merged_into is not null;
"""

# As before, and not while somebody is merged into the guest: the records of merges do not stay for ever any more.
FORGET_GUEST = """
create or replace function forget_guest(guest uuid) returns boolean language sql security definer
set search_path = public, pg_temp as $$
    delete from users where id = guest and kind = 'guest' and merged_into is null
        and not exists (select from devices where user_id = guest and revoked_at is null)
        and not exists (select from generations where user_id = guest)
        and not exists (select from account_merges where guest in (from_user_id, into_user_id))
        and not exists (select from users as merged where merged.merged_into = guest)
        and (select count(*) from credit_transfers where user_id = guest) <= 1
    returning true
$$;
"""

# No service may delete an audit record, nor can whoever takes the relay over: three years stand in the function.
AUDIT = """
create function forget_audit_records(most int) returns bigint language sql security definer
set search_path = public, pg_temp as $$
    with gone as (
        delete from audit_records where id in (
            select id from audit_records where id < uuidv7(interval '-1095 days') order by id limit most)
        returning id
    )
    select count(*) from gone
$$;
revoke execute on function forget_audit_records from public;
"""

GRANTS = """
grant update (identifier_hash) on devices to mobile_api;

grant delete on sessions, devices to outbox_relay;
grant select (id), delete on security_events, transfer_codes to outbox_relay;
grant select (id), delete on account_merges to outbox_relay;
grant select (digest, ends_at), delete on limit_counters to outbox_relay;
grant select (digest, expires_at), delete on dpop_proofs to outbox_relay;
grant execute on function forget_audit_records to outbox_relay;
"""


def upgrade() -> None:
    execute_each(INDEXES + FORGET_GUEST + AUDIT + GRANTS)
