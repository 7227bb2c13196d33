"""Pictures in the bucket, against the embedded cloud."""

import hashlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import CloudEndpoint, free_port
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.domain.generations.painting import Failure, PaintingFailed

KEY = "pictures/0198/0199/1/0.png"
DATA = bytes(range(256)) * 400


@pytest.fixture(scope="module")
async def client(aws_environment: CloudEndpoint) -> AsyncIterator[Any]:
    async with aws_clients("s3") as (s3,):
        yield s3


@pytest.fixture
async def bucket(client: Any, aws_environment: CloudEndpoint) -> str:
    name = f"test-{secrets.token_hex(6)}"
    await client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws_environment.region})
    return name


@pytest.fixture
def pictures(client: Any, bucket: str) -> S3Pictures:
    return S3Pictures(client, bucket)


class TestPut:
    async def test_keeps_the_bytes(self, pictures: S3Pictures) -> None:
        await pictures.put(KEY, DATA, content_type="image/png")

        assert await pictures.get(KEY) == DATA

    async def test_says_what_kind_of_file_it_is_and_how_long_it_lasts(
        self, pictures: S3Pictures, client: Any, bucket: str
    ) -> None:
        await pictures.put(KEY, DATA, content_type="image/webp")

        head = await client.head_object(Bucket=bucket, Key=KEY)
        assert head["ContentType"] == "image/webp"
        assert head["CacheControl"] == "private, max-age=31536000, immutable"

    async def test_can_be_repeated(self, pictures: S3Pictures) -> None:
        for _ in range(2):
            await pictures.put(KEY, DATA, content_type="image/png", sha256=hashlib.sha256(DATA).digest())

        assert await pictures.get(KEY) == DATA

    async def test_is_refused_when_the_bytes_are_not_those_of_the_checksum(self, pictures: S3Pictures) -> None:
        with pytest.raises(PaintingFailed, match="BadDigest") as failed:
            await pictures.put(KEY, DATA, content_type="image/png", sha256=hashlib.sha256(b"others").digest())

        assert failed.value.failure is Failure.NOT_KEPT
        assert await pictures.get(KEY) is None

    async def test_says_that_the_picture_is_not_kept_when_s3_does_not_answer(
        self, monkeypatch: pytest.MonkeyPatch, aws_environment: CloudEndpoint
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        async with aws_clients("s3") as (nobody,):
            with pytest.raises(PaintingFailed) as failed:
                await S3Pictures(nobody, "pictures").put(KEY, DATA, content_type="image/png")

        assert failed.value.failure is Failure.NOT_KEPT


class TestGet:
    async def test_gives_nothing_for_a_key_that_is_not_there(self, pictures: S3Pictures) -> None:
        assert await pictures.get("pictures/none.png") is None

    async def test_fails_without_the_bucket(self, client: Any) -> None:
        with pytest.raises(ClientError, match="NoSuchBucket"):
            await S3Pictures(client, f"test-{secrets.token_hex(6)}").get(KEY)


class TestDelete:
    async def test_removes_objects(self, pictures: S3Pictures) -> None:
        for key in ("a", "b", "c"):
            await pictures.put(key, DATA, content_type="image/png")

        await pictures.delete(["a", "c"])

        assert [await pictures.get(key) is not None for key in ("a", "b", "c")] == [False, True, False]

    async def test_does_not_mind_objects_that_are_gone(self, pictures: S3Pictures) -> None:
        await pictures.delete(["never there"])

    async def test_takes_more_keys_than_fit_into_one_call(self, pictures: S3Pictures) -> None:
        await pictures.put("last", DATA, content_type="image/png")

        await pictures.delete([*(f"none/{n}" for n in range(1000)), "last"])

        assert await pictures.get("last") is None

    async def test_makes_no_call_for_nothing(self, client: Any) -> None:
        await S3Pictures(client, "no-such-bucket").delete([])


class TestCheck:
    async def test_passes_where_the_bucket_is(self, pictures: S3Pictures) -> None:
        await pictures.check()

    async def test_fails_where_it_is_not(self, client: Any) -> None:
        with pytest.raises(ClientError):
            await S3Pictures(client, f"test-{secrets.token_hex(6)}").check()
