"""Users, devices, credits, generations, pictures, outbox."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0001"
down_revision = None

TABLES = """
create type user_kind as enum ('guest', 'member');
create type platform as enum ('ios', 'android', 'web');
create type generation_state as enum ('queued', 'running', 'succeeded', 'failed', 'refused', 'cancelled');
create type attempt_outcome as enum ('succeeded', 'refused', 'failed', 'unknown');
create type event_kind as enum ('started', 'partial', 'retrying', 'done', 'failed', 'cancelled');
create type pot as enum ('issued', 'available', 'held', 'spent');

create table users (
    id uuid primary key default uuidv7(),
    kind user_kind not null default 'guest',
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now()
);

-- The account of a user: balances (their history is credit_transfers) and the user's place in the queue.
create table accounts (
    user_id uuid primary key references users on delete cascade,
    available int not null default 0 check (available >= 0),
    held int not null default 0 check (held >= 0),
    spent int not null default 0 check (spent >= 0),
    queued int not null default 0 check (queued >= 0),
    running int not null default 0 check (running >= 0),
    last_claimed_at timestamptz not null default '-infinity'
) with (fillfactor = 80);
create index accounts_in_turn on accounts (last_claimed_at) where queued > 0;

create table devices (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    platform platform not null,
    -- HMAC-SHA-256 of the platform's identifier: the identifier itself is never kept.
    identifier_hash bytea not null,
    -- RFC 7638 thumbprint of the device's public key.
    key_thumbprint text not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    unique (identifier_hash, key_thumbprint, platform)
) with (fillfactor = 80);
create index devices_of_user on devices (user_id);

create table styles (
    id text primary key check (id ~ '^[a-z][a-z0-9-]{0,39}$'),
    position int not null,
    name_en text not null,
    name_ja text not null,
    -- What is added to the prompt for the painter.
    prompt_suffix text not null check (length(prompt_suffix) <= 500),
    active boolean not null default true
);

create table generations (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    prompt text not null check (length(prompt) between 1 and 4000),
    style text references styles,
    size text not null,
    quality text not null,
    output_format text not null,
    background text not null,
    n smallint not null check (n between 1 and 4),
    price int not null check (price > 0),
    state generation_state not null default 'queued',
    failure_code text,
    -- The sender's Idempotency-Key; null again when it is a day old.
    idempotency_key text check (length(idempotency_key) between 1 and 255),
    fingerprint bytea not null,
    created_at timestamptz not null default now(),
    not_before timestamptz not null default now(),
    ticketed_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    -- Counts the claims: whoever holds an older number has lost the right to write.
    fence int not null default 0,
    lease_expires_at timestamptz,
    check ((state = 'running') = (lease_expires_at is not null)),
    check ((state in ('succeeded', 'failed', 'refused', 'cancelled')) = (finished_at is not null))
) with (fillfactor = 80);
create unique index generations_by_key on generations (user_id, idempotency_key) where idempotency_key is not null;
create index generations_of_user on generations (user_id, id desc);
create index generations_waiting on generations (user_id, id) where state = 'queued';
create index generations_leased on generations (lease_expires_at) where state = 'running';

-- Double entry: each row takes credits out of one pot and puts them into another, so all pots always sum to zero.
create table credit_transfers (
    id bigint generated always as identity primary key,
    user_id uuid not null references users on delete cascade,
    generation_id uuid,
    out_of pot not null,
    into_pot pot not null,
    credits int not null check (credits > 0),
    created_at timestamptz not null default now(),
    check (out_of <> into_pot)
);
create index credit_transfers_of_user on credit_transfers (user_id, id);
-- A generation is held once, and settled or returned once.
create unique index credit_transfers_once on credit_transfers (generation_id, out_of) where generation_id is not null;

create table attempts (
    generation_id uuid not null references generations on delete cascade,
    fence int not null,
    model text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome attempt_outcome,
    failure text,
    provider_request_id text,
    input_text_tokens int,
    input_image_tokens int,
    output_tokens int,
    primary key (generation_id, fence),
    check ((outcome is null) = (finished_at is null))
);

create table pictures (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    generation_id uuid not null references generations on delete cascade,
    position smallint not null,
    object_key text not null unique,
    thumbnail_key text not null,
    content_type text not null,
    width int not null,
    height int not null,
    size_bytes int not null,
    sha256 bytea not null,
    thumbhash bytea not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    unique (generation_id, position)
);
create index pictures_of_user on pictures (user_id, id desc) where deleted_at is null;
create index pictures_deleted on pictures (deleted_at) where deleted_at is not null;

create table generation_events (
    id bigint generated always as identity primary key,
    generation_id uuid not null references generations on delete cascade,
    kind event_kind not null,
    data jsonb not null,
    created_at timestamptz not null default now()
);
create index generation_events_in_order on generation_events (generation_id, id);

create table outbox (
    id bigint generated always as identity primary key,
    queue text not null,
    body text not null,
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now()
);
"""

STYLES = """
insert into styles (id, position, name_en, name_ja, prompt_suffix) values
    ('watercolor', 10, 'Watercolour', '水彩画', 'watercolor painting, soft washes, visible paper'),
    ('ukiyo-e', 20, 'Ukiyo-e', '浮世絵', 'ukiyo-e woodblock print, flat colours, fine outlines'),
    ('ink', 30, 'Ink drawing', '墨絵', 'sumi-e ink drawing, few brush strokes, much empty space'),
    ('oil', 40, 'Oil painting', '油絵', 'oil painting, thick brush strokes, warm light'),
    ('pixel-art', 50, 'Pixel art', 'ピクセルアート', 'pixel art, 16-bit, limited palette'),
    ('flat', 60, 'Flat illustration', 'フラットイラスト', 'flat minimal illustration, simple shapes'),
    ('neon', 70, 'Neon night', 'ネオン', 'neon cyberpunk, glowing lights, night');
"""

# Least privilege: what each service may touch. The roles are made before the migrations run.
GRANTS = """
grant usage on schema public to mobile_api, image_worker, outbox_relay;
grant select, insert on users, accounts, devices, generations, credit_transfers to mobile_api;
grant select on styles, generation_events, pictures, outbox to mobile_api;
grant update (last_used_at) on users to mobile_api;
grant update (last_seen_at) on devices to mobile_api;
grant update (available, held, queued) on accounts to mobile_api;
grant update (state, failure_code, finished_at, cancel_requested_at, lease_expires_at, idempotency_key)
    on generations to mobile_api;
grant update (deleted_at) on pictures to mobile_api;
grant insert on outbox, generation_events to mobile_api;

grant select on accounts, generations, attempts, pictures, generation_events, styles to image_worker;
grant update (available, held, spent, queued, running, last_claimed_at) on accounts to image_worker;
grant update (state, failure_code, started_at, finished_at, not_before, fence, lease_expires_at, cancel_requested_at,
    ticketed_at) on generations to image_worker;
grant insert, update on attempts to image_worker;
grant insert on credit_transfers, pictures, generation_events, outbox to image_worker;
grant delete on generation_events, pictures to image_worker;
-- `for update` needs the right to update something.
grant update (deleted_at) on pictures to image_worker;

grant select, insert, delete on outbox to outbox_relay;
-- As above.
grant update (due_at) on outbox to outbox_relay;
grant select on generations to outbox_relay;
grant update (ticketed_at, idempotency_key) on generations to outbox_relay;
"""


def upgrade() -> None:
    execute_each(TABLES + STYLES + GRANTS)
