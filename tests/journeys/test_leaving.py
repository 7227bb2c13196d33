"""A member takes everything along and leaves, thinks better of it once, and is gone; through the front door."""

import asyncio
import io
import json
import secrets
import subprocess
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from journeys.conftest import RunningBuilding
from journeys.test_members import PASSWORD, newest_code, post
from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused
from tatemono_tools.laptop.postgres.database import SUPERUSER

pytestmark = pytest.mark.slow


async def until(read: Callable[[], Awaitable[Any]], state: str) -> Any:
    async with asyncio.timeout(60):
        while (found := await read())["state"] != state:  # noqa: ASYNC110 - as a phone would
            await asyncio.sleep(0.2)
    return found


async def time_passes(building: RunningBuilding, user_id: str) -> None:
    """The grace is over: a test cannot wait for 14 days."""
    ports = json.loads((building.data_dir / "ports.json").read_text())
    password = (building.data_dir / "postgres-password").read_text()
    connection = await asyncpg.connect(
        host="127.0.0.1", port=ports["postgres"], user=SUPERUSER, password=password, database="tatemono"
    )
    await connection.execute("update deletions set erase_at = now() where user_id = $1", user_id)
    await connection.close()


def reconcile(building: RunningBuilding) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(building.command("reconcile"), capture_output=True, text=True, check=False)


async def refusal(phone: Phone) -> str:
    with pytest.raises(PhoneRefused) as refused:
        await phone.sign_in()
    return str(refused.value.problem["code"])


class TestLeaving:
    async def test_gives_everything_along_and_then_forgets_it(self, building: RunningBuilding, phone: Phone) -> None:
        address = f"aki-{secrets.token_hex(4)}@example.com"
        generation = await phone.submit(prompt="A paper boat", quality="low")
        (picture,) = [event async for event in phone.follow(generation["id"])][-1].data["pictures"]
        await post(phone, "/v1/api/auth/register", email=address, password=PASSWORD)
        code = newest_code(building, address)
        member = await post(phone, "/v1/api/auth/register/confirm", email=address, code=code)
        await phone.sign_in()

        await phone.call("POST", "/v1/api/me/export")
        export = await until(lambda: phone.call("GET", "/v1/api/me/export"), "ready")
        with zipfile.ZipFile(io.BytesIO(await phone.download(export["url"]))) as archive:
            assert json.loads(archive.read("prompts.json"))[0]["prompt"] == "A paper boat"
            assert len([name for name in archive.namelist() if name.startswith("pictures/")]) == 1
        with pytest.raises(PhoneRefused):
            await phone.download(export["url"].replace("Expires=1", "Expires=2"))

        words = {"confirm": True, "password": PASSWORD}
        await post(phone, "/v1/api/me/deletion", **words)
        assert await refusal(phone) == "deletion_pending"
        device = {"platform": "ios", "device_identifier": phone.identifier}
        await post(phone, "/v1/api/auth/undo-deletion", **device, email=address, password=PASSWORD)
        assert (await phone.sign_in())["user"]["id"] == member["user"]["id"]

        deletion = await post(phone, "/v1/api/me/deletion", **words)
        await time_passes(building, member["user"]["id"])
        where = f"/v1/api/deletion-receipts/{deletion['receipt_id']}"
        receipt = await until(lambda: phone.call("GET", where), "erased")
        counted = {"pictures": 1, "generations": 1, "devices": 1, "members": 1, "users": 1}
        assert counted.items() <= receipt["erased"].items()
        # The picture and its thumbnail. The export ends with the request: the relay that ends exports may take it away
        # before or while another part of it counts.
        assert receipt["erased"]["objects"] in (2, 3)
        for url in (picture["url"], export["url"]):
            with pytest.raises(PhoneRefused):
                await phone.download(url)
        assert (await phone.sign_in())["user"]["new"]

        shown = reconcile(building)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "objects without a row" in shown.stdout
