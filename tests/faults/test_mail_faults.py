"""Mail when things go wrong: nobody gets a mail twice, and nobody goes without."""

import asyncio
import json
import signal
from datetime import timedelta

import pytest

from mail_examples import FACTS_OF, mail_of
from mail_pipeline import LEASE_SECONDS, MailPipeline, mail_pipeline, until
from tatemono.domain.mail.message import MailKind

__all__ = ["mail_pipeline"]

pytestmark = pytest.mark.long


async def silence_ends(mail_pipeline: MailPipeline) -> None:
    """As if SES had said nothing of any mail for ten minutes."""
    await mail_pipeline.db._pool.execute("update mails set not_before = now() where state = 'unknown'")


async def _has(mail_pipeline: MailPipeline, queue: str, count: int) -> bool:
    return await mail_pipeline.messages_in(queue) == count


class TestMessages:
    async def test_that_come_ten_times_send_one_mail(self, mail_pipeline: MailPipeline) -> None:
        mail = mail_of()
        mail_id = await mail_pipeline.put(mail)
        for _ in range(10):
            await mail_pipeline.sqs.send_message(
                QueueUrl=mail_pipeline.environment["MAIL_QUEUE_URL"], MessageBody=str(mail_id)
            )
        async with (
            mail_pipeline.running("outbox-relay"),
            mail_pipeline.running("mail-worker"),
            mail_pipeline.running("mail-worker"),
        ):
            await mail_pipeline.reaches(mail, "sent", delivery="delivered")
            await until(lambda: _has(mail_pipeline, "MAIL_QUEUE_URL", 0))
        assert len(await mail_pipeline.arrived(mail.to)) == 1
        assert mail_pipeline.ses.calls == 1

    async def test_that_are_lost_cost_time_only(self, mail_pipeline: MailPipeline) -> None:
        mail = mail_of()
        await mail_pipeline.put(mail)
        await mail_pipeline.db._pool.execute("delete from outbox")
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.reaches(mail, "sent")

    async def test_that_are_no_tickets_send_what_is_due_and_harm_nobody(self, mail_pipeline: MailPipeline) -> None:
        mail = mail_of()
        await mail_pipeline.put(mail)
        await mail_pipeline.db._pool.execute("update outbox set body = '{\"poison\": [1, 2'")
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.reaches(mail, "sent")

    async def test_about_events_that_nobody_can_read_become_dead_letters(self, mail_pipeline: MailPipeline) -> None:
        url = mail_pipeline.environment["MAIL_EVENTS_QUEUE_URL"]
        poison = {"no event", json.dumps({"eventType": "Bounce"}), "[]"}
        for body in poison:
            await mail_pipeline.sqs.send_message(QueueUrl=url, MessageBody=body)
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.put(mail)
            await mail_pipeline.reaches(mail, "sent", delivery="delivered")
            # By what they say: SQS may deliver, and bury, one of them twice.
            assert await mail_pipeline.dead_events(len(poison)) == poison
        assert await mail_pipeline.messages_in("MAIL_EVENTS_QUEUE_URL") == 0


class TestWorkers:
    async def test_killed_between_the_call_and_the_record_leave_one_mail(self, mail_pipeline: MailPipeline) -> None:
        # SES takes the mail, and the worker is killed before it hears so.
        mail_pipeline.ses.faults.append("hang")
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"):
            async with mail_pipeline.running("mail-worker") as worker:
                await mail_pipeline.put(mail)
                await until(lambda: mail_pipeline.took(mail.to))
                worker.kill()
                await worker.wait()
            assert await mail_pipeline.outcomes(mail) == [(None, None)]
            async with mail_pipeline.running("mail-worker"):
                # Nobody guesses: SES has told that it was sent.
                await mail_pipeline.reaches(mail, "sent", delivery="delivered")
                await asyncio.sleep(2)
        assert len(await mail_pipeline.arrived(mail.to)) == 1
        assert mail_pipeline.ses.calls == 1
        assert await mail_pipeline.outcomes(mail) in ([("unknown", "unknown")], [(None, None)])

    async def test_killed_before_ses_took_the_mail_send_it_after_the_silence(self, mail_pipeline: MailPipeline) -> None:
        mail = mail_of()
        await mail_pipeline.put(mail)
        # A worker claimed it, and was never seen again.
        assert await mail_pipeline.db.mails.claim(lease=timedelta(seconds=0.1))
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.reaches(mail, "unknown")
            await silence_ends(mail_pipeline)
            await mail_pipeline.reaches(mail, "sent", delivery="delivered")
        assert len(await mail_pipeline.arrived(mail.to)) == 1
        assert await mail_pipeline.outcomes(mail) == [("unknown", "unknown"), ("sent", None)]

    async def test_that_race_send_each_mail_once(self, mail_pipeline: MailPipeline) -> None:
        mails = [mail_of() for _ in range(40)]
        workers = [mail_pipeline.running("mail-worker", LEASE_SECONDS="60") for _ in range(2)]
        async with mail_pipeline.running("outbox-relay"), workers[0], workers[1]:
            for mail in mails:
                await mail_pipeline.put(mail)
            for mail in mails:
                await mail_pipeline.reaches(mail, "sent", within_seconds=60)
        assert mail_pipeline.ses.calls == len(mails)
        assert [len(await mail_pipeline.arrived(mail.to)) for mail in mails] == [1] * len(mails)

    async def test_that_stood_still_for_two_leases_do_not_send_what_another_sent(
        self, mail_pipeline: MailPipeline
    ) -> None:
        # SES takes the mail, and the first worker stands still before it knows.
        mail_pipeline.ses.faults.append("hang")
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker") as first:
            await mail_pipeline.put(mail)
            await until(mail_pipeline.was_called)
            first.send_signal(signal.SIGSTOP)
            async with mail_pipeline.running("mail-worker"):
                await mail_pipeline.reaches(mail, "sent", within_seconds=LEASE_SECONDS * 4)
                first.send_signal(signal.SIGCONT)
                await asyncio.sleep(2)
        assert len(await mail_pipeline.arrived(mail.to)) == 1


