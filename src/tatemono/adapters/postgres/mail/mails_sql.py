"""The statements of `mails.py`. Times are the database's: workers whose clocks differ agree on a lease all the same."""

PUT = """
with mail as (
    insert into mails (cause, kind, priority, language, recipient, facts) values ($1, $2, $3, $4, $5, $6)
    on conflict (cause) do nothing returning id
), ticket as (
    insert into outbox (queue, body) select $7, id::text from mail
)
select id from mail
"""

# SES counts by the second. A bucket that holds a tenth of a second's mail and fills at nine tenths of the rate never
# gives more in one second than SES takes.
_TOKENS = """least(greatest(max_per_second * 0.1, 1),
    tokens + extract(epoch from clock_timestamp() - filled_at)::float8 * max_per_second * 0.9)"""
_ANY_DUE = "exists (select from mails where state = 'waiting' and not_before <= now())"

# All that decides whether a mail may go is in one statement: the bucket's row is locked by one worker at a time, and
# whoever waited for it sees what is left.
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

# Whoever has the newest fence knows best, also if the lease is over and nobody has claimed it since.
SENT = """
with done as (
    update mails set state = 'sent', ses_message_id = $3, failure = null, finished_at = now(), lease_expires_at = null
    where id = $1 and fence = $2 and state in ('sending', 'unknown')
    returning id
)
update mail_attempts set outcome = 'sent', finished_at = now(), failure = null, ses_message_id = $3
from done where mail_id = done.id and fence = $2 returning true
"""

SEND_AGAIN = """
with back as (
    update mails set state = 'waiting', failure = $3, not_before = now() + $5::interval, ticketed_at = now(),
        lease_expires_at = null
    where id = $1 and fence = $2 and state = 'sending'
    returning id, not_before
), ticket as (
    insert into outbox (queue, body, due_at) select $6, id::text, not_before from back
)
update mail_attempts set outcome = 'failed', finished_at = now(), failure = $3, detail = $4
from back where mail_id = back.id and fence = $2 returning true
"""

END = """
with done as (
    update mails set state = $5::mail_state, failure = $3, finished_at = now(), lease_expires_at = null
    where id = $1 and fence = $2 and state = 'sending'
    returning id
)
update mail_attempts set outcome = 'failed', finished_at = now(), failure = $3, detail = $4
from done where mail_id = done.id and fence = $2 returning true
"""

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

# A ticket is for whichever mail is next, and its holder goes on while there is one: a few are as good as many.
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

# Of a mail that nobody knew to be sent, any event says that it was.
RECORD_EVENT = """
with known as (
    select id from mails where id = $2
), event as (
    insert into mail_events (digest, mail_id, kind, happened_at, detail)
    select $1, (select id from known), $3, $4, $5
    on conflict (digest) do nothing returning mail_id
), told as (
    update mails set ses_message_id = coalesce(ses_message_id, $6),
        delivery = greatest(delivery, $7::mail_delivery),
        state = case when state = 'sending' then state else 'sent' end,
        finished_at = case when state = 'sending' then finished_at else coalesce(finished_at, now()) end,
        failure = case when state = 'sending' then failure end
    from event where mails.id = event.mail_id and state <> 'suppressed'
), suppressed as (
    insert into mail_suppressions (digest, domain, reason, note)
    select address.digest, address.domain, $10::suppression_reason, $5
    from event, unnest($8::bytea[], $9::text[]) as address (digest, domain) where $10::text is not null
    on conflict (digest) do nothing
)
select count(*) > 0 from event
"""

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
