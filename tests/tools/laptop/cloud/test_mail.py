"""Events and details of mail in the embedded cloud."""

import json
import secrets
from typing import Any

import httpx2
import pytest

from tatemono.adapters.ses.events import read_event


async def set_up(cloud: Any, *types: str) -> tuple[str, str]:
    """A configuration set and the URL of the queue for its events."""
    name = f"mail-{secrets.token_hex(4)}"
    async with cloud.client("sesv2") as ses, cloud.client("sqs") as sqs:
        queue = await sqs.create_queue(QueueName=name)
        await ses.create_email_identity(EmailIdentity=f"{name}.example")
        await ses.create_configuration_set(ConfigurationSetName=name)
        await ses.create_configuration_set_event_destination(
            ConfigurationSetName=name,
            EventDestinationName="events",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": list(types),
                "SnsDestination": {"TopicArn": f"arn:aws:sns:ap-northeast-1:482913650174:{name}"},
            },
        )
    return name, queue["QueueUrl"]


async def send(cloud: Any, name: str, to: str, configuration_set: str) -> str:
    async with cloud.client("sesv2") as ses:
        answer = await ses.send_email(
            FromEmailAddress=f"Sender <no-reply@{name}.example>",
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": "こんにちは"},
                    "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<p>html</p>"}},
                    "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://a.example/>"}],
                }
            },
            ConfigurationSetName=configuration_set,
            EmailTags=[{"Name": "kind", "Value": "test"}],
        )
    message_id: str = answer["MessageId"]
    return message_id


async def events(cloud: Any, url: str) -> list[dict[str, Any]]:
    async with cloud.client("sqs") as sqs:
        answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


class TestSendEmail:
    @pytest.mark.parametrize(
        ("to", "kinds"),
        [
            ("someone@example.com", ["Delivery", "Send"]),
            ("success@simulator.amazonses.com", ["Delivery", "Send"]),
            ("bounce+label@simulator.amazonses.com", ["Bounce", "Send"]),
            ("complaint@simulator.amazonses.com", ["Complaint", "Delivery", "Send"]),
            ("suppressionlist@simulator.amazonses.com", ["Bounce", "Send"]),
        ],
    )
    async def test_publishes_the_events_of_the_mail(self, cloud: Any, to: str, kinds: list[str]) -> None:
        name, url = await set_up(cloud, "SEND", "DELIVERY", "BOUNCE", "COMPLAINT")
        message_id = await send(cloud, name, to, name)
        published = await events(cloud, url)
        assert sorted(event["eventType"] for event in published) == kinds
        for event in published:
            assert event["mail"]["messageId"] == message_id
            assert event["mail"]["tags"]["kind"] == ["test"]
            read = read_event(json.dumps(event))
            assert read is not None
            assert read.addresses == (to,)

    async def test_publishes_only_what_the_destination_wants(self, cloud: Any) -> None:
        name, url = await set_up(cloud, "BOUNCE")
        await send(cloud, name, "someone@example.com", name)
        assert await events(cloud, url) == []

    async def test_refuses_a_configuration_set_that_is_not_there(self, cloud: Any) -> None:
        name, _ = await set_up(cloud, "SEND")
        async with cloud.client("sesv2") as ses:
            with pytest.raises(ses.exceptions.NotFoundException):
                await send(cloud, name, "someone@example.com", "unknown")

    async def test_keeps_headers_and_tags_for_callers_with_the_secret(self, cloud: Any) -> None:
        name, _ = await set_up(cloud, "SEND")
        message_id = await send(cloud, name, "someone@example.com", name)
        async with httpx2.AsyncClient(base_url=cloud.url) as client:
            assert (await client.get("/_tatemono/mail")).status_code == 403
            secret = {"Authorization": "Bearer test-secret/+= of this cloud"}
            answer = (await client.get("/_tatemono/mail", headers=secret)).json()
            (mail,) = [mail for mail in answer["mails"] if mail["MessageId"] == message_id]
            assert ["List-Unsubscribe", "<https://a.example/>"] in mail["Headers"]
            assert mail["Tags"] == {"kind": "test"}
            later = (await client.get(f"/_tatemono/mail?known={answer['count']}", headers=secret)).json()
            assert later == {"from": answer["count"], "count": answer["count"], "mails": []}
            # More than there are: the cloud lost its last second, and the caller begins anew.
            again = (await client.get("/_tatemono/mail?known=99999", headers=secret)).json()
            assert again == answer | {"from": 0}
