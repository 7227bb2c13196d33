"""The statements of `mails.py`. Times are the database's: workers whose clocks differ agree on a lease all the same."""

from tatemono.adapters.postgres.statements import Parameters, Statement

p = Parameters("cause", "kind", "priority", "language", "recipient", "facts", "queue")
PUT = Statement(
    p,
    f"""
with mail as (
    insert into mails (cause, kind, priority, language, recipient, facts)
    values ({p.cause}, {p.kind}, {p.priority}, {p.language}, {p.recipient}, {p.facts})
    on conflict (cause) do nothing returning id
), ticket as (
    insert into outbox (queue, body) select {p.queue}, id::text from mail
)
select id from mail
""",
)

# SES counts by the second. A bucket that holds a tenth of a second's mail and fills at nine tenths of the rate never
# gives more in one second than SES takes.
_TOKENS = """least(greatest(max_per_second * 0.1, 1),
    tokens + extract(epoch from clock_timestamp() - filled_at)::float8 * max_per_second * 0.9)"""
_ANY_DUE = "exists (select from mails where state = 'waiting' and not_before <= now())"

# All that decides whether a mail may go is in one statement: the bucket's row is locked by one worker at a time, and
# the next worker sees what is left.
CLAIM = f"""
with token as (
    update mail_quota set tokens = {_TOKENS} - 1, filled_at = clock_timestamp(), taken_since = taken_since + 1
    where paused_until <= now() and sent_last_day + taken_since < max_per_day and {_TOKENS} >= 1 and {_ANY_DUE}
    returning true
), next as (
    select due.id from token cross join lateral (
        select id from mails where state = 'waiting' and not_before <= now()
        order by priority, id limit 1 for update skip locked) due
), claimed as (
    update mails set state = 'sending', fence = fence + 1, attempts = attempts + 1,
        lease_expires_at = now() + $1::interval
    from next where mails.id = next.id
    returning mails.*
), attempt as (
    insert into mail_attempts (mail_id, fence) select id, fence from claimed
)
select id, fence, attempts, cause, kind, recipient, language, facts from claimed
"""

WITHHELD = """
select case
    when exists (select from mail_suppressions where digest = $1) then 'suppressed'
    when exists (select from mail_unsubscribes where digest = $1 and kind = $2) then 'unsubscribed' end
"""

SECONDS_UNTIL_TOKEN = f"""
select greatest(0, extract(epoch from paused_until - clock_timestamp()), (1 - {_TOKENS}) / (max_per_second * 0.9),
    case when sent_last_day + taken_since >= max_per_day then 3600 end)::float8
from mail_quota where {_ANY_DUE}
"""

# The worker with the newest fence knows best, also if its lease is over and no other has claimed the mail since.
SENT = """
with done as (
    update mails set state = 'sent', ses_message_id = $3, failure = null, finished_at = now(), lease_expires_at = null
    where id = $1 and fence = $2 and state in ('sending', 'unknown')
    returning id
)
update mail_attempts set outcome = 'sent', finished_at = now(), failure = null, ses_message_id = $3
from done where mail_id = done.id and fence = $2 returning true
"""

p = Parameters("id", "fence", "failure", "detail", "delay", "queue")
SEND_AGAIN = Statement(
    p,
    f"""
with back as (
    update mails set state = 'waiting', failure = {p.failure}, not_before = now() + {p.delay}::interval,
        ticketed_at = now(), lease_expires_at = null
    where id = {p.id} and fence = {p.fence} and state = 'sending'
    returning id, not_before
), ticket as (
    insert into outbox (queue, body, due_at) select {p.queue}, id::text, not_before from back
)
update mail_attempts set outcome = 'failed', finished_at = now(), failure = {p.failure}, detail = {p.detail}
from back where mail_id = back.id and fence = {p.fence} returning true
""",
)

p = Parameters("id", "fence", "failure", "detail", "state")
END = Statement(
    p,
    f"""
with done as (
    update mails set state = {p.state}::mail_state, failure = {p.failure}, finished_at = now(), lease_expires_at = null
    where id = {p.id} and fence = {p.fence} and state = 'sending'
    returning id
)
update mail_attempts set outcome = 'failed', finished_at = now(), failure = {p.failure}, detail = {p.detail}
from done where mail_id = done.id and fence = {p.fence} returning true
""",
)

