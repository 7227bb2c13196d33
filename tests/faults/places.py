"""Where scenarios and storms run, with everything of the test's own. A plugin of pytest."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from conftest import CloudEndpoint, free_port
from faults.disturbances import weather_proxy
from faults.ground import Ground
from faults.own_postgres import SmallDisk, own_postgres, small_disk
from faults.runner import LEASE_SECONDS, UNKNOWN_RETRIES, Place
from required_settings import required_settings
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono_tools.plan.building import Plan


@pytest.fixture
async def own_studio() -> AsyncIterator[str]:
    """One that remembers every call."""
    port = free_port()
    environment = {"STUDIO_PORT": str(port), "STUDIO_LATENCY": "0", "STUDIO_CALLS_KEPT": "200000"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tatemono_studio", env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient() as client, asyncio.timeout(30):
            while True:
                try:
                    (await client.get(f"{url}/studio/health")).raise_for_status()
                    break
                except httpx2.HTTPError:
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def place(
    database_url: str,
    service_database_url: Callable[[str], str],
    aws_environment: CloudEndpoint,
    own_studio: str,
) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(await Database.connect(database_url, service="test"))
        sqs, s3 = await stack.enter_async_context(aws_clients("sqs", "s3"))
        name = f"test-{secrets.token_hex(6)}"
        location = {"LocationConstraint": aws_environment.region}
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
        dead = await sqs.create_queue(QueueName=f"{name}-dead")
        about = await sqs.get_queue_attributes(QueueUrl=dead["QueueUrl"], AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": about["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        attributes = {
            "VisibilityTimeout": str(LEASE_SECONDS + 1),
            "ReceiveMessageWaitTimeSeconds": "2",
            "RedrivePolicy": json.dumps(policy),
        }
        queue = await sqs.create_queue(QueueName=name, Attributes=attributes)
        environment = (
            aws_environment.environment
            | await required_settings(sqs, name)
            | {
                "IMAGE_JOBS_QUEUE_URL": queue["QueueUrl"],
                "OPENAI_API_KEY": "sk-studio",
                "OPENAI_BASE_URL": f"{own_studio}/v1",
                "IMAGE_MODEL": "gpt-image-2",
                "SAFETY_IDENTIFIER_KEY": "key",
                "CONCURRENCY": "3",
                "LEASE_SECONDS": str(LEASE_SECONDS),
                "LOST_TICKET_SECONDS": "4",
                "STOP_TIMEOUT_SECONDS": "8",
                "UNKNOWN_POLICY": f"retry:{UNKNOWN_RETRIES}",
            }
        )
        urls = {service: service_database_url(service) for service in ("image-worker", "outbox-relay")}
        store = S3Pictures(s3, name)
        yield Place(db, store, s3, name, own_studio, environment, urls)
        # The embedded cloud keeps everything in memory: thousands of pictures, if many parts run.
        while found := await store.keys_after("", "", 1000):
            await store.delete([each.key for each in found])
        await s3.delete_bucket(Bucket=name)


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk | None]:
    named = getattr(request.node, "callspec", None)
    if named is None or named.params.get("name") != "disk full":
        yield None
        return
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
async def ground(place: Place, plan: Plan, tmp_path: Path, disk: SmallDisk | None) -> AsyncIterator[Ground]:
    async with (
        own_postgres(disk.folder if disk else tmp_path, plan) as postgres,
        await Database.connect(postgres.cluster.dsn("tatemono"), service="test") as db,
        weather_proxy(place.environment["AWS_ENDPOINT_URL"]) as (proxy, url),
    ):
        environment = place.environment | {"AWS_ENDPOINT_URL_S3": url}
        here = replace(place, db=db, urls=postgres.urls, environment=environment)
        yield Ground(here, postgres, proxy, disk)
