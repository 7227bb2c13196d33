"""SES, as far as it can be reached: the embedded cloud, and a server before it that misbehaves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from botocore.exceptions import ParamValidationError

from conftest import CloudEndpoint, free_port
from mail_examples import mail_of
from mail_pipeline import DifficultSes, MailPipeline, mail_pipeline
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.ses.sender import SesSender, failure_of
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.sending import SendFailure, SendingFailed

__all__ = ["mail_pipeline"]

LETTER = JinjaEmailRenderer(UnsubscribeLinks(b"a key", public_url="https://tatemono.example")).write(
    mail_of(language="ja")
)


@pytest.fixture
async def sender(mail_pipeline: MailPipeline, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SesSender]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", mail_pipeline.ses.url)
    async with AsyncExitStack() as stack:
        (client,) = await stack.enter_async_context(aws_clients("sesv2", attempts=1))
        environment = mail_pipeline.environment
        yield SesSender(
            client, sender=environment["MAIL_SENDER"], configuration_set=environment["MAIL_CONFIGURATION_SET"]
        )


class TestSend:
    async def test_gives_the_words_to_ses(self, mail_pipeline: MailPipeline, sender: SesSender) -> None:
        mail = mail_of()
        message_id = await sender.send(LETTER, to=mail.to, tags={"mail": "1"})
        (arrived,) = await mail_pipeline.arrived(mail.to)
        assert arrived["MessageId"] == message_id
        assert (arrived["Subject"], arrived["BodyText"]) == (LETTER.subject, LETTER.text)

    @pytest.mark.parametrize(
        ("fault", "failure", "taken"),
        [
            ("throttle", SendFailure.THROTTLED, 0),
            ("quota", SendFailure.QUOTA_REACHED, 0),
            ("not_verified", SendFailure.NOT_VERIFIED, 0),
            ("paused", SendFailure.SENDING_PAUSED, 0),
            ("bad_address", SendFailure.ADDRESS_REJECTED, 0),
            ("503", SendFailure.UNAVAILABLE, 0),
            ("500", SendFailure.UNKNOWN, 0),
            ("applied_500", SendFailure.UNKNOWN, 1),
            ("cut", SendFailure.UNKNOWN, 1),
        ],
    )
    async def test_says_what_went_wrong_after_one_call(
        self, mail_pipeline: MailPipeline, sender: SesSender, fault: str, failure: SendFailure, taken: int
    ) -> None:
        mail_pipeline.ses.faults.append(fault)
        to = mail_of().to
        with pytest.raises(SendingFailed) as raised:
            await sender.send(LETTER, to=to, tags={})
        assert raised.value.failure is failure
        assert mail_pipeline.ses.calls == 1
        assert len(await mail_pipeline.arrived(to)) == taken

    async def test_says_that_an_unknown_configuration_set_is_ours_to_mend(self, mail_pipeline: MailPipeline) -> None:
        async with aws_clients("sesv2", attempts=1) as (client,):
            sender = SesSender(client, sender=mail_pipeline.environment["MAIL_SENDER"], configuration_set="nobodys")
            with pytest.raises(SendingFailed) as raised:
                await sender.send(LETTER, to=mail_of().to, tags={})
        assert raised.value.failure is SendFailure.MISCONFIGURED

    async def test_says_that_a_sender_is_not_verified(self, mail_pipeline: MailPipeline) -> None:
        async with aws_clients("sesv2", attempts=1) as (client,):
            sender = SesSender(
                client,
                sender="a@nobodys.example",
                configuration_set=mail_pipeline.environment["MAIL_CONFIGURATION_SET"],
            )
            with pytest.raises(SendingFailed) as raised:
                await sender.send(LETTER, to=mail_of().to, tags={})
        assert raised.value.failure is SendFailure.NOT_VERIFIED

    async def test_knows_that_nothing_was_taken_when_nobody_answers(
        self, aws_environment: CloudEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", f"http://127.0.0.1:{free_port()}")
        async with aws_clients("sesv2", attempts=1) as (client,):
            with pytest.raises(SendingFailed) as raised:
                await SesSender(client, sender="a@b.example", configuration_set="x").send(LETTER, to="a@b.cd", tags={})
        assert raised.value.failure is SendFailure.UNAVAILABLE

    def test_knows_that_what_the_sdk_refused_was_never_sent(self) -> None:
        assert failure_of(ParamValidationError(report="…")).failure is SendFailure.REFUSED


class TestQuota:
    async def test_is_what_ses_says(self, sender: SesSender) -> None:
        quota = await sender.quota()
        assert (quota.max_per_second, quota.max_per_day, quota.may_send) == (14, 50_000, True)

    async def test_is_unknown_when_ses_does_not_answer(
        self, aws_environment: CloudEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", DifficultSes("").url)
        async with aws_clients("sesv2", attempts=1) as (client,):
            with pytest.raises(SendingFailed):
                await SesSender(client, sender="a@b.example", configuration_set="x").quota()
