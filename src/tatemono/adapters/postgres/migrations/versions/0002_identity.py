"""Sessions, members, transfer codes, merges, suspensions, audit."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0002"
down_revision = "0001"

TABLES = """
create type security_event_kind as enum (
    'copied_identifier', 'refresh_reused', 'signed_out_everywhere', 'device_revoked', 'suspended', 'restored',
    'password_changed', 'email_changed', 'transferred', 'merged', 'merge_undone');

alter table users
    -- Lower case, NFC: how it is compared. Null for guests.
    add column email text unique,
    add column email_verified_at timestamptz,
    -- The member's `sub` in the user pool.
    add column cognito_sub uuid unique,
    -- The guest's identity in the identity pool; attached when Cognito has time for it.
    add column cognito_identity_id text,
    add column suspended_at timestamptz,
    add column suspended_until timestamptz,
    add column suspension_reason text check (length(suspension_reason) <= 500),
    add column merged_into uuid references users;
create index users_without_identity on users (created_at) where cognito_identity_id is null and kind = 'guest';

alter table devices
    add column name text check (length(name) <= 100),
    add column revoked_at timestamptz,
    add column attested_at timestamptz;

-- A revoked device may come back: as a new one, with a new guest.
alter table devices drop constraint devices_identifier_hash_key_thumbprint_platform_key;
create unique index devices_signing_in on devices (identifier_hash, key_thumbprint, platform) where revoked_at is null;

create index users_suspended on users (suspended_at) where suspended_at is not null;

-- A session is a device's being signed in: one at a time, with a family of refresh tokens that follow each other. Only
-- digests of the tokens' random bits are kept, and none is indexed: the token names the session, and so renewing it
-- touches no index.
create table sessions (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    device_id uuid not null references devices on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    refresh_hash bytea not null,
    -- The token before it, and the proof that came with it: the same question gets the same answer for a while.
    previous_hash bytea,
    previous_proof bytea,
    rotated_at timestamptz not null default now(),
    revoked_at timestamptz,
    revocation text
) with (fillfactor = 80);
create unique index sessions_of_device on sessions (device_id) where revoked_at is null;
create index sessions_of_user on sessions (user_id) where revoked_at is null;
create index sessions_revoked on sessions (revoked_at) where revoked_at is not null;

create table dpop_proofs (
    -- SHA-256 of key thumbprint and jti.
    digest bytea primary key,
    expires_at timestamptz not null
);
create index dpop_proofs_expired on dpop_proofs (expires_at);

