"""Deletions with their receipts, what is kept of erased users, exports, the progress of the reconciliation."""

from alembic import op

from tatemono.adapters.postgres.migrate import execute_each

revision = "0005"
down_revision = "0004"

TABLES = """
alter type security_event_kind add value 'deletion_requested';
alter type security_event_kind add value 'deletion_undone';

-- When the user's account is to be erased. Here as well as in `deletions`, since every sign-in has to know.
alter table users add column erase_at timestamptz;
create index users_leaving on users (erase_at) where erase_at is not null;
create index users_by_identity on users (cognito_identity_id) where cognito_identity_id is not null;

create table deletions (
    -- The receipt's, which opens it: 122 random bits.
    id uuid primary key default gen_random_uuid(),
    user_id uuid unique,
    language text not null check (language in ('en', 'ja')),
    requested_at timestamptz not null default now(),
    erase_at timestamptz not null,
    -- From here on there is no way back.
    begun_at timestamptz,
    counts jsonb not null default '{}',
    erased_at timestamptz,
    mac bytea,
    check ((erased_at is null) = (user_id is not null)),
    check ((erased_at is null) = (mac is null))
);
create index deletions_due on deletions (erase_at) where erased_at is null;

-- Cognito may still be about to tell us of a member whose erasure has begun; a week later it is not.
create table erased_users (
    user_id uuid primary key,
    cognito_sub uuid unique,
    erased_at timestamptz not null default now()
);
create index erased_users_old on erased_users (erased_at);

-- What erased users took and spent, without a word about who they were: with credit_transfers it sums to zero.
create table erased_credits (
    month date not null,
    out_of pot not null,
    into_pot pot not null,
    credits bigint not null check (credits > 0),
    primary key (month, out_of, into_pot)
);

create type export_state as enum ('queued', 'building', 'ready', 'failed');
create table exports (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    language text not null check (language in ('en', 'ja')),
    state export_state not null default 'queued',
    object_key text not null unique,
    -- Counts the claims; whoever holds an older number has lost the right to write.
    fence int not null default 0,
    lease_expires_at timestamptz,
    created_at timestamptz not null default now(),
    ticketed_at timestamptz not null default now(),
    ready_at timestamptz,
    expires_at timestamptz,
    size_bytes bigint,
    pictures int,
    check ((state = 'building') = (lease_expires_at is not null)),
    check ((state = 'ready') = (ready_at is not null))
);
create unique index exports_one_at_a_time on exports (user_id) where state in ('queued', 'building');
create index exports_of_user on exports (user_id, id desc);
create index exports_over on exports (expires_at) where expires_at is not null;

create table reconciliations (
    kind text primary key,
    started_at timestamptz,
    -- Where the next run goes on; null: at the beginning.
    after text,
    looked_at int not null default 0,
    found int not null default 0,
    repaired int not null default 0
);
insert into reconciliations (kind) values ('objects'), ('pool_members'), ('identities'), ('members');
"""

# Whoever writes members down need not read who was erased: it runs as its owner. It takes a snapshot of its own, so a
# statement that began before the erasure is refused as well.
REFUSE_ERASED = """
create function refuse_erased() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if exists (select from erased_users where cognito_sub = new.cognito_sub or user_id = new.id) then
        raise exception 'this user was erased' using errcode = 'restrict_violation', constraint = 'erased_users';
    end if;
    return new;
end
$$;
"""
TRIGGER = """
create trigger users_not_erased before insert or update of cognito_sub on users
for each row when (new.cognito_sub is not null) execute function refuse_erased();
"""

GRANTS = """
grant select, insert, delete on deletions to mobile_api;
grant update (erase_at) on users to mobile_api;
grant select (user_id) on erased_users to mobile_api, cognito_trigger;
grant select, insert on exports to mobile_api;
grant update (state, lease_expires_at, ready_at, expires_at) on exports to mobile_api;

grant select (erase_at) on users to admin_api;

grant select (id, kind, email, created_at, email_verified_at) on users to image_worker;
grant select (id, user_id, platform, created_at, last_seen_at, revoked_at) on devices to image_worker;
grant select on credit_transfers, exports to image_worker;
grant select (user_id, available, held, spent) on accounts to image_worker;
grant select (id, cause), insert (cause, kind, priority, language, recipient, facts) on mails to image_worker;
grant update (state, fence, lease_expires_at, ready_at, expires_at, size_bytes, pictures) on exports to image_worker;

-- The erasure. Rows that hang on a user go with it, by the right of the tables' owner.
grant select (email, email_verified_at, cognito_sub, erase_at),
    update (kind, email, email_verified_at, cognito_sub) on users to outbox_relay;
grant select, update (begun_at, counts, erased_at, mac, user_id) on deletions to outbox_relay;
grant select, insert, delete on erased_users to outbox_relay;
grant select (user_id, generation_id, object_key, thumbnail_key) on pictures to outbox_relay;
grant select (user_id, created_at, out_of, into_pot, credits) on credit_transfers to outbox_relay;
grant select, insert, update (credits) on erased_credits to outbox_relay;
grant delete on account_merges to outbox_relay;
grant select (recipient), delete on mails to outbox_relay;
grant select (digest), delete on mail_unsubscribes to outbox_relay;
-- An operator's act stays written down, and whom it concerned does not.
grant select (user_id), update (user_id, reason, data) on audit_records to outbox_relay;
grant select, delete on exports to outbox_relay;
grant update (ticketed_at, state, lease_expires_at, expires_at) on exports to outbox_relay;
grant select, update (started_at, after, looked_at, found, repaired) on reconciliations to outbox_relay;
"""

# Empty guests that leave for another account do not take a pending deletion with them.
FORGET_GUEST = """
create or replace function forget_guest(guest uuid) returns boolean language sql security definer
set search_path = public, pg_temp as $$
    delete from users where id = guest and kind = 'guest' and merged_into is null and erase_at is null
        and not exists (select from devices where user_id = guest and revoked_at is null)
        and not exists (select from generations where user_id = guest)
        and not exists (select from account_merges where guest in (from_user_id, into_user_id))
        and not exists (select from users as merged where merged.merged_into = guest)
        and (select count(*) from credit_transfers where user_id = guest) <= 1
    returning true
$$;
"""


def upgrade() -> None:
    execute_each(TABLES)
    op.execute(REFUSE_ERASED)
    execute_each(TRIGGER + GRANTS + FORGET_GUEST)
