"""Mail from the outbox to SES and back, with relay and worker as processes."""

import asyncio
import signal

from letters import mail_of
from post_office import SENDER, Office, office
from tatemono.domain.mail.message import MailKind

__all__ = ["office"]


class TestMailWorker:
    async def test_sends_a_mail_with_its_words_headers_and_tags(self, office: Office) -> None:
        mail = mail_of(MailKind.ANNOUNCEMENT, language="ja")
        async with office.running("outbox-relay"), office.running("mail-worker"):
            mail_id = await office.put(mail)
            row = await office.reaches(mail, "sent", delivery="delivered")
        (arrived,) = await office.arrived(mail.to)
        assert arrived["MessageId"] == row["ses_message_id"]
        assert (arrived["Source"], arrived["Subject"]) == (SENDER, mail.facts["title"])
        assert "It stays yours." in arrived["BodyText"]
        assert arrived["BodyHtml"].startswith("<!doctype html>")
        assert arrived["Tags"] == {"mail": str(mail_id), "kind": "announcement"}
        assert dict(arrived["Headers"])["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert await office.outcomes(mail) == [("sent", None)]

    async def test_sends_nothing_to_whoever_bounced_or_complained(self, office: Office) -> None:
        async with office.running("outbox-relay"), office.running("mail-worker"):
            for local, delivery in (("bounce", "bounced"), ("complaint", "complained")):
                address = f"{local}+{office.environment['MAIL_CONFIGURATION_SET']}@simulator.amazonses.com"
                first, second = mail_of(to=address), mail_of(to=address.upper())
                await office.put(first)
                await office.reaches(first, "sent", delivery=delivery)
                await office.put(second)
                assert (await office.reaches(second, "suppressed"))["failure"] == "suppressed"
                assert len(await office.arrived(address)) == 1
        reasons = await office.db._pool.fetch("select domain, reason from mail_suppressions order by reason")
        assert reasons == [("simulator.amazonses.com", "bounced"), ("simulator.amazonses.com", "complained")]

    async def test_goes_on_sending_to_success_at_the_simulator(self, office: Office) -> None:
        mails = [mail_of(to="success@simulator.amazonses.com") for _ in range(2)]
        async with office.running("outbox-relay"), office.running("mail-worker"):
            for mail in mails:
                await office.put(mail)
                await office.reaches(mail, "sent", delivery="delivered")

    async def test_finishes_what_it_has_when_it_is_stopped(self, office: Office) -> None:
        mails = [mail_of() for _ in range(10)]
        for mail in mails:
            await office.put(mail)
        # A busy machine needs long for a call, and a short lease would end meanwhile.
        patient = {"LEASE_SECONDS": "60"}
        async with office.running("outbox-relay"), office.running("mail-worker", **patient) as worker:
            await office.reaches(mails[0], "sent")
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
            states = await office.db._pool.fetch("select distinct state from mails")
            assert {row["state"] for row in states} <= {"sent", "waiting"}
            async with office.running("mail-worker", **patient):
                for mail in mails:
                    await office.reaches(mail, "sent")
        for mail in mails:
            assert len(await office.arrived(mail.to)) == 1
