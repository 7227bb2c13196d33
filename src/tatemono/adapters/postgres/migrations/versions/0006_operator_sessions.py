"""Operators who are signed in at the admin site, and what each of them did."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0006"
down_revision = "0005"

STATEMENTS = """
create table operator_sessions (
    id uuid primary key,
    -- SHA-256 of the cookie.
    token_hash bytea not null unique,
    -- The `sub` and the name in the operators' user pool.
    operator_id text not null,
    operator_email text not null,
    -- The pool's tokens, AES-GCM.
    sealed_tokens bytea not null,
    fetched_at timestamptz not null,
    fetching_until timestamptz,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    address inet not null,
    browser text not null check (length(browser) <= 300)
);
create index operator_sessions_of_operator on operator_sessions (operator_id, last_used_at desc);
create index operator_sessions_over on operator_sessions (expires_at);
create index operator_sessions_idle on operator_sessions (last_used_at);
grant usage on schema public to web;
grant select, insert, delete on operator_sessions to web;
grant update (sealed_tokens, fetched_at, fetching_until, last_used_at) on operator_sessions to web;

create index audit_records_of_operator on audit_records (operator_id, id desc);
"""


def upgrade() -> None:
    execute_each(STATEMENTS)
