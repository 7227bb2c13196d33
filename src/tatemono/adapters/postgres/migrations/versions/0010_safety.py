"""Safety: blocked words and hashes, what moderation found, reports, takedowns, strikes, escalations."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0010"
down_revision = "0008"

TABLES = """
create table blocked_words (
    id uuid primary key default uuidv7(),
    locale text not null check (locale in ('ja', 'en')),
    phrase text not null check (length(phrase) between 1 and 80),
    -- As it is looked for (domain/blocked_words.py).
    folded text not null,
    note text check (length(note) <= 500),
    created_by text not null,
    created_at timestamptz not null default now(),
    unique (locale, folded)
);

-- Difference hashes of pictures that must not come back.
create table blocked_hashes (
    id uuid primary key default uuidv7(),
    hash bigint not null unique,
    class text not null check (class in ('unwanted', 'illegal')),
    note text check (length(note) <= 500),
    -- The picture whose takedown brought it here; an undo takes it out again.
    picture_id uuid,
    created_by text not null,
    created_at timestamptz not null default now()
);
create index blocked_hashes_of_picture on blocked_hashes (picture_id) where picture_id is not null;

-- Each look at a prompt or a picture, and each thing that was sent to a third party for it.
create table moderations (
    id bigint generated always as identity primary key,
    generation_id uuid not null references generations on delete cascade,
    fence int not null,
    stage text not null check (stage in ('prompt', 'reference', 'result')),
    by text not null check (by in ('local', 'provider')),
    outcome text not null check (outcome in ('passed', 'flagged', 'away')),
    categories text[] not null default '{}',
    provider_request_id text,
    created_at timestamptz not null default now()
);
create index moderations_of_generation on moderations (generation_id);

-- What operators look through. No foreign key: a report outlives the picture and its user.
create table reports (
    id uuid primary key default uuidv7(),
    picture_id uuid not null,
    user_id uuid,
    reporter_id uuid,
    origin text not null check (origin in ('owner', 'public')),
    reason text not null,
    note text check (length(note) between 1 and 1000),
    created_at timestamptz not null default now(),
    claimed_by text,
    claimed_until timestamptz,
    decision text check (decision in ('dismiss', 'takedown', 'strike', 'escalate')),
    decided_by text,
    decided_at timestamptz,
    check ((decision is null) = (decided_at is null) and (decision is null) = (decided_by is null))
);
create index reports_open on reports (id) where decision is null;
create index reports_of_picture on reports (picture_id);

-- The row of a picture moves here, so that nothing that reads pictures can find it.
create table takedowns (
    picture_id uuid primary key,
    user_id uuid not null,
    generation_id uuid not null,
    position smallint not null,
    object_key text not null unique,
    thumbnail_key text not null,
    content_type text not null,
    width int not null,
    height int not null,
    size_bytes int not null,
    sha256 bytea not null,
    thumbhash bytea not null,
    picture_created_at timestamptz not null,
    reason text not null,
    by text not null,
    created_at timestamptz not null default now(),
    undo_until timestamptz not null,
    escalated boolean not null default false,
    moved_at timestamptz,
    invalidated_at timestamptz,
    undo_asked_at timestamptz
);
create index takedowns_to_do on takedowns (created_at)
    where moved_at is null or invalidated_at is null or undo_asked_at is not null;
create index takedowns_to_erase on takedowns (undo_until) where not escalated;
create index takedowns_of_generation on takedowns (generation_id);

create table strikes (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    reason text not null,
    picture_id uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index strikes_of_user on strikes (user_id, expires_at);
create unique index strikes_once on strikes (picture_id) where picture_id is not null;

-- Who, when, why, and where the evidence is. No foreign key, and no way to change or remove a row.
create table escalations (
    id uuid primary key default uuidv7(),
    created_at timestamptz not null default now(),
    user_id uuid not null,
    generation_id uuid,
    picture_id uuid,
    stage text not null,
    categories text[] not null,
    found_by text not null,
    reason text not null,
    sha256 bytea,
    evidence_key text
);
create function refuse_change() returns trigger language plpgsql as $$
begin raise exception 'escalations are only ever added'; end $$;
create trigger escalations_stay before update or delete on escalations
    for each row execute function refuse_change();
create trigger escalations_stay_all before truncate on escalations
    for each statement execute function refuse_change();
"""

GRANTS = """
grant select on blocked_words to mobile_api;
grant select, insert, delete on blocked_words to admin_api;
grant select, insert, delete on blocked_hashes to admin_api, image_worker;
grant update (class) on blocked_hashes to admin_api, image_worker;
grant insert on moderations to image_worker;
grant select on moderations to admin_api;
grant insert (picture_id, user_id, reporter_id, origin, reason, note) on reports to mobile_api;
grant select (id, picture_id, reporter_id, origin, created_at, decision) on reports to mobile_api;
grant select on reports to admin_api;
grant update (claimed_by, claimed_until, decision, decided_by, decided_at) on reports to admin_api;
grant select, insert on takedowns to admin_api;
grant select (object_key, thumbnail_key, generation_id) on takedowns to outbox_relay;
grant select (user_id, state), update (state, lease_expires_at, expires_at, ticketed_at) on exports to admin_api;
grant update (undo_asked_at, escalated, moved_at) on takedowns to admin_api;
grant select, delete on takedowns to image_worker;
grant select (id, user_id) on generations to admin_api;
grant update (moved_at, invalidated_at, undo_asked_at) on takedowns to image_worker;
grant select, insert, delete on strikes to admin_api;
grant select on strikes to mobile_api;
grant select, insert on escalations to admin_api;
grant insert on escalations to image_worker;
grant select, delete on pictures to admin_api;
grant update (deleted_at) on pictures to admin_api;
-- The rule that freezes an account.
grant select (id, suspended_at, suspended_until),
    update (suspended_at, suspended_until, suspension_reason) on users to image_worker;
grant insert (user_id, device_id, kind) on security_events to image_worker;
-- Only the key of the object: it is moved into quarantine.
grant update (clean_key, width, height) on reference_pictures to image_worker;
"""


def upgrade() -> None:
    execute_each(TABLES + GRANTS)
