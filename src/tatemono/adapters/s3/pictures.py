"""Pictures in S3: https://docs.aws.amazon.com/AmazonS3/latest/API/"""

import base64
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.usecases.pictures.ports import StoredObject

_DELETE_LIMIT = 1000
"""The most keys that one call of DeleteObjects takes."""

# A key never gets other bytes, so a phone may keep them for good. `private` keeps copies out of CloudFront: each
# picture is seen by one person, and is gone everywhere on our side once it is deleted.
_CACHE_CONTROL = "private, max-age=31536000, immutable"


class StoreFailed(Exception):
    """S3 took the call, and failed to do it for some of the objects."""


class S3Pictures:
    """One private bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        """:param client: of `s3`, see `aws_clients`"""
        self._client = client
        self._bucket = bucket

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """With `sha256` S3 refuses bytes that changed on the way; without it the SDK sends a CRC of its bytes."""
        checksum = {} if sha256 is None else {"ChecksumSHA256": base64.b64encode(sha256).decode()}
        try:
            await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                CacheControl=_CACHE_CONTROL,
                **checksum,
            )
        except (BotoCoreError, ClientError) as error:
            raise PaintingFailed(Failure.NOT_KEPT, f"S3: {error}") from error

    async def get(self, key: str) -> bytes | None:
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        async with answer["Body"] as body:
            data: bytes = await body.read()
        return data

    async def delete(self, keys: Sequence[str]) -> None:
        """:raises StoreFailed: S3 kept some of them"""
        failed = []
        for start in range(0, len(keys), _DELETE_LIMIT):
            objects = [{"Key": key} for key in keys[start : start + _DELETE_LIMIT]]
            answer = await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            failed += [f"{error['Key']} ({error['Code']})" for error in answer.get("Errors", [])]
        if failed:
            raise StoreFailed(f"S3 did not delete {len(failed)} of {len(keys)} objects, the first: {failed[0]}")

    async def keys_after(self, prefix: str, after_key: str, limit: int) -> list[StoredObject]:
        answer = await self._client.list_objects_v2(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after_key, MaxKeys=limit
        )
        return [StoredObject(entry["Key"], entry["LastModified"]) for entry in answer.get("Contents", [])]

    async def check(self) -> None:
        """One cheap call that succeeds only where the bucket is and we may use it."""
        await self._client.head_bucket(Bucket=self._bucket)
