"""Reference pictures from outside: prepared, uploaded to real S3, completed, used; and what people try with them."""

import io
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from PIL import Image

from conftest import CloudEndpoint
from phone import Phone
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.pictures.references import MAX_REFERENCES, clean_key, incoming_key
from tatemono.settings import MobileApiSettings
from tatemono.usecases.pictures import erase_references
from worker_steps import worker

pytest_plugins = ["mobile_api"]

API = "/v1/api"


@pytest.fixture
async def bucket(aws_environment: CloudEndpoint) -> AsyncIterator[S3Pictures]:
    name = f"test-{secrets.token_hex(6)}"
    async with aws_clients("s3") as (s3,):
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws_environment.region})
        yield S3Pictures(s3, name)


@pytest.fixture
def settings(settings: MobileApiSettings, aws_environment: CloudEndpoint, bucket: S3Pictures) -> MobileApiSettings:
    url = f"{aws_environment.endpoint_url}/{bucket._bucket}"
    return settings.model_copy(update={"uploads_bucket": bucket._bucket, "uploads_url": url})


def photo(size: tuple[int, int] = (400, 300), kind: str = "JPEG", *, mode: str = "RGB", **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, "teal").save(written, kind, **options)
    return written.getvalue()


async def prepared(phone: Phone, content_type: str = "image/jpeg") -> dict[str, Any]:
    response = await phone.client.post(f"{API}/references", json={"content_type": content_type})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def upload(form: dict[str, Any], data: bytes) -> int:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(form["url"], data=form["fields"], files={"file": ("photo", data)})
    return answer.status_code


async def completed(phone: Phone, reference_id: str) -> httpx2.Response:
    return await phone.client.post(f"{API}/references/{reference_id}/complete")


async def brought(phone: Phone, data: bytes) -> httpx2.Response:
    answer = await prepared(phone)
    assert await upload(answer["form"], data) == 204
    return await completed(phone, answer["reference"]["id"])


class TestCompleteReference:
    async def test_keeps_a_clean_copy_and_erases_the_upload(self, phone: Phone, bucket: S3Pictures) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # lies on its side
        exif.get_ifd(0x8825)[1] = "N"  # GPS
        answer = await prepared(phone)
        assert await upload(answer["form"], photo((3000, 2000), exif=exif)) == 204
        response = await completed(phone, answer["reference"]["id"])
        assert response.status_code == 200, response.text
        reference = response.json()
        assert (reference["state"], reference["width"], reference["height"]) == ("ready", 1365, 2048)
        assert phone.user_id is not None
        reference_id = UUID(reference["id"])
        assert await bucket.get(incoming_key(phone.user_id, reference_id)) is None
        clean = await bucket.get(clean_key(phone.user_id, reference_id, "jpeg"))
        assert clean is not None
        with Image.open(io.BytesIO(clean)) as image:
            assert (image.size, dict(image.getexif()), image.info.get("exif")) == ((1365, 2048), {}, None)

    async def test_can_be_repeated(self, phone: Phone) -> None:
        answer = await prepared(phone)
        await upload(answer["form"], photo())
        first = await completed(phone, answer["reference"]["id"])
        assert (await completed(phone, answer["reference"]["id"])).json() == first.json()

    async def test_takes_nothing_that_was_never_uploaded(self, phone: Phone) -> None:
        answer = await prepared(phone)
        response = await completed(phone, answer["reference"]["id"])
        assert (response.status_code, response.json()["code"]) == (409, "reference_not_uploaded")

    async def test_does_not_see_what_is_swapped_after_the_check(self, phone: Phone, bucket: S3Pictures) -> None:
        answer = await prepared(phone)
        await upload(answer["form"], photo())
        first = await completed(phone, answer["reference"]["id"])
        assert await upload(answer["form"], photo((900, 900))) == 204
        assert (await completed(phone, answer["reference"]["id"])).json() == first.json()
        assert phone.user_id is not None
        clean = await bucket.get(clean_key(phone.user_id, UUID(answer["reference"]["id"]), "jpeg"))
        assert clean is not None
        with Image.open(io.BytesIO(clean)) as image:
            assert image.size == (400, 300)

    async def test_knows_nothing_of_other_peoples(self, phone: Phone, new_phone: Callable[[], Phone]) -> None:
        answer = await prepared(phone)
        await upload(answer["form"], photo())
        other = new_phone()
        await other.sign_in()
        response = await completed(other, answer["reference"]["id"])
        assert (response.status_code, response.json()["code"]) == (404, "no_such_reference")

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"GIF89a" + b"\0" * 100, "reference_is_no_picture"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "reference_is_no_picture"),
            (photo()[:-200], "reference_is_no_picture"),
            (photo((30, 300)), "reference_too_large"),
            # Some kilobytes that would be 81 million pixels.
            (photo((9_000, 9_000), "PNG", mode="1"), "reference_too_large"),
        ],
        ids=["gif", "svg", "cut", "thin", "bomb"],
    )
    async def test_refuses_what_is_no_good_picture(self, phone: Phone, data: bytes, code: str) -> None:
        response = await brought(phone, data)
        assert (response.status_code, response.json()["code"]) == (422, code)

    async def test_allows_only_so_many_at_a_time(self, phone: Phone) -> None:
        for _ in range(MAX_REFERENCES):
            await prepared(phone)
        response = await phone.client.post(f"{API}/references", json={"content_type": "image/png"})
        assert (response.status_code, response.json()["code"]) == (429, "too_many_references")


class TestUseReference:
    async def test_costs_a_little_more_and_is_shown(self, phone: Phone) -> None:
        reference = (await brought(phone, photo())).json()
        generation = await phone.ask(reference_id=reference["id"])
        assert (generation["reference_id"], generation["price_credits"]) == (reference["id"], 10)

    async def test_is_refused_before_it_is_complete_and_to_others(
        self, phone: Phone, new_phone: Callable[[], Phone]
    ) -> None:
        waiting = (await prepared(phone))["reference"]["id"]
        other = new_phone()
        await other.sign_in()
        theirs = (await brought(other, photo())).json()["id"]
        for reference_id in (waiting, theirs, str(UUID(int=5))):
            response = await phone.client.post(
                f"{API}/generations",
                json={"prompt": "x", "reference_id": reference_id},
                headers={"idempotency-key": secrets.token_hex(8)},
            )
            assert (response.status_code, response.json()["code"]) == (404, "no_such_reference")

    async def test_is_of_one_picture(self, phone: Phone) -> None:
        ids = [str(UUID(int=number)) for number in (1, 2)]
        response = await phone.client.post(
            f"{API}/generations", json={"prompt": "x", "reference_id": ids}, headers={"idempotency-key": "k"}
        )
        assert response.status_code == 422


class TestEraseReferences:
    async def test_erases_what_no_unfinished_generation_needs(
        self, phone: Phone, backend: MobileApiBackend, bucket: S3Pictures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(erase_references, "LIFE", timedelta(0))
        used, unused = [(await brought(phone, photo())).json()["id"] for _ in range(2)]
        await phone.ask(reference_id=used)
        assert phone.user_id is not None
        async with worker(backend.settings) as painter:
            assert await erase_references.erase_references(painter._db, bucket) == 1
            assert await bucket.get(clean_key(phone.user_id, UUID(unused), "jpeg")) is None
            assert await bucket.get(clean_key(phone.user_id, UUID(used), "jpeg")) is not None
            await painter.succeed(await painter.claim())
            assert await erase_references.erase_references(painter._db, bucket) == 1
        (shown,) = (await phone.client.get(f"{API}/generations")).json()["items"]
        assert shown["reference_id"] is None