class TestSes:
    async def test_throttling_makes_all_workers_wait_and_loses_nothing(self, mail_pipeline: MailPipeline) -> None:
        mail_pipeline.ses.faults += ["throttle"] * 3
        mails = [mail_of() for _ in range(6)]
        async with (
            mail_pipeline.running("outbox-relay"),
            mail_pipeline.running("mail-worker"),
            mail_pipeline.running("mail-worker"),
        ):
            for mail in mails:
                await mail_pipeline.put(mail)
            for mail in mails:
                await mail_pipeline.reaches(mail, "sent", within_seconds=60)
        assert [len(await mail_pipeline.arrived(mail.to)) for mail in mails] == [1] * len(mails)
        outcomes = [outcome for mail in mails for outcome in await mail_pipeline.outcomes(mail)]
        assert outcomes.count(("failed", "throttled")) == 3
        assert await mail_pipeline.db._pool.fetchval("select paused_until > '-infinity' from mail_quota")

    async def test_being_down_delays_mail(self, mail_pipeline: MailPipeline) -> None:
        mail_pipeline.ses.faults += ["503"] * 2
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.put(mail)
            await mail_pipeline.reaches(mail, "sent", within_seconds=60)
        assert await mail_pipeline.outcomes(mail) == [("failed", "unavailable")] * 2 + [("sent", None)]
        assert len(await mail_pipeline.arrived(mail.to)) == 1

    @pytest.mark.parametrize("fault", ["cut", "applied_500"])
    async def test_taking_a_mail_and_reporting_a_failure_sends_one(
        self, mail_pipeline: MailPipeline, fault: str
    ) -> None:
        mail_pipeline.ses.faults.append(fault)
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.put(mail)
            await mail_pipeline.reaches(mail, "sent", delivery="delivered")
        assert len(await mail_pipeline.arrived(mail.to)) == 1
        assert await mail_pipeline.outcomes(mail) == [("unknown", "unknown")]

    @pytest.mark.parametrize(("kind", "calls"), [(MailKind.ACCOUNT_DELETED, 2), (MailKind.ANNOUNCEMENT, 1)])
    async def test_breaking_before_it_took_a_mail_is_told_by_its_silence(
        self, mail_pipeline: MailPipeline, kind: MailKind, calls: int
    ) -> None:
        mail_pipeline.ses.faults.append("500")
        mail = mail_of(kind)
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.put(mail)
            await mail_pipeline.reaches(mail, "unknown")
            await silence_ends(mail_pipeline)
            await mail_pipeline.reaches(mail, "sent" if calls == 2 else "failed")
        assert mail_pipeline.ses.calls == calls

    @pytest.mark.parametrize(
        ("fault", "state", "failure"),
        [
            ("bad_address", "failed", "address_rejected"),
            ("not_verified", "waiting", "not_verified"),
            ("paused", "waiting", "sending_paused"),
            ("quota", "waiting", "quota_reached"),
        ],
    )
    async def test_refusing_is_recorded_with_what_a_person_can_do_about(
        self, mail_pipeline: MailPipeline, fault: str, state: str, failure: str
    ) -> None:
        mail_pipeline.ses.faults.append(fault)
        mail = mail_of()
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.put(mail)
            row = await mail_pipeline.reaches(mail, state, failure=failure)
        detail = await mail_pipeline.db._pool.fetchval("select detail from mail_attempts")
        assert detail
        assert mail.to not in detail
        assert (row["not_before"] > row["created_at"]) == (state == "waiting")


class TestPoison:
    async def test_mail_that_cannot_be_written_holds_up_nobody(self, mail_pipeline: MailPipeline) -> None:
        poison, good = mail_of(), mail_of()
        await mail_pipeline.put(poison)
        await mail_pipeline.db._pool.execute("update mails set kind = 'of_a_newer_release'")
        await mail_pipeline.put(good)
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            await mail_pipeline.reaches(good, "sent")
            await mail_pipeline.reaches(poison, "waiting", failure="cannot_be_written")
            # A newer release knows how.
            await mail_pipeline.db._pool.execute(
                "update mails set kind = $1, facts = $2, not_before = now() where state = 'waiting'",
                poison.kind,
                FACTS_OF[poison.kind],
            )
            await mail_pipeline.reaches(poison, "sent")
        assert len(await mail_pipeline.arrived(poison.to)) == 1
