"""Forms of presigned POSTs: with one a caller may upload what it says, and nothing else; without one nothing."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tatemono.adapters.s3.uploads import S3Uploads

KEY = "incoming/user/picture"


@pytest.fixture
async def bucket(cloud: Any) -> AsyncIterator[tuple[S3Uploads, str]]:
    name = f"uploads-{secrets.token_hex(4)}"
    async with cloud.client("s3", signature_version="s3v4") as s3:
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})

        async def client() -> Any:
            return s3

        yield S3Uploads(client, name, f"{cloud.url}/{name}"), f"{cloud.url}/{name}"


async def send(url: str, fields: dict[str, str], data: bytes = b"picture") -> int:
    async with httpx2.AsyncClient() as client:
        return (await client.post(url, data=fields, files={"file": ("picture", data)})).status_code


class TestForm:
    async def test_uploads_just_that_object(self, bucket: tuple[S3Uploads, str]) -> None:
        uploads, url = bucket
        form = await uploads.form(KEY, content_type="image/png", max_bytes=100, seconds=60)
        assert await send(form.url, form.fields) == 204
        assert await uploads.get(KEY) == b"picture"
        assert form.url == url

    @pytest.mark.parametrize(
        "changes", [{"key": "incoming/another"}, {"Content-Type": "text/html"}, {"x-amz-signature": "0" * 64}]
    )
    async def test_uploads_nothing_else(self, bucket: tuple[S3Uploads, str], changes: dict[str, str]) -> None:
        uploads, _ = bucket
        form = await uploads.form(KEY, content_type="image/png", max_bytes=100, seconds=60)
        assert await send(form.url, form.fields | changes) == 403
        assert await uploads.get(changes.get("key", KEY)) is None

    async def test_uploads_no_more_than_it_says(self, bucket: tuple[S3Uploads, str]) -> None:
        uploads, _ = bucket
        form = await uploads.form(KEY, content_type="image/png", max_bytes=10, seconds=60)
        assert await send(form.url, form.fields, b"x" * 11) == 400
        assert await uploads.get(KEY) is None

    async def test_ends(self, bucket: tuple[S3Uploads, str]) -> None:
        uploads, _ = bucket
        form = await uploads.form(KEY, content_type="image/png", max_bytes=100, seconds=-1)
        assert await send(form.url, form.fields) == 403

    async def test_is_needed(self, bucket: tuple[S3Uploads, str]) -> None:
        uploads, url = bucket
        assert await send(url, {"key": KEY}) == 403
        assert await uploads.get(KEY) is None
