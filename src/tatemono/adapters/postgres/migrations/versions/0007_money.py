"""What generations may cost and did: budgets, allowance, reference pictures, samples of styles, the models' ends."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0007"
down_revision = "0006"

TABLES = """
-- A picture to be changed (domain/references.py). Its clean copy is made from the upload when that is checked.
create table reference_pictures (
    id uuid primary key default uuidv7(),
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    clean_key text unique,
    width int,
    height int,
    check ((clean_key is null) = (width is null) and (width is null) = (height is null))
);
create index reference_pictures_of_user on reference_pictures (user_id);
create index reference_pictures_by_age on reference_pictures (created_at);

alter table generations
    add column seed bigint check (seed between 0 and 4294967295),
    add column negative_prompt text check (length(negative_prompt) between 1 and 500),
    add column reference_id uuid references reference_pictures on delete set null,
    -- Micro-dollars: what one call to the painter may come to, and what is set aside for all of them.
    add column expected_micros bigint not null default 0,
    add column reserved_micros bigint not null default 0,
    -- Where it is set aside: the day it was asked for, and the row of that day's budget.
    add column budget_day date,
    add column budget_shard smallint;
create index generations_of_reference on generations (reference_id) where reference_id is not null;

alter table accounts
    -- The last day on which the account asked for something: the allowance of that day is given.
    add column day date,
    -- Micro-dollars, reserved and spent on that day.
    add column day_micros bigint not null default 0 check (day_micros >= 0);

-- The environment's budget of a day, in rows that are filled independently (domain/money.py).
create table budget_shards (
    day date not null,
    shard smallint not null,
    used_micros bigint not null default 0,
    primary key (day, shard)
) with (fillfactor = 50);

-- What generations that ended give back of what was set aside; folded into the rows above from time to time.
create table budget_returns (
    id bigint generated always as identity primary key,
    day date not null,
    shard smallint not null,
    micros bigint not null
);

-- Before the call: what it may come to. Afterwards what it did, and what it may have cost besides: nobody knows
-- whether the painter charges for a call whose answer was lost, or for bytes that are no picture.
alter table attempts
    add column expected_micros bigint not null default 0,
    add column cost_micros bigint not null default 0;
alter table attempts
    add column possible_micros bigint not null generated always as (
        case when outcome = 'unknown' or failure in ('no_picture', 'not_kept') then expected_micros else 0 end
    ) stored;

alter table styles
    -- The object of the sample picture, in the folder that the front door serves.
    add column sample_key text,
    add column retired_at timestamptz;

-- What the painter says about its models, asked once a day.
create table model_announcements (
    model text primary key,
    shutdown_date date,
    seen_at timestamptz not null default now()
);
-- One row: when it was asked last, and when to ask again.
create table model_checks (
    one boolean primary key default true check (one),
    next_at timestamptz not null default now(),
    checked_at timestamptz
);
insert into model_checks default values;
"""

GRANTS = """
grant select, insert on reference_pictures to mobile_api;
grant update (clean_key, width, height) on reference_pictures to mobile_api;
grant update (day, day_micros) on accounts to mobile_api, image_worker;
grant select, insert on budget_shards to mobile_api;
grant update (used_micros) on budget_shards to mobile_api, image_worker;
grant insert on budget_returns to mobile_api, image_worker;
grant select, delete on budget_returns to image_worker;
grant select on budget_shards to image_worker;
grant select, delete on reference_pictures to image_worker;
-- `for update` needs the right to update something.
grant update (created_at) on reference_pictures to image_worker;
grant update (micros) on budget_returns to image_worker;
grant select (generation_id, fence, cost_micros, possible_micros) on attempts to mobile_api;
grant select, insert, update, delete on model_announcements to image_worker;
grant select, update on model_checks to image_worker;
grant select on model_announcements, model_checks to admin_api;
grant select, insert on styles to admin_api;
grant update (position, name_en, name_ja, prompt_suffix, active, sample_key, retired_at) on styles to admin_api;
"""


def upgrade() -> None:
    execute_each(TABLES + GRANTS)