create table security_events (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    device_id uuid,
    kind security_event_kind not null,
    data jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create index security_events_of_user on security_events (user_id, id desc);

create table transfer_codes (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    device_id uuid not null references devices on delete cascade,
    -- Its first characters say which code was tried; the hash is keyed, of all of it.
    locator text not null,
    code_hash bytea not null unique,
    sign_out_old_device boolean not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    attempts_left smallint not null check (attempts_left >= 0),
    used_at timestamptz
);
create index transfer_codes_of_user on transfer_codes (user_id, id desc);
create index transfer_codes_by_locator on transfer_codes (locator) where used_at is null;

create table account_merges (
    id uuid primary key default uuidv7(),
    from_user_id uuid not null references users,
    into_user_id uuid not null references users,
    -- What moved, so that it can move back.
    moved jsonb not null,
    created_at timestamptz not null default now(),
    undone_at timestamptz,
    check (from_user_id <> into_user_id)
);
create unique index account_merges_once on account_merges (from_user_id) where undone_at is null;
create index account_merges_into on account_merges (into_user_id);
-- Credits that go from one user to another: what this pot of the one has, that of the other lacks.
alter type pot add value 'moved';

-- A guest whose only device has joined another account, and who has nothing to lose. The service may delete no others.
create function forget_guest(guest uuid) returns boolean language sql security definer
set search_path = public, pg_temp as $$
    delete from users where id = guest and kind = 'guest' and merged_into is null
        and not exists (select from devices where user_id = guest and revoked_at is null)
        and not exists (select from generations where user_id = guest)
        and not exists (select from account_merges where guest in (from_user_id, into_user_id))
        and (select count(*) from credit_transfers where user_id = guest) <= 1
    returning true
$$;
revoke execute on function forget_guest from public;

create table audit_records (
    id uuid primary key default uuidv7(),
    operator_id text not null,
    operator_email text not null,
    action text not null,
    user_id uuid,
    reason text check (length(reason) <= 500),
    data jsonb not null default '{}',
    request_id text not null,
    address inet not null,
    created_at timestamptz not null default now()
);
create index audit_records_of_user on audit_records (user_id, id desc);
"""

# Each room's own lines; the roles are made before the migrations run.
GRANTS = """
grant select, insert on sessions, dpop_proofs, security_events to mobile_api;
grant update (user_id, expires_at, refresh_hash, previous_hash, previous_proof, rotated_at, revoked_at, revocation)
    on sessions to mobile_api;
grant delete on dpop_proofs to mobile_api;
-- `for update` needs the right to update something.
grant update (expires_at) on dpop_proofs to mobile_api;
grant update (revoked_at) on devices to mobile_api;

create index devices_by_thumbprint on devices (key_thumbprint text_pattern_ops);
grant usage on schema public to admin_api;
grant select (id, kind, email, created_at, last_used_at, suspended_at, suspended_until, suspension_reason, merged_into),
    update (suspended_at, suspended_until, suspension_reason) on users to admin_api;
grant select (user_id, available, held) on accounts to admin_api;
grant select (id, user_id, platform, key_thumbprint, created_at, last_seen_at, revoked_at) on devices to admin_api;
grant select (id, user_id, device_id, created_at, expires_at, rotated_at, revoked_at, revocation),
    update (revoked_at, revocation) on sessions to admin_api;
grant select (id, user_id) on generations, transfer_codes to admin_api;
grant select (user_id, deleted_at) on pictures to admin_api;
grant insert (user_id, device_id, kind) on security_events to admin_api;
-- What is written there stays.
grant select, insert on audit_records to admin_api;

-- Members: written by the API and by the function that Cognito calls.
grant update (kind, email, email_verified_at, cognito_sub) on users to mobile_api;
grant usage on schema public to cognito_trigger;
grant select, insert on users, accounts to cognito_trigger;
grant update (kind, email, email_verified_at, cognito_sub) on users to cognito_trigger;

grant select, insert on transfer_codes, account_merges to mobile_api;
grant update (expires_at, attempts_left, used_at) on transfer_codes to mobile_api;
grant update (undone_at) on account_merges to mobile_api;
grant update (merged_into) on users to mobile_api;
grant update (user_id) on generations, pictures, devices to mobile_api;
grant update (running) on accounts to mobile_api;
grant execute on function forget_guest to mobile_api;

-- How often a mail address was named lately (adapters/postgres/limits.py).
create table limit_counters (
    -- SHA-256 of what is counted.
    digest bytea primary key,
    ends_at timestamptz not null,
    count int not null
);
create index limit_counters_over on limit_counters (ends_at);
grant select, insert, update, delete on limit_counters to mobile_api;

grant update (attested_at) on devices to mobile_api;

-- Guests that nobody uses (adapters/postgres/guests.py): first let go, then removed when their pictures are erased.
alter table users add column let_go_at timestamptz;
create index users_unused on users (last_used_at) where kind = 'guest' and let_go_at is null;
create index users_let_go on users (let_go_at) where let_go_at is not null;
grant select (id, kind, created_at, last_used_at, cognito_identity_id, merged_into, let_go_at),
    update (cognito_identity_id, let_go_at), delete on users to outbox_relay;
grant select (user_id, queued, running, held), update (last_claimed_at) on accounts to outbox_relay;
grant select (id, user_id, revoked_at), update (revoked_at) on devices to outbox_relay;
grant select (id, user_id, revoked_at), update (revoked_at, revocation) on sessions to outbox_relay;
grant select (user_id, deleted_at), update (deleted_at) on pictures to outbox_relay;
grant select (from_user_id, into_user_id) on account_merges to outbox_relay;
"""


def upgrade() -> None:
    execute_each(TABLES + GRANTS)
