"""What a painter said of a failed call, and why it refuses our account."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0012"
down_revision = "0011"

TABLES = """
-- For operators: cut, and without prompt or key.
alter table attempts add column detail text check (length(detail) <= 300);
-- In the painter's own word. Null: it takes our account.
alter table painters add column refused_because text;
-- One row while no painter takes our account, and none otherwise.
create table painter_outage (
    one boolean primary key default true check (one),
    because text not null,
    since timestamptz not null default now()
);
grant select, insert, update, delete on painter_outage to image_worker;
grant select on painter_outage to mobile_api, admin_api;
"""


def upgrade() -> None:
    execute_each(TABLES)