# What SES tells may be here before the caller knows that the call was lost.
WAIT_FOR_WORD = """
with lost as (
    update mails set lease_expires_at = null, failure = case when ses_message_id is null then 'unknown' end,
        state = case when ses_message_id is null then 'unknown'::mail_state else 'sent' end,
        finished_at = case when ses_message_id is not null then now() end,
        not_before = now() + $4::interval
    where id = $1 and fence = $2 and state = 'sending'
    returning id
)
update mail_attempts set outcome = 'unknown', finished_at = now(), failure = 'unknown', detail = $3
from lost where mail_id = lost.id and fence = $2 returning true
"""

LOSE_LEASES = """
with expired as (
    select id, fence from mails where state = 'sending' and lease_expires_at < now()
    order by lease_expires_at limit 100 for update skip locked
), lost as (
    update mails set lease_expires_at = null, failure = case when ses_message_id is null then 'unknown' end,
        state = case when ses_message_id is null then 'unknown'::mail_state else 'sent' end,
        finished_at = case when ses_message_id is not null then now() end,
        not_before = now() + $1::interval
    from expired where mails.id = expired.id
), attempt as (
    update mail_attempts set outcome = 'unknown', finished_at = now(), failure = 'unknown',
        detail = 'the worker vanished'
    from expired where mail_id = expired.id and mail_attempts.fence = expired.fence and outcome is null
)
select count(*)::int from expired
"""

END_SILENCE = """
with silent as (
    select id, kind = any($1::text[]) and attempts < $2 as again from mails
    where state = 'unknown' and not_before <= now() order by not_before limit 100 for update skip locked
), decided as (
    update mails set state = case when again then 'waiting'::mail_state else 'failed' end,
        finished_at = case when not again then now() end, ticketed_at = now()
    from silent where mails.id = silent.id
), tickets as (
    insert into outbox (queue, body) select $3, id::text from silent where again
)
select count(*) filter (where again)::int, count(*) filter (where not again)::int from silent
"""

# A ticket is for the mail that is next, and its holder goes on while there is one: a few are as good as many.
REISSUE = """
with lost as (
    select id from mails where state = 'waiting' and greatest(ticketed_at, not_before) < now() - $1::interval
    order by priority, id limit $2 for update skip locked
), marked as (
    update mails set ticketed_at = now() from lost where mails.id = lost.id
), tickets as (
    insert into outbox (queue, body) select $3, id::text from lost returning id
)
select count(*)::int from tickets
"""

# Any event of a mail says that it was sent, also if no worker knew.
p = Parameters(
    *("digest", "mail_id", "kind", "happened_at", "detail", "ses_message_id", "delivery"),
    *("address_digests", "domains", "reason"),
)
RECORD_EVENT = Statement(
    p,
    f"""
with known as (
    select id from mails where id = {p.mail_id}
), event as (
    insert into mail_events (digest, mail_id, kind, happened_at, detail)
    select {p.digest}, (select id from known), {p.kind}, {p.happened_at}, {p.detail}
    on conflict (digest) do nothing returning mail_id
), told as (
    update mails set ses_message_id = coalesce(ses_message_id, {p.ses_message_id}),
        delivery = greatest(delivery, {p.delivery}::mail_delivery),
        state = case when state = 'sending' then state else 'sent' end,
        finished_at = case when state = 'sending' then finished_at else coalesce(finished_at, now()) end,
        failure = case when state = 'sending' then failure end
    from event where mails.id = event.mail_id and state <> 'suppressed'
), suppressed as (
    insert into mail_suppressions (digest, domain, reason, note)
    select address.digest, address.domain, {p.reason}::suppression_reason, {p.detail}
    from event, unnest({p.address_digests}::bytea[], {p.domains}::text[]) as address (digest, domain)
    where {p.reason}::text is not null
    on conflict (digest) do nothing
)
select count(*) > 0 from event
""",
)

ERASE = """
with old as (
    select id from mails where erased_at is null and finished_at < now() - $1::interval
    order by finished_at limit $2 for update skip locked
), gone as (
    update mails set recipient = null, facts = '{}', erased_at = now() from old where mails.id = old.id
)
select count(*)::int from old
"""

MAY_ASK_QUOTA = """
update mail_quota set asked_at = now() where asked_at < now() - $1::interval returning true
"""

TAKE_QUOTA = """
update mail_quota set max_per_second = $1, max_per_day = $2, sent_last_day = $3, taken_since = 0
"""

PAUSE = "update mail_quota set paused_until = greatest(paused_until, now() + $1::interval)"
