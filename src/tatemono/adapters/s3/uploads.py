"""Uploads straight to S3, by presigned POST.

https://docs.aws.amazon.com/AmazonS3/latest/developerguide/sigv4-HTTPPOSTConstructPolicy.html
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tatemono.adapters.cognito.members import LazyClient
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.domain.pictures.references import UploadForm


@asynccontextmanager
async def s3_uploads(bucket: str, url: str) -> AsyncIterator["S3Uploads"]:
    """The bucket, whose client is opened by the first caller that needs it: most calls of the API never do."""
    async with AsyncExitStack() as stack:

        async def open_client() -> Any:
            from tatemono.adapters.aws import aws_clients  # noqa: PLC0415 - see above

            (client,) = await stack.enter_async_context(aws_clients("s3"))
            return client

        yield S3Uploads(LazyClient(open_client), bucket, url)


class S3Uploads:
    """The bucket of uploads."""

    def __init__(self, client: Callable[[], Awaitable[Any]], bucket: str, url: str) -> None:
        """
        :param client: gives aiobotocore's of `s3`
        :param url: where forms are sent: the bucket's own address, or the front door's on a laptop
        """
        self._client = client
        self._bucket = bucket
        self._url = url

    async def form(self, key: str, *, content_type: str, max_bytes: int, seconds: int) -> UploadForm:
        """S3 holds the sender to the signed policy. The host is no part of it."""
        client = await self._client()
        signed = await client.generate_presigned_post(
            Bucket=self._bucket,
            Key=key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds,
        )
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        return UploadForm(self._url, signed["fields"], expires_at)

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        await S3Pictures(await self._client(), self._bucket).put(key, data, content_type=content_type, sha256=sha256)

    async def get(self, key: str) -> bytes | None:
        return await S3Pictures(await self._client(), self._bucket).get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        await S3Pictures(await self._client(), self._bucket).delete(keys)
