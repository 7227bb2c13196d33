"""The queue's controls, priorities and pace; painters and their breakers; dead letters; objects without a picture."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0008"
down_revision = "0007"

TABLES = """
-- What operators have told the whole queue: one row.
create table queue_controls (
    only_row boolean primary key default true check (only_row),
    paused_at timestamptz,
    paused_by text,
    pause_reason text check (length(pause_reason) <= 500),
    draining_at timestamptz,
    draining_by text,
    drain_reason text check (length(drain_reason) <= 500)
);
insert into queue_controls default values;

-- 1 high, 0 normal, -1 low. An account counts those of its waiting generations that are not normal, so that the turn of
-- each priority is found in an index.
alter table generations add column priority smallint not null default 0 check (priority between -1 and 1);
alter table accounts
    add column queued_high int not null default 0 check (queued_high >= 0),
    add column queued_low int not null default 0 check (queued_low >= 0);
drop index accounts_in_turn;
create index accounts_in_turn on accounts (last_claimed_at) where queued > queued_high + queued_low;
create index accounts_in_turn_high on accounts (last_claimed_at) where queued_high > 0;
create index accounts_in_turn_low on accounts (last_claimed_at) where queued_low > 0;

-- How fast the queue moves, measured by the relay: one row.
create table queue_pace (
    only_row boolean primary key default true check (only_row),
    -- Attempts at the same time, and how long the newest that ended took.
    running int not null default 0,
    samples int not null default 0,
    mean_seconds double precision not null default 0,
    -- How wrong the last forecasts were: the share by which it took longer, of what was foretold (and one step).
    forecasts int not null default 0,
    low_error double precision not null default 0,
    middle_error double precision not null default 0,
    high_error double precision not null default 0,
    measured_at timestamptz not null default '-infinity'
);
insert into queue_pace default values;

-- What was foretold of some generations, and how long they waited in truth.
create table queue_forecasts (
    generation_id uuid primary key references generations on delete cascade,
    told_at timestamptz not null default now(),
    expected_seconds double precision not null,
    step_seconds double precision not null,
    waited_seconds double precision
);

-- What the workers know of each painter together (domain/breakers.py).
create table painters (
    provider text not null,
    model text not null,
    failures int not null default 0,
    opened int not null default 0,
    turned_away int not null default 0,
    open_until timestamptz,
    busy_until timestamptz,
    probe_until timestamptz,
    primary key (provider, model)
);

alter table attempts
    add column provider text not null default 'first',
    -- After an attempt that gave no picture: `retry` or `give_up`.
    add column decision text check (decision in ('retry', 'give_up')),
    -- How the keys of its objects begin, while there may be any that no picture names.
    add column object_stem text;
create index attempts_with_orphans on attempts (finished_at) where object_stem is not null
    and outcome <> 'succeeded' and failure in ('lease_lost', 'stopped', 'not_kept', 'no_picture');

-- How far the look for objects without a row has come: one row.
create table orphan_search (
    only_row boolean primary key default true check (only_row),
    after_key text not null default ''
);
insert into orphan_search default values;

-- Messages that a queue gave up, kept until an operator decides.
create table dead_letters (
    id uuid primary key default uuidv7(),
    queue text not null,
    message_id text not null,
    body text not null,
    receive_count int not null,
    sent_at timestamptz,
    first_received_at timestamptz,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    times_seen int not null default 1,
    redriven_at timestamptz,
    discarded_at timestamptz
);
-- A message that dies again after it was redriven is another letter.
create unique index dead_letters_open on dead_letters (queue, message_id)
    where redriven_at is null and discarded_at is null;
create index dead_letters_newest on dead_letters (queue, id desc);
"""

GRANTS = """
grant select on queue_controls, queue_pace to mobile_api, image_worker, outbox_relay, admin_api;
grant update (paused_at, paused_by, pause_reason, draining_at, draining_by, drain_reason)
    on queue_controls to admin_api;
grant update (queued_high, queued_low) on accounts to mobile_api, image_worker, admin_api;
grant select (user_id, queued, running, queued_high, queued_low) on accounts to admin_api;
grant select (id, user_id, state, priority, created_at, started_at, finished_at, failure_code, fence),
    update (priority) on generations to admin_api;
grant select (generation_id, fence, provider, outcome, failure) on attempts to admin_api;
grant select, insert, update on painters to image_worker;
grant select on painters to admin_api;
grant select, update on orphan_search to image_worker;
grant select (generation_id, started_at, finished_at) on attempts to outbox_relay;
grant select (id, generation_id, kind) on generation_events to outbox_relay;
grant update on queue_pace to outbox_relay;
grant select, insert, update, delete on queue_forecasts to outbox_relay;
grant select (last_claimed_at, queued_high, queued_low) on accounts to outbox_relay;
grant select, insert, update on dead_letters to outbox_relay;
grant select, update (redriven_at, discarded_at) on dead_letters to admin_api;
grant insert on outbox to admin_api;
"""


def upgrade() -> None:
    execute_each(TABLES + GRANTS)
