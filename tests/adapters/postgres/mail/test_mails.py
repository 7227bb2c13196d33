"""Mails, against PostgreSQL, as the roles of the services."""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mail_examples import mail_of
from tatemono.adapters.postgres.database import Database
from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.sending import (
    SENT_AGAIN_AFTER_SILENCE,
    EventKind,
    MailClaim,
    MailEvent,
    MailState,
    SendFailure,
    SendQuota,
    address_digest,
)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="test") as database:
        yield database


class TestPut:
    @pytest.mark.parametrize("role", ["mobile-api", "admin-api", "outbox-relay", "cognito-trigger"])
    async def test_writes_the_mail_and_its_ticket(
        self, role: str, db: Database, service_database_url: Callable[[str], str]
    ) -> None:
        mail = mail_of()
        async with await Database.connect(service_database_url(role), service=role) as own:
            assert await own.mails.put(mail)
        (row,) = await db._pool.fetch("select id, cause, kind, language, recipient, facts, state from mails")
        assert tuple(row)[1:] == (mail.cause, mail.kind, mail.language, mail.to, mail.facts, "waiting")
        assert await db._pool.fetch("select queue, body from outbox") == [("mail", str(row["id"]))]

    async def test_writes_one_for_each_cause(self, db: Database) -> None:
        first = mail_of()
        assert await db.mails.put(first)
        assert not await db.mails.put(mail_of(cause=first.cause))
        assert await db._pool.fetchval("select count(*) from mails") == 1
        assert await db._pool.fetchval("select count(*) from outbox") == 1

    async def test_writes_nothing_when_the_transaction_that_caused_it_fails(self, db: Database) -> None:
        async def fails() -> None:
            async with db.transaction() as tx:
                await tx.mails.put(mail_of())
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await fails()
        assert await db._pool.fetchval("select count(*) from mails") == 0
        assert await db._pool.fetchval("select count(*) from outbox") == 0


LEASE = timedelta(seconds=30)
SILENCE = timedelta(minutes=10)


