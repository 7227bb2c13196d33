"""The bucket by folders, and objects that are written and read piece by piece."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.usecases.pictures.ports import StoredObject
from tatemono.usecases.privacy.ports import Upload

#: S3 takes 10,000 parts of 5 MiB to 5 GiB: with these an archive may have 156 GiB. One of them is in memory.
PART_BYTES = 16 * 1024 * 1024
_PIECE_BYTES = 256 * 1024


class S3Folders:
    """:param client: of `s3`, see `aws_clients`"""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._pictures = S3Pictures(client, bucket)

    async def listed(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[StoredObject]:
        answer = await self._client.list_objects_v2(
            Bucket=self._bucket, Prefix=prefix, MaxKeys=limit, **({"StartAfter": after} if after else {})
        )
        return [StoredObject(each["Key"], each["LastModified"]) for each in answer.get("Contents", [])]

    async def delete(self, keys: Sequence[str]) -> None:
        """:raises StoreFailed: S3 kept some of them"""
        await self._pictures.delete(keys)

    async def abort_uploads(self, prefix: str) -> None:
        answer = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
        for upload in answer.get("Uploads", []):
            await _Upload(self._client, self._bucket, upload["Key"], upload["UploadId"]).abort()

    async def upload(self, key: str, *, content_type: str, file_name: str) -> Upload:
        answer = await self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=key,
            ContentType=content_type,
            ContentDisposition=f'attachment; filename="{file_name}"',
            CacheControl="private, no-store",
        )
        return _Upload(self._client, self._bucket, key, answer["UploadId"])

    async def read(self, key: str) -> AsyncIterator[bytes]:
        try:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return
            raise
        async with answer["Body"] as body:
            while piece := await body.read(_PIECE_BYTES):
                yield piece


class _Upload:
    def __init__(self, client: Any, bucket: str, key: str, upload_id: str) -> None:
        self._client = client
        self._place = {"Bucket": bucket, "Key": key, "UploadId": upload_id}
        self._parts: list[dict[str, Any]] = []
        self._waiting = bytearray()

    async def write(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) >= PART_BYTES:
            part = bytes(memoryview(self._waiting)[:PART_BYTES])
            del self._waiting[:PART_BYTES]
            await self._send(part)

    async def finish(self) -> None:
        # The last part, and it alone, may be small.
        await self._send(bytes(self._waiting))
        self._waiting.clear()
        await self._client.complete_multipart_upload(**self._place, MultipartUpload={"Parts": self._parts})

    async def abort(self) -> None:
        try:
            await self._client.abort_multipart_upload(**self._place)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise

    async def _send(self, part: bytes) -> None:
        number = len(self._parts) + 1
        answer = await self._client.upload_part(**self._place, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
