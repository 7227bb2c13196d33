"""Mail from the outbox to SES and back, with relay and worker as processes."""

import asyncio
import signal

from mail_examples import mail_of
from mail_pipeline import SENDER, MailPipeline, mail_pipeline
from tatemono.domain.mail.message import MailKind

__all__ = ["mail_pipeline"]


class TestMailWorker:
    async def test_sends_a_mail_with_its_words_headers_and_tags(self, mail_pipeline: MailPipeline) -> None:
        mail = mail_of(MailKind.ANNOUNCEMENT, language="ja")
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            mail_id = await mail_pipeline.put(mail)
            row = await mail_pipeline.reaches(mail, "sent", delivery="delivered")
        (arrived,) = await mail_pipeline.arrived(mail.to)
        assert arrived["MessageId"] == row["ses_message_id"]
        assert (arrived["Source"], arrived["Subject"]) == (SENDER, mail.facts["title"])
        assert "It stays yours." in arrived["BodyText"]
        assert arrived["BodyHtml"].startswith("<!doctype html>")
        assert arrived["Tags"] == {"mail": str(mail_id), "kind": "announcement"}
        assert dict(arrived["Headers"])["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert await mail_pipeline.outcomes(mail) == [("sent", None)]

    async def test_sends_nothing_to_whoever_bounced_or_complained(self, mail_pipeline: MailPipeline) -> None:
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            for local, delivery in (("bounce", "bounced"), ("complaint", "complained")):
                address = f"{local}+{mail_pipeline.environment['MAIL_CONFIGURATION_SET']}@simulator.amazonses.com"
                first, second = mail_of(to=address), mail_of(to=address.upper())
                await mail_pipeline.put(first)
                await mail_pipeline.reaches(first, "sent", delivery=delivery)
                await mail_pipeline.put(second)
                assert (await mail_pipeline.reaches(second, "suppressed"))["failure"] == "suppressed"
                assert len(await mail_pipeline.arrived(address)) == 1
        reasons = await mail_pipeline.db._pool.fetch("select domain, reason from mail_suppressions order by reason")
        assert reasons == [("simulator.amazonses.com", "bounced"), ("simulator.amazonses.com", "complained")]

    async def test_goes_on_sending_to_success_at_the_simulator(self, mail_pipeline: MailPipeline) -> None:
        mails = [mail_of(to="success@simulator.amazonses.com") for _ in range(2)]
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker"):
            for mail in mails:
                await mail_pipeline.put(mail)
                await mail_pipeline.reaches(mail, "sent", delivery="delivered")

    async def test_finishes_what_it_has_when_it_is_stopped(self, mail_pipeline: MailPipeline) -> None:
        mails = [mail_of() for _ in range(10)]
        for mail in mails:
            await mail_pipeline.put(mail)
        # A busy machine needs long for a call, and a short lease would end meanwhile.
        patient = {"LEASE_SECONDS": "60"}
        async with mail_pipeline.running("outbox-relay"), mail_pipeline.running("mail-worker", **patient) as worker:
            await mail_pipeline.reaches(mails[0], "sent")
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
            states = await mail_pipeline.db._pool.fetch("select distinct state from mails")
            assert {row["state"] for row in states} <= {"sent", "waiting"}
            async with mail_pipeline.running("mail-worker", **patient):
                for mail in mails:
                    await mail_pipeline.reaches(mail, "sent")
        for mail in mails:
            assert len(await mail_pipeline.arrived(mail.to)) == 1
