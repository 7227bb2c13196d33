"""Quarantine: a bucket beside that of the pictures, which nothing is served from."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tatemono.adapters.s3.pictures import S3Pictures


class S3Quarantine:
    def __init__(self, client: Any, bucket: str, served: S3Pictures) -> None:
        """
        :param client: of `s3`, see `aws_clients`
        :param served: where objects are taken from, and go back to
        """
        self._kept = S3Pictures(client, bucket)
        self._served = served

    async def keep(self, key: str, data: bytes, *, content_type: str) -> None:
        await self._kept.put(key, data, content_type=content_type, sha256=sha256(data).digest())

    async def move_in(self, key: str, to: str) -> bytes | None:
        """Through here, not by CopyObject: what S3 took is checked against the bytes before the original goes."""
        data = await self._served.get(key)
        if data is None:
            return await self._kept.get(to)
        await self._kept.put(to, data, content_type="application/octet-stream", sha256=sha256(data).digest())
        await self._served.delete([key])
        return data

    async def move_back(self, key: str, to: str, *, content_type: str) -> bool:
        data = await self._kept.get(key)
        if data is None:
            return await self._served.get(to) is not None
        await self._served.put(to, data, content_type=content_type, sha256=sha256(data).digest())
        await self._kept.delete([key])
        return True

    async def erase(self, keys: Sequence[str]) -> None:
        await self._kept.delete(keys)

    async def check(self) -> None:
        """One cheap call that succeeds only where the bucket is and we may use it."""
        await self._kept.check()
