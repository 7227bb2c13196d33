"""Buckets, queues, parameters and secrets of the embedded cloud: read many at once, write what differs."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from tatemono_tools.plan.building import Queue

_DEAD_LETTERS_KEPT_SECONDS = 1_209_600
"""The longest that SQS keeps a message: a dead letter waits for a person."""

_SERVICES = {
    "s3": "s3",
    "sqs": "sqs",
    "ssm": "ssm",
    "secretsmanager": "secretsmanager",
    "cognito_idp": "cognito-idp",
    "cognito_identity": "cognito-identity",
    "iam": "iam",
    "functions": "lambda",
    "ses": "sesv2",
}

_PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The embedded cloud, and a client of each service that provisioning needs. Made by `open_cloud`."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    s3: Any = field(repr=False)
    sqs: Any = field(repr=False)
    ssm: Any = field(repr=False)
    secretsmanager: Any = field(repr=False)
    cognito_idp: Any = field(repr=False)
    cognito_identity: Any = field(repr=False)
    iam: Any = field(repr=False)
    functions: Any = field(repr=False)
    ses: Any = field(repr=False)


@dataclass(frozen=True)
class StoredSecret:
    arn: str
    value: str = field(repr=False)


@asynccontextmanager
async def open_cloud(
    endpoint_url: str, *, region: str, access_key_id: str, secret_access_key: str
) -> AsyncIterator[Cloud]:
    """The embedded cloud at `endpoint_url`.

    Reading the service models takes longer than provisioning and needs no server: open it while the cloud still starts.
    """
    config = AioConfig(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})
    session = get_session()
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                session.create_client(
                    service,
                    config=config,
                    endpoint_url=endpoint_url,
                    region_name=region,
                    aws_access_key_id=access_key_id,
                    aws_secret_access_key=secret_access_key,
                )
            )
            for name, service in _SERVICES.items()
        }
        yield Cloud(
            endpoint_url=endpoint_url,
            region=region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            **clients,
        )


async def ensure_bucket(cloud: Cloud, name: str, *, versioned: bool) -> None:
    """Make the bucket unless it exists; nothing in it is public."""
    # S3 takes no location for its first region.
    place = {} if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
    try:
        await cloud.s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    status, access = await asyncio.gather(
        cloud.s3.get_bucket_versioning(Bucket=name), _public_access_block(cloud, name)
    )
    if access != _PRIVATE:
        await cloud.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=_PRIVATE)
    # A bucket that had versions can only suspend them.
    was_versioned = status.get("Status") == "Enabled"
    if was_versioned != versioned:
        wanted = {"Status": "Enabled" if versioned else "Suspended"}
        await cloud.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=wanted)


async def _public_access_block(cloud: Cloud, bucket: str) -> dict[str, bool]:
    try:
        answer = await cloud.s3.get_public_access_block(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return {}
    configuration: dict[str, bool] = answer["PublicAccessBlockConfiguration"]
    return configuration


async def ensure_queue(cloud: Cloud, name: str, queue: Queue) -> str:
    """Make the queue and its dead-letter queue `<name>-dead`, or give them the plan's numbers; the URL of the queue."""
    dead_name = f"{name}-dead"
    (url, found), (dead_url, dead_found) = await asyncio.gather(_open_queue(cloud, name), _open_queue(cloud, dead_name))
    wanted = {
        "VisibilityTimeout": queue.visibility_timeout_seconds,
        "MessageRetentionPeriod": queue.retention_seconds,
        "ReceiveMessageWaitTimeSeconds": queue.receive_wait_seconds,
        "RedrivePolicy": {"deadLetterTargetArn": dead_found["QueueArn"], "maxReceiveCount": queue.max_receive_count},
    }
    dead_wanted = {
        "MessageRetentionPeriod": _DEAD_LETTERS_KEPT_SECONDS,
        "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": [found["QueueArn"]]},
    }
    await asyncio.gather(
        _set_attributes(cloud, url, found, wanted), _set_attributes(cloud, dead_url, dead_found, dead_wanted)
    )
    return url


async def _open_queue(cloud: Cloud, name: str) -> tuple[str, dict[str, str]]:
    try:
        # Asked first: MiniStack's CreateQueue takes a queue made at another port for an unknown one and empties it.
        answer = await cloud.sqs.get_queue_url(QueueName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}:
            raise
        answer = await cloud.sqs.create_queue(QueueName=name)
    # MiniStack's answer keeps the port that the queue was made at.
    url = cloud.endpoint_url.rstrip("/") + urlsplit(answer["QueueUrl"]).path
    attributes = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return url, attributes["Attributes"]


async def _set_attributes(cloud: Cloud, url: str, found: Mapping[str, str], wanted: Mapping[str, object]) -> None:
    # Numbers and policies both travel as JSON text, whose spaces and order mean nothing.
    different = {
        name: json.dumps(value)
        for name, value in wanted.items()
        if name not in found or json.loads(found[name]) != value
    }
    if different:
        await cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes=different)


async def ensure_parameters(cloud: Cloud, wanted: Mapping[str, str], stored: Mapping[str, str]) -> None:
    """Make Parameter Store, which holds `stored`, hold `wanted`; both by full name."""
    await asyncio.gather(
        *(
            cloud.ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
            for name, value in wanted.items()
            if stored.get(name) != value
        )
    )


async def read_parameters(cloud: Cloud, names: Sequence[str]) -> dict[str, str]:
    """The values of those parameters that exist, by full name."""
    # GetParameters takes at most ten names.
    answers = await asyncio.gather(*(cloud.ssm.get_parameters(Names=part) for part in _parts(names, 10)))
    return {entry["Name"]: entry["Value"] for answer in answers for entry in answer["Parameters"]}


async def ensure_secret(
    cloud: Cloud, name: str, value: str, stored: StoredSecret | None, *, forget: bool = False
) -> StoredSecret:
    """Make the secret `name`, of which `stored` is known, hold `value`.

    :param forget: Secrets Manager shall not keep the value before, either
    """
    if stored is None:
        created = await cloud.secretsmanager.create_secret(Name=name, SecretString=value)
        return StoredSecret(created["ARN"], value)
    if stored.value != value:
        # One value before the present one is kept (AWSPREVIOUS): the second time that is this one.
        for _ in range(2 if forget else 1):
            await cloud.secretsmanager.put_secret_value(SecretId=stored.arn, SecretString=value)
    return StoredSecret(stored.arn, value)


async def read_secrets(cloud: Cloud, ids: Sequence[str]) -> dict[str, StoredSecret]:
    """Those of the secrets (names or ARNs) that exist, by name."""
    # BatchGetSecretValue takes at most twenty.
    parts = _parts(ids, 20)
    answers = await asyncio.gather(*(cloud.secretsmanager.batch_get_secret_value(SecretIdList=part) for part in parts))
    return {
        entry["Name"]: StoredSecret(entry["ARN"], entry["SecretString"])
        for answer in answers
        for entry in answer["SecretValues"]
    }


def _parts(names: Sequence[str], size: int) -> Iterator[list[str]]:
    unique = list(dict.fromkeys(names))
    return (unique[start : start + size] for start in range(0, len(unique), size))
