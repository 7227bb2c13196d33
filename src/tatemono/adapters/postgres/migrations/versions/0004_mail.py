"""Mail: what is to be sent, each attempt to send it, what became of it, who wants or gets none, and SES's quota."""

from tatemono.adapters.postgres.migrate import execute_each

revision = "0004"
down_revision = "0003"

TABLES = """
-- `unknown`: SES may have taken it or not. What SES tells later decides, or the time that passes without a word.
create type mail_state as enum ('waiting', 'sending', 'unknown', 'sent', 'failed', 'suppressed');
-- What SES told of a mail that it took, the later the graver.
create type mail_delivery as enum ('delayed', 'delivered', 'bounced', 'complained', 'rejected');
create type mail_outcome as enum ('sent', 'failed', 'unknown');
create type suppression_reason as enum ('bounced', 'complained', 'manual');

create table mails (
    id uuid primary key default uuidv7(),
    -- What it tells of: one mail for each, ever. Holds no personal data but ids.
    cause text not null unique check (length(cause) between 1 and 200),
    kind text not null check (length(kind) <= 40),
    priority smallint not null,
    language text not null check (language in ('ja', 'en')),
    -- Both are taken away some days after the end.
    recipient text check (length(recipient) <= 254),
    facts jsonb not null,
    state mail_state not null default 'waiting',
    -- Why it was not sent; of a waiting one, what happened last.
    failure text,
    delivery mail_delivery,
    ses_message_id text,
    created_at timestamptz not null default now(),
    not_before timestamptz not null default now(),
    ticketed_at timestamptz not null default now(),
    finished_at timestamptz,
    erased_at timestamptz,
    attempts int not null default 0,
    -- Counts the claims: whoever holds an older number has lost the right to write.
    fence int not null default 0,
    lease_expires_at timestamptz,
    check ((state = 'sending') = (lease_expires_at is not null)),
    check ((state in ('sent', 'failed', 'suppressed')) = (finished_at is not null)),
    check ((recipient is null) = (erased_at is not null))
) with (fillfactor = 80);
create index mails_due on mails (priority, id) where state = 'waiting';
create index mails_leased on mails (lease_expires_at) where state = 'sending';
create index mails_unknown on mails (not_before) where state = 'unknown';
create index mails_to_erase on mails (finished_at) where erased_at is null and finished_at is not null;

-- Written before SES is called, so that a call is known of whatever happens to the caller.
create table mail_attempts (
    mail_id uuid not null references mails on delete cascade,
    fence int not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome mail_outcome,
    failure text,
    -- What SES said, for the operator. Never the recipient.
    detail text check (length(detail) <= 500),
    ses_message_id text,
    primary key (mail_id, fence),
    check ((outcome is null) = (finished_at is null))
);

create table mail_events (
    -- SHA-256 of message, kind, recipient and feedback: the same event comes more than once.
    digest bytea primary key,
    mail_id uuid references mails on delete cascade,
    kind text not null,
    detail text check (length(detail) <= 500),
    happened_at timestamptz not null,
    recorded_at timestamptz not null default now()
);
create index mail_events_of_mail on mail_events (mail_id, happened_at);

-- Who gets no mail at all. The address is not kept, only SHA-256 of it in lower case, and where it is for the operator.
create table mail_suppressions (
    digest bytea primary key,
    domain text not null,
    reason suppression_reason not null,
    note text check (length(note) <= 500),
    created_at timestamptz not null default now()
);
-- Who wants no mail of a kind; as above.
create table mail_unsubscribes (
    digest bytea not null,
    kind text not null,
    created_at timestamptz not null default now(),
    primary key (digest, kind)
);

-- One row: what SES lets the account send, and how much of it is left. All workers draw from it.
create table mail_quota (
    one boolean primary key default true check (one),
    -- Until SES was asked: the numbers of a new account in the sandbox.
    max_per_second float8 not null default 1 check (max_per_second > 0),
    -- 'infinity': SES sets no limit (it says -1).
    max_per_day float8 not null default 200,
    sent_last_day float8 not null default 0,
    taken_since float8 not null default 0,
    asked_at timestamptz not null default '-infinity',
    tokens float8 not null default 1,
    filled_at timestamptz not null default now(),
    paused_until timestamptz not null default '-infinity'
);
insert into mail_quota default values;
"""

# Who writes mail does so in its own transaction: the mail, and its ticket in the outbox.
GRANTS = """
grant usage on schema public to mail_worker;
grant select (id, cause), insert (cause, kind, priority, language, recipient, facts) on mails
    to mobile_api, admin_api, outbox_relay, cognito_trigger;
grant insert (queue, body) on outbox to admin_api, cognito_trigger;
grant insert, select (digest, kind) on mail_unsubscribes to mobile_api;

grant select (priority, state, not_before, ticketed_at), update (ticketed_at) on mails to outbox_relay;

grant select on mails, mail_attempts, mail_events, mail_suppressions, mail_unsubscribes, mail_quota to mail_worker;
grant update (state, failure, delivery, ses_message_id, not_before, ticketed_at, finished_at, erased_at, recipient,
    facts, attempts, fence, lease_expires_at) on mails to mail_worker;
grant insert, update on mail_attempts to mail_worker;
grant insert, delete on mail_events to mail_worker;
grant insert, update (reason, note) on mail_suppressions to mail_worker;
grant update on mail_quota to mail_worker;
grant insert on outbox to mail_worker;
"""


def upgrade() -> None:
    execute_each(TABLES + GRANTS)
