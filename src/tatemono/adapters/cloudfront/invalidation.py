"""Having CloudFront forget objects before their time.

https://docs.aws.amazon.com/AmazonCloudFront/latest/APIReference/API_CreateInvalidation.html
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote


class CloudFrontInvalidation:
    """One distribution."""

    def __init__(self, client: Any, distribution_id: str) -> None:
        """:param client: of `cloudfront`, see `aws_clients`"""
        self._client = client
        self._distribution_id = distribution_id

    async def invalidate(self, object_keys: Sequence[str], *, reference: str) -> None:
        """Have the edge forget these objects under all signatures of their URLs: a `*` covers the query strings.

        :param reference: CloudFront takes a second call with the same reference and paths for the first
        """
        paths = [f"/{quote(key)}*" for key in object_keys]
        await self._client.create_invalidation(
            DistributionId=self._distribution_id,
            InvalidationBatch={"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference},
        )


class NoEdgeCache:
    """Where no CloudFront stands in front: the laptop's door keeps no copies of pictures."""

    async def invalidate(self, object_keys: Sequence[str], *, reference: str) -> None:
        """There is nothing to forget."""
