"""Style presets from outside: an operator makes, changes and retires them, and people see what there is."""

import io
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx2
import pytest
from PIL import Image

from conftest import CloudEndpoint
from operators import Desk, PublishingPool
from phone import Phone
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.s3.uploads import s3_uploads
from tatemono.bootstrap.admin_api import AdminApiBackend
from tatemono.entrypoints.admin_api.app import create_app

pytest_plugins = ["admin_api", "mobile_api"]

GLASS = {
    "id": "stained-glass",
    "position": 15,
    "name_en": "Stained glass",
    "name_ja": "ステンドグラス",
    "prompt_suffix": "stained glass window",
    "reason": "survey",
}


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[httpx2.AsyncClient]:
    async with desk.operator("admin") as client:
        yield client


async def shown(phone: Phone) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await phone.client.get("/v1/api/styles")).json()["items"]
    return items


class TestStyles:
    async def test_appear_where_their_position_puts_them(
        self, admin: httpx2.AsyncClient, phone: Phone, database_url: str
    ) -> None:
        created = await admin.post("styles", json=GLASS)
        assert created.status_code == 201, created.text
        assert [style["id"] for style in await shown(phone)][:3] == ["watercolor", "stained-glass", "ukiyo-e"]
        generation = await phone.ask(style="stained-glass")
        assert generation["style"] == "stained-glass"
        owner = await asyncpg.connect(database_url)
        record = await owner.fetchrow("select action, user_id, reason, data::text from audit_records")
        await owner.close()
        assert (record["action"], record["user_id"], record["reason"]) == ("create_style", None, "survey")
        assert "stained-glass" in record["data"]

    async def test_are_made_once(self, admin: httpx2.AsyncClient) -> None:
        await admin.post("styles", json=GLASS)
        again = await admin.post("styles", json=GLASS)
        assert (again.status_code, again.json()["code"]) == (409, "style_exists")

    async def test_change_and_retire_and_come_back(self, admin: httpx2.AsyncClient, phone: Phone) -> None:
        changed = await admin.patch("styles/ink", json={"name_ja": "水墨", "reason": "shorter"})
        assert (changed.status_code, changed.json()["name_ja"], changed.json()["name_en"]) == (
            200,
            "水墨",
            "Ink drawing",
        )
        retired = await admin.post("styles/ink/retire", json={"reason": "hardly used"})
        assert (retired.json()["active"], retired.json()["retired_at"] is not None) == (False, True)
        assert "ink" not in [style["id"] for style in await shown(phone)]
        listed = (await admin.get("styles")).json()["items"]
        assert "ink" in [style["id"] for style in listed]
        back = await admin.patch("styles/ink", json={"active": True, "reason": "missed"})
        assert (back.json()["active"], back.json()["retired_at"]) == (True, None)

    @pytest.mark.parametrize("path", ["styles/none-such/retire", "styles/none-such/sample"])
    async def test_are_not_found_where_there_are_none(self, admin: httpx2.AsyncClient, path: str) -> None:
        body = {"content_type": "image/png"} if path.endswith("sample") else {"reason": "x"}
        answer = await admin.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_preset")


class TestSample:
    async def test_is_shown_small_and_by_signed_url(
        self,
        admin_backend: AdminApiBackend,
        operators_pool: PublishingPool,
        phone: Phone,
        aws_environment: CloudEndpoint,
    ) -> None:
        name = f"test-{secrets.token_hex(6)}"
        url = f"{aws_environment.endpoint_url}/{name}"
        async with aws_clients("s3") as (s3,), s3_uploads(name, url) as uploads:
            await s3.create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws_environment.region}
            )
            backend = replace(admin_backend, uploads=uploads, pictures=S3Pictures(s3, name))
            async with Desk(create_app(backend), operators_pool).operator("admin") as admin:
                form = (await admin.post("styles/ink/sample", json={"content_type": "image/png"})).json()
                written = io.BytesIO()
                Image.new("RGB", (1024, 768), "teal").save(written, "PNG")
                async with httpx2.AsyncClient() as client:
                    files = {"file": ("sample", written.getvalue())}
                    assert (await client.post(form["url"], data=form["fields"], files=files)).status_code == 204
                done = await admin.post(
                    "styles/ink/sample/complete", json={"upload_id": form["upload_id"], "reason": "new"}
                )
            assert done.status_code == 200, done.text
            kept = await S3Pictures(s3, name).get(done.json()["sample_key"])
        assert kept is not None
        with Image.open(io.BytesIO(kept)) as image:
            assert image.size == (512, 384)
        (style,) = (style for style in await shown(phone) if style["id"] == "ink")
        assert f"/{done.json()['sample_key']}?Expires=" in style["sample_url"]
