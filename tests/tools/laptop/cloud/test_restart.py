"""What survives when the process is killed, and what a damaged file costs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest


@pytest.fixture
async def fresh(new_cloud: Callable[[], Any]) -> AsyncIterator[Any]:
    cloud = new_cloud()
    await cloud.start()
    yield cloud
    await cloud.stop()


async def furnish(cloud: Any) -> dict[str, str]:
    """Put something into every service; returns the names by which it is found again."""
    async with AsyncExitStack() as stack:
        names = ("s3", "sqs", "secretsmanager", "ssm", "cognito-idp", "sesv2")
        s3, sqs, secrets, ssm, cognito, ses = [await stack.enter_async_context(cloud.client(name)) for name in names]
        await s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
        await s3.put_object(Bucket="kept", Key="k", Body=b"picture", ContentType="image/png")
        queue = (await sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "600"}))["QueueUrl"]
        await sqs.send_message(QueueUrl=queue, MessageBody="in flight")
        await sqs.receive_message(QueueUrl=queue)
        await sqs.send_message(QueueUrl=queue, MessageBody="waiting")
        await secrets.create_secret(Name="kept", SecretString="s3cret")
        await ssm.put_parameter(Name="/kept", Value="value", Type="String")
        pool = (await cognito.create_user_pool(PoolName="kept"))["UserPool"]["Id"]
        await cognito.admin_create_user(UserPoolId=pool, Username="aki", MessageAction="SUPPRESS")
        await ses.create_email_identity(EmailIdentity="kept@example.com")
        await ses.send_email(
            FromEmailAddress="kept@example.com",
            Destination={"ToAddresses": ["aki@example.com"]},
            Content={"Simple": {"Subject": {"Data": "kept"}, "Body": {"Text": {"Data": "kept"}}}},
        )
    return {"queue": queue, "pool": pool}


async def found(cloud: Any, names: dict[str, str]) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        clients = ("s3", "sqs", "secretsmanager", "ssm", "cognito-idp", "sesv2")
        s3, sqs, secrets, ssm, cognito, ses = [await stack.enter_async_context(cloud.client(name)) for name in clients]
        picture = await s3.get_object(Bucket="kept", Key="k")
        queue = await sqs.get_queue_attributes(QueueUrl=names["queue"], AttributeNames=["All"])
        received = await sqs.receive_message(QueueUrl=names["queue"], MaxNumberOfMessages=10)
        secret = await secrets.get_secret_value(SecretId="kept")
        parameter = await ssm.get_parameter(Name="/kept")
        user = await cognito.admin_get_user(UserPoolId=names["pool"], Username="aki")
        identity = await ses.get_email_identity(EmailIdentity="kept@example.com")
    bearer = {"Authorization": "Bearer test-secret/+= of this cloud"}
    async with httpx2.AsyncClient(base_url=cloud.url, headers=bearer) as operator:
        outbox = (await operator.get("/_ministack/ses/messages")).json()["messages"]
    return {
        "picture": (await picture["Body"].read(), picture["ContentType"]),
        "visible": [message["Body"] for message in received.get("Messages", [])],
        "in flight": queue["Attributes"]["ApproximateNumberOfMessagesNotVisible"],
        "secret": secret["SecretString"],
        "parameter": parameter["Parameter"]["Value"],
        "user": user["Username"],
        "identity": identity["IdentityType"],
        "mail": [mail["Subject"] for mails in outbox.values() for mail in mails],
    }


EVERYTHING = {
    "picture": (b"picture", "image/png"),
    "visible": ["waiting"],
    "in flight": "1",
    "secret": "s3cret",
    "parameter": "value",
    "user": "aki",
    "identity": "EMAIL_ADDRESS",
    "mail": ["kept"],
}


class TestRestart:
    async def test_finds_everything_a_second_after_it_was_written(self, fresh: Any) -> None:
        names = await furnish(fresh)
        await fresh.kept()
        await fresh.kill()
        await fresh.start()
        assert await found(fresh, names) == EVERYTHING

    async def test_finds_the_last_word_after_an_orderly_stop(self, fresh: Any) -> None:
        names = await furnish(fresh)
        await fresh.stop()
        assert fresh.process.returncode == 0
        await fresh.start()
        assert await found(fresh, names) == EVERYTHING

    async def test_uses_the_snapshot_before_a_damaged_one(self, fresh: Any) -> None:
        async with fresh.client("ssm") as ssm:
            await ssm.put_parameter(Name="/first", Value="1", Type="String")
            await fresh.kept()
            await ssm.put_parameter(Name="/second", Value="2", Type="String")
            await fresh.kept()
            await fresh.kill()
            snapshot = fresh.state_dir / "services" / "ssm.json"
            snapshot.write_bytes(snapshot.read_bytes().replace(b'"2"', b'"3"'))
            await fresh.start()
            parameters = (await ssm.get_parameters(Names=["/first", "/second"]))["Parameters"]
        assert [parameter["Name"] for parameter in parameters] == ["/first"]
        assert "The state of ssm" in fresh.log.read_text()
        assert [path for path in snapshot.parent.iterdir() if path.name.startswith("ssm.json.damaged-")]

    async def test_uses_the_snapshot_before_one_that_was_never_put_in_place(self, fresh: Any) -> None:
        async with fresh.client("ssm") as ssm:
            await ssm.put_parameter(Name="/first", Value="1", Type="String")
            await fresh.kept()
            await fresh.kill()
            folder = fresh.state_dir / "services"
            (folder / "ssm.json").rename(folder / "ssm.previous.json")
            (folder / "ssm.new").write_bytes(b"half a snap")
            await fresh.start()
            assert (await ssm.get_parameter(Name="/first"))["Parameter"]["Value"] == "1"

    async def test_writes_nothing_while_nothing_changes(self, fresh: Any) -> None:
        async with fresh.client("sqs") as sqs:
            queue = (await sqs.create_queue(QueueName="quiet"))["QueueUrl"]
            await fresh.kept()
            before = {path: path.stat().st_mtime_ns for path in (fresh.state_dir / "services").iterdir()}
            await sqs.receive_message(QueueUrl=queue)
            await fresh.kept()
        assert {path: path.stat().st_mtime_ns for path in (fresh.state_dir / "services").iterdir()} == before


class TestStop:
    async def test_does_not_wait_for_a_receiver(self, fresh: Any) -> None:
        async with fresh.client("sqs") as sqs:
            queue = (await sqs.create_queue(QueueName="empty"))["QueueUrl"]
            waiting = asyncio.create_task(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            began = time.monotonic()
            await fresh.stop()
            with pytest.raises(sqs.exceptions.ClientError, match="is stopping"):
                await waiting
        # The receiver would have waited for 20 seconds.
        assert time.monotonic() - began < 15
        assert fresh.process.returncode == 0
