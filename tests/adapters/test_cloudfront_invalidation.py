"""Telling CloudFront to forget objects, against the embedded cloud's CloudFront."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from conftest import CloudEndpoint
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cloudfront_invalidation import CloudFrontInvalidation

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
async def client(aws_environment: CloudEndpoint) -> AsyncIterator[Any]:
    async with aws_clients("cloudfront") as (cloudfront,):
        yield cloudfront


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
