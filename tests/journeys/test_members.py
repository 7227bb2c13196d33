"""A guest becomes a member, and takes the pictures to a second phone, through `tatemono up` and the front door."""

import json
import secrets
import subprocess
from typing import Any

import pytest

from journeys.conftest import RunningBuilding
from tatemono_tools.laptop.demo.phone import Phone

pytestmark = pytest.mark.slow

PASSWORD = "horse on the roof"


async def post(phone: Phone, path: str, **body: Any) -> dict[str, Any]:
    return await phone.call("POST", path, json=body, headers={"DPoP": phone.proof("POST", path)})


def newest_code(building: RunningBuilding, address: str) -> str:
    command = building.command("inbox", address, "--json")
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    code: str = json.loads(told.stdout)[-1]["code"]
    return code


class TestMember:
    async def test_keeps_the_guests_pictures_and_finds_them_on_a_second_phone(
        self, building: RunningBuilding, phone: Phone
    ) -> None:
        address = f"aki-{secrets.token_hex(4)}@example.com"
        before = await phone.call("GET", "/v1/api/me")
        generation = await phone.submit(prompt="A red boat on a blue sea", quality="low")
        events = [event async for event in phone.follow(generation["id"])]
        (picture,) = events[-1].data["pictures"]
        await post(phone, "/v1/api/auth/register", email=address, password=PASSWORD)
        code = newest_code(building, address)
        member = await post(phone, "/v1/api/auth/register/confirm", email=address, code=code)
        assert member["user"] == {"id": before["id"], "kind": "member", "new": False}
        async with Phone(building.address, building.authority) as second:
            await second.sign_in()
            await post(second, "/v1/api/auth/member", email=address, password=PASSWORD)
            again = await second.sign_in()
            assert (again["user"]["id"], again["user"]["kind"]) == (before["id"], "member")
            gallery = await second.call("GET", "/v1/api/pictures")
            assert [found["id"] for found in gallery["items"]] == [picture["id"]]
        written = "".join(log.read_text(errors="replace") for log in (building.data_dir / "logs").iterdir())
        assert "/v1/api/auth/member" in written
        assert PASSWORD not in written
        assert address not in written