@pytest.fixture
async def worker(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    """The database as the mail worker sees it, with a quota that is in nobody's way."""
    async with await Database.connect(service_database_url("mail-worker"), service="mail-worker") as own:
        await own.mails.take_quota(SendQuota(10_000, math.inf, 0, may_send=True))
        await own._pool.execute("update mail_quota set tokens = 1000")
        yield own


async def claimed(db: Database) -> MailClaim:
    claim = await db.mails.claim(lease=LEASE)
    assert claim is not None
    return claim


async def row_of(db: Database, claim: MailClaim) -> Any:
    return await db._pool.fetchrow("select * from mails where id = $1", claim.id)


def told(claim: MailClaim, kind: EventKind = EventKind.SENT, **more: Any) -> MailEvent:
    event = MailEvent(secrets.token_bytes(32), claim.id, "ses-1", kind, datetime.now(UTC), (claim.to,), False, "")
    return replace(event, **more)


class TestClaim:
    async def test_notes_the_attempt_before_anything_is_sent(self, db: Database, worker: Database) -> None:
        mail = mail_of()
        await db.mails.put(mail)
        claim = await claimed(worker)
        assert claim.mail == mail
        assert (claim.fence, claim.attempt, claim.withheld) == (1, 1, None)
        attempts = await db._pool.fetch("select mail_id, fence, outcome from mail_attempts")
        assert attempts == [(claim.id, 1, None)]

    async def test_takes_announcements_last_and_the_oldest_first(self, db: Database, worker: Database) -> None:
        kinds = [MailKind.ANNOUNCEMENT, MailKind.EXPORT_READY, MailKind.ACCOUNT_DELETED]
        for kind in kinds:
            await db.mails.put(mail_of(kind))
        assert [(await claimed(worker)).kind for _ in kinds] == [kinds[1], kinds[2], kinds[0]]
        assert await worker.mails.claim(lease=LEASE) is None

    async def test_gives_each_mail_to_one_of_many_workers(self, db: Database, worker: Database) -> None:
        for _ in range(40):
            await db.mails.put(mail_of())
        taken = [
            claim for claim in await asyncio.gather(*(worker.mails.claim(lease=LEASE) for _ in range(80))) if claim
        ]
        while claim := await worker.mails.claim(lease=LEASE):
            taken.append(claim)
        assert len(taken) == len({claim.id for claim in taken}) == 40

    async def test_says_why_a_mail_is_withheld(self, db: Database, worker: Database) -> None:
        mails = [mail_of(MailKind.ANNOUNCEMENT), mail_of(MailKind.ANNOUNCEMENT), mail_of(to="B@Example.com")]
        for mail in mails:
            await db.mails.put(mail)
        await db.mails.suppress("b@example.COM", "asked on the telephone")
        await db.mails.unsubscribe(address_digest(mails[1].to), MailKind.ANNOUNCEMENT)
        found = {claim.to: claim.withheld for claim in [await claimed(worker) for _ in mails]}
        assert found == {
            mails[0].to: None,
            mails[1].to: SendFailure.UNSUBSCRIBED,
            mails[2].to: SendFailure.SUPPRESSED,
        }


class TestQuota:
    async def test_gives_no_more_than_ses_allows(self, db: Database, worker: Database) -> None:
        for _ in range(60):
            await db.mails.put(mail_of())
        await worker.mails.take_quota(SendQuota(20, math.inf, 0, may_send=True))
        # An idle hour saves nothing up but a tenth of a second's mail.
        await worker._pool.execute("update mail_quota set tokens = 0, filled_at = clock_timestamp() - interval '1 h'")
        began = await worker._pool.fetchval("select clock_timestamp()")
        taken = 0
        while taken < 15:
            claims = await asyncio.gather(*(worker.mails.claim(lease=LEASE) for _ in range(4)))
            taken += sum(claim is not None for claim in claims)
        seconds = (await worker._pool.fetchval("select clock_timestamp()") - began).total_seconds()
        assert taken <= 2 + 0.9 * 20 * seconds

    async def test_gives_one_at_a_time_when_ses_allows_less_than_that(self, db: Database, worker: Database) -> None:
        for _ in range(3):
            await db.mails.put(mail_of())
        await worker.mails.take_quota(SendQuota(0.001, math.inf, 0, may_send=True))
        assert [bool(await worker.mails.claim(lease=LEASE)) for _ in range(3)] == [True, False, False]

    async def test_stops_at_the_day_s_end_of_it(self, db: Database, worker: Database) -> None:
        await worker.mails.take_quota(SendQuota(10_000, 100, 98, may_send=True))
        await worker._pool.execute("update mail_quota set tokens = 1000")
        for _ in range(3):
            await db.mails.put(mail_of())
        assert [bool(await worker.mails.claim(lease=LEASE)) for _ in range(3)] == [True, True, False]
        assert await worker.mails.seconds_until_next() == 3600

    async def test_says_how_long_to_wait(self, db: Database, worker: Database) -> None:
        assert await worker.mails.seconds_until_next() is None
        await db.mails.put(mail_of())
        assert await worker.mails.seconds_until_next() == 0
        await worker.mails.pause(timedelta(seconds=60))
        assert await worker.mails.claim(lease=LEASE) is None
        wait = await worker.mails.seconds_until_next()
        assert wait is not None
        assert 55 < wait <= 60

    async def test_is_asked_for_by_one_worker_at_a_time(self, worker: Database) -> None:
        minute = timedelta(seconds=60)
        asked = await asyncio.gather(*(worker.mails.may_ask_quota(every=minute) for _ in range(5)))
        assert sorted(asked) == [False] * 4 + [True]


class TestWhatBecomesOfIt:
    async def test_is_recorded_once(self, db: Database, worker: Database) -> None:
        await db.mails.put(mail_of())
        claim = await claimed(worker)
        assert await worker.mails.sent(claim, "ses-1")
        assert not await worker.mails.sent(claim, "ses-2")
        row = await row_of(db, claim)
        assert (row["state"], row["ses_message_id"], row["lease_expires_at"]) == ("sent", "ses-1", None)

    async def test_changes_nothing_with_a_stale_fence(self, db: Database, worker: Database) -> None:
        await db.mails.put(mail_of())
        stale = await claimed(worker)
        await worker.mails.send_again(stale, SendFailure.THROTTLED, "", timedelta())
        newer = await claimed(worker)
        assert not await worker.mails.sent(stale, "ses-1")
        assert not await worker.mails.wait_for_word(stale, "", SILENCE)
        assert not await worker.mails.end(stale, SendFailure.REFUSED, "", MailState.FAILED)
        assert not await worker.mails.send_again(stale, SendFailure.THROTTLED, "", timedelta())
        assert await worker.mails.sent(newer, "ses-2")

    async def test_may_be_another_attempt_with_a_ticket_for_it(self, db: Database, worker: Database) -> None:
        await db.mails.put(mail_of())
        await db._pool.execute("delete from outbox")
        claim = await claimed(worker)
        assert await worker.mails.send_again(claim, SendFailure.UNAVAILABLE, "away", timedelta(seconds=60))
        assert await worker.mails.claim(lease=LEASE) is None
        (ticket,) = await db._pool.fetch("select queue, body, due_at > now() + '50 s' as later from outbox")
        assert tuple(ticket) == ("mail", str(claim.id), True)
        attempt = await db._pool.fetchrow("select outcome, failure, detail from mail_attempts")
        assert attempt == ("failed", "unavailable", "away")

    async def test_is_unknown_when_the_worker_vanishes(self, db: Database, worker: Database) -> None:
        await db.mails.put(mail_of())
        claim = await claimed(worker)
        assert await worker.mails.lose_leases(silence=SILENCE) == 0
        await db._pool.execute("update mails set lease_expires_at = now() - interval '1 s'")
        assert await worker.mails.lose_leases(silence=SILENCE) == 1
        assert (await row_of(db, claim))["state"] == "unknown"
        assert await worker.mails.claim(lease=LEASE) is None
        # The worker was only slow, and knows better.
        assert await worker.mails.sent(claim, "ses-1")

    async def test_is_unknown_of_the_lost_attempt_and_of_no_other(self, db: Database, worker: Database) -> None:
        for _ in range(3):
            await db.mails.put(mail_of())
        lost, under_way, sent = [await claimed(worker) for _ in range(3)]
        await worker.mails.sent(sent, "ses-1")
        await db._pool.execute("update mails set lease_expires_at = now() - interval '1 s' where id = $1", lost.id)
        assert await worker.mails.lose_leases(silence=SILENCE) == 1
        attempts = await db._pool.fetch("select mail_id, outcome::text, failure, detail from mail_attempts")
        assert {row["mail_id"]: tuple(row)[1:] for row in attempts} == {
            lost.id: ("unknown", "unknown", "the worker vanished"),
            under_way.id: (None, None, None),
            sent.id: ("sent", None, None),
        }
        assert (await row_of(db, under_way))["state"] == "sending"
        # Nobody has to hear of it any more than once.
        assert await worker.mails.lose_leases(silence=SILENCE) == 0

    async def test_is_known_when_ses_told_of_it_before_the_worker_vanished(
        self, db: Database, worker: Database
    ) -> None:
        await db.mails.put(mail_of())
        claim = await claimed(worker)
        assert await worker.mails.record(told(claim))
        assert (await row_of(db, claim))["state"] == "sending"
        await db._pool.execute("update mails set lease_expires_at = now() - interval '1 s'")
        await worker.mails.lose_leases(silence=SILENCE)
        assert (await row_of(db, claim))["state"] == "sent"

    @pytest.mark.parametrize("early", [True, False])
    async def test_is_known_from_what_ses_tells(self, db: Database, worker: Database, early: bool) -> None:
        await db.mails.put(mail_of())
        claim = await claimed(worker)
        if early:
            await worker.mails.record(told(claim))
        await worker.mails.wait_for_word(claim, "the answer was lost", SILENCE)
        if not early:
            assert (await row_of(db, claim))["state"] == "unknown"
            await worker.mails.record(told(claim))
        row = await row_of(db, claim)
        assert (row["state"], row["ses_message_id"], row["failure"]) == ("sent", "ses-1", None)
        assert await worker.mails.end_silence(again=list(MailKind), max_attempts=30) == (0, 0)

    @pytest.mark.parametrize(
        ("kind", "max_attempts", "state"),
        [
            (MailKind.ACCOUNT_DELETED, 30, "waiting"),
            (MailKind.ACCOUNT_DELETED, 1, "failed"),
            (MailKind.ANNOUNCEMENT, 30, "failed"),
        ],
    )
    async def test_is_decided_by_silence(
        self, db: Database, worker: Database, kind: MailKind, max_attempts: int, state: str
    ) -> None:
        await db.mails.put(mail_of(kind))
        claim = await claimed(worker)
        await worker.mails.wait_for_word(claim, "", timedelta(seconds=0.2))
        assert await worker.mails.end_silence(again=SENT_AGAIN_AFTER_SILENCE, max_attempts=max_attempts) == (0, 0)
        await asyncio.sleep(0.25)
        found = await worker.mails.end_silence(again=SENT_AGAIN_AFTER_SILENCE, max_attempts=max_attempts)
        assert found == ((1, 0) if state == "waiting" else (0, 1))
        row = await row_of(db, claim)
        assert (row["state"], row["failure"]) == (state, "unknown")
        # A word that comes late still counts.
        await worker.mails.record(told(claim))
        assert (await row_of(db, claim))["state"] == "sent"


class TestRecord:
    async def test_keeps_the_gravest_in_any_order_and_each_event_once(self, db: Database, worker: Database) -> None:
        await db.mails.put(mail_of())
        claim = await claimed(worker)
        await worker.mails.sent(claim, "ses-1")
        kinds = [EventKind.BOUNCED, EventKind.DELIVERED, EventKind.DELAYED, EventKind.SENT]
        events = [told(claim, kind) for kind in kinds]
        assert [await worker.mails.record(event) for event in (*events, *events)] == [True] * 4 + [False] * 4
        assert (await row_of(db, claim))["delivery"] == "bounced"
        assert await db._pool.fetchval("select count(*) from mail_events") == 4
        assert await db._pool.fetchval("select count(*) from mail_suppressions") == 0

    async def test_suppresses_an_address_without_keeping_it(self, db: Database, worker: Database) -> None:
        event = MailEvent(
            b"d" * 32,
            None,
            "ses-1",
            EventKind.BOUNCED,
            datetime.now(UTC),
            ("A@Example.com",),
            True,
            "5.1.1",
        )
        assert await worker.mails.record(event)
        row = await db._pool.fetchrow("select digest, domain, reason, note from mail_suppressions")
        assert row == (address_digest("a@example.com"), "example.com", "bounced", "5.1.1")


class TestErase:
    async def test_takes_what_is_personal_from_mails_that_ended_long_ago(self, db: Database, worker: Database) -> None:
        for _ in range(3):
            await db.mails.put(mail_of())
        old, young = await claimed(worker), await claimed(worker)
        await worker.mails.sent(old, "ses-1")
        await worker.mails.sent(young, "ses-2")
        await db._pool.execute("update mails set finished_at = now() - interval '31 days' where id = $1", old.id)
        assert await worker.mails.erase(older_than=timedelta(days=30), limit=10) == 1
        row = await row_of(db, old)
        assert (row["recipient"], row["facts"], row["cause"]) == (None, {}, old.cause)
        assert (await row_of(db, young))["recipient"] == young.to
        assert await worker.mails.erase(older_than=timedelta(days=30), limit=10) == 0


class TestReissueLostTickets:
    async def test_writes_a_few_for_mails_that_wait(
        self, db: Database, service_database_url: Callable[[str], str]
    ) -> None:
        for _ in range(5):
            await db.mails.put(mail_of())
        await db._pool.execute("delete from outbox")
        async with await Database.connect(service_database_url("outbox-relay"), service="outbox-relay") as relay:
            old = timedelta(seconds=60)
            assert await relay.mails.reissue_lost_tickets(older_than=old, limit=3) == 0
            await db._pool.execute("update mails set ticketed_at = now() - interval '2 min'")
            await db._pool.execute("update mails set not_before = now() - interval '2 min'")
            assert await relay.mails.reissue_lost_tickets(older_than=old, limit=3) == 3
            assert await relay.mails.reissue_lost_tickets(older_than=old, limit=3) == 2
        assert await db._pool.fetchval("select count(*) from outbox where queue = 'mail'") == 5
