"""Telling CloudFront to forget objects, against MiniStack's CloudFront, which the laptop itself does without."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from conftest import free_port
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cloudfront.invalidation import CloudFrontInvalidation

ORIGIN = {"Id": "pictures", "DomainName": "pictures.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
CONFIG = {
    "CallerReference": "a test",
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [ORIGIN]},
    "DefaultCacheBehavior": {
        "TargetOriginId": "pictures",
        "ViewerProtocolPolicy": "https-only",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    },
}


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "cloudfront"}
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ministack",
        env=environment | {"PATH": os.environ["PATH"]},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        async with asyncio.timeout(60), httpx2.AsyncClient() as probe:
            while True:
                try:
                    if (await probe.get(f"{url}/_ministack/health")).is_success:
                        break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        for name, value in (("ENDPOINT_URL", url), ("ACCESS_KEY_ID", "000000000001"), ("SECRET_ACCESS_KEY", "any")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        async with aws_clients("cloudfront") as (cloudfront,):
            yield cloudfront
    finally:
        server.kill()
        await server.wait()


class TestInvalidation:
    async def test_names_the_objects_whatever_their_signatures(self, client: Any) -> None:
        made = await client.create_distribution(DistributionConfig=CONFIG)
        distribution_id = made["Distribution"]["Id"]
        keys = ["pictures/u/g/1-0.png", "pictures/u/g/1-0-thumbnail.webp"]
        await CloudFrontInvalidation(client, distribution_id).invalidate(keys, reference="once")
        listed = await client.list_invalidations(DistributionId=distribution_id)
        (summary,) = listed["InvalidationList"]["Items"]
        told = await client.get_invalidation(DistributionId=distribution_id, Id=summary["Id"])
        batch = told["Invalidation"]["InvalidationBatch"]
        assert batch["CallerReference"] == "once"
        assert sorted(batch["Paths"]["Items"]) == sorted(f"/{key}*" for key in keys)
