"""Private pictures through the stand-in for CloudFront."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls

DOOR = "https://localhost:8443"
PICTURE = bytes(range(256)) * 8


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="module", autouse=True)
async def picture(cloud: Any) -> None:
    async with cloud.client("s3") as s3:
        await s3.put_object(
            Bucket="pictures-of-the-test",
            Key="pictures/0192/a b.png",
            Body=PICTURE,
            ContentType="image/png",
            CacheControl="private, max-age=900",
        )


@pytest.fixture
def urls(cloud: Any) -> CloudFrontSignedUrls:
    return CloudFrontSignedUrls(DOOR, "KEYOFTEST", pem(cloud.picture_key))


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def ask(cloud: Any, url: str, method: str = "GET", **headers: str) -> httpx2.Response:
    """What the front door sends for this URL of a phone."""
    parts = urlsplit(url)
    original = {"X-Original-URL": f"{parts.scheme}://{parts.netloc}{parts.path}"}
    async with httpx2.AsyncClient(base_url=cloud.url) as door:
        return await door.request(method, f"/_edge{parts.path}?{parts.query}", headers=original | headers)


class TestPictures:
    async def test_answers_the_object_to_a_signed_url(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(60)))
        assert (answer.status_code, answer.content) == (200, PICTURE), answer.text
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["cache-control"] == "private, max-age=900"
        assert answer.headers["etag"]
        assert not [name for name in answer.headers if name.startswith("x-amz")]

    async def test_answers_a_range(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(60)), Range="bytes=10-19")
        assert (answer.status_code, answer.content) == (206, PICTURE[10:20])

    async def test_sends_no_bytes_to_a_caller_that_has_them(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        url = urls.sign("/pictures/0192/a%20b.png", in_seconds(60))
        etag = (await ask(cloud, url, "HEAD")).headers["etag"]
        again = await ask(cloud, url, **{"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")

    async def test_answers_a_head_without_the_bytes(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(60)), "HEAD")
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(PICTURE)))

    async def test_refuses_an_unsigned_url(self, cloud: Any) -> None:
        answer = await ask(cloud, f"{DOOR}/pictures/0192/a%20b.png")
        assert (answer.status_code, "<Code>MissingKey</Code>" in answer.text) == (403, True)

    async def test_refuses_an_expired_url(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(-1)))
        assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)

    async def test_refuses_the_signature_of_another_picture(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        query = urlsplit(urls.sign("/pictures/0192/other.png", in_seconds(60))).query
        async with httpx2.AsyncClient(base_url=cloud.url) as door:
            answers = [
                await door.get(f"/_edge{path}?{query}", headers={"X-Original-URL": f"{DOOR}{signed}"})
                for path, signed in [
                    ("/pictures/0192/a%20b.png", "/pictures/0192/a%20b.png"),
                    ("/pictures/0192/a%20b.png", "/pictures/0192/other.png"),
                ]
            ]
        assert [answer.status_code for answer in answers] == [403, 403]

    async def test_refuses_a_key_that_is_not_trusted(self, cloud: Any) -> None:
        stranger = CloudFrontSignedUrls(DOOR, "KEYOFTEST", pem(ec.generate_private_key(ec.SECP256R1())))
        unknown = CloudFrontSignedUrls(DOOR, "KEYOFOTHERS", pem(cloud.picture_key))
        for urls in (stranger, unknown):
            answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(60)))
            assert answer.status_code == 403

    async def test_answers_alike_for_a_missing_picture_and_a_forbidden_one(
        self, cloud: Any, urls: CloudFrontSignedUrls
    ) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/none.png", in_seconds(60)))
        assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
    async def test_serves_reading_only(self, cloud: Any, urls: CloudFrontSignedUrls, method: str) -> None:
        answer = await ask(cloud, urls.sign("/pictures/0192/a%20b.png", in_seconds(60)), method)
        assert answer.status_code == 405

    async def test_never_leaves_its_bucket(self, cloud: Any, urls: CloudFrontSignedUrls) -> None:
        async with cloud.client("s3") as s3:
            await s3.create_bucket(
                Bucket="next-door", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}
            )
            await s3.put_object(Bucket="next-door", Key="diary", Body=b"dear diary")
        for path in ("/../next-door/diary", "/%2e%2e/next-door/diary", "/pictures/../../next-door/diary"):
            answer = await ask(cloud, urls.sign(path, in_seconds(60)))
            assert (answer.status_code, b"diary" in answer.content) == (403, False)
