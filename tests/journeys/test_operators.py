"""An operator is made on the command line, signs in, and looks after a person through the front door."""

import asyncio
import re
import secrets
import signal
import ssl
from asyncio.subprocess import DEVNULL, PIPE

import httpx2
import pytest

from journeys.conftest import RunningBuilding
from operators import code_now
from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused

pytestmark = pytest.mark.slow


async def run(building: RunningBuilding, *words: str, answers: list[str]) -> str:
    """A command that asks; `KEY` among the answers stands for the code to the key that the command has shown."""
    process = await asyncio.create_subprocess_exec(
        *building.command(*words), stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    shown = ""
    for answer in answers:
        if answer == "KEY":
            while not (key := re.search(r"Key: ([A-Z2-7]+)", shown)):
                line = await asyncio.wait_for(process.stdout.readline(), 30)
                assert line, shown
                shown += line.decode()
            answer = code_now(key[1])  # noqa: PLW2901 - it stands for the code
        process.stdin.write(f"{answer}\n".encode())
    rest, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, errors.decode()
    return shown + rest.decode()


class TestOperators:
    async def test_suspend_a_phone_that_is_signed_in(self, building: RunningBuilding, phone: Phone) -> None:
        email = f"{secrets.token_hex(4)}@example.jp"
        made = await run(building, "operator", "create", email, "--role", "admin", answers=["KEY"])
        key, password = re.findall(r"Key: (\S+)|this once: (\S+)", made)
        token = await run(building, "operator", "token", email, answers=[password[1], code_now(key[0])])
        me = await phone.call("GET", "/v1/api/me")
        person = f"/v1/api/admin/people/{me['id']}"
        trust = ssl.create_default_context(cafile=building.authority)
        # As `$(…)` takes it, which keeps a space in front.
        headers = {"authorization": f"Bearer {token.removesuffix(chr(10))}"}
        async with httpx2.AsyncClient(base_url=building.address, verify=trust, headers=headers) as operator:
            suspended = await operator.post(f"{person}/suspend", json={"reason": "A test"})
            assert suspended.status_code == 204, suspended.text
            assert await eventually_refused(phone) == "account_suspended"
            await operator.post(f"{person}/restore", json={"reason": "It is over"})
            audit = (await operator.get("/v1/api/admin/audit", params={"person_id": me["id"]})).json()["items"]
        assert [record["action"] for record in audit] == ["restore_person", "suspend_person"]
        assert {record["operator_email"] for record in audit} == {email}
        assert email in await run(building, "operator", "list", answers=[])

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
    async def test_are_not_left_half_made(self, building: RunningBuilding, number: signal.Signals) -> None:
        email = f"{secrets.token_hex(4)}@example.jp"
        process = await asyncio.create_subprocess_exec(
            *building.command("operator", "create", email, "--role", "admin"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while b"Key: " not in await process.stdout.readline():
                pass
            # The question follows the key.
            await asyncio.sleep(0.3)
            process.send_signal(number)
            # As uv passes on what the terminal has told already.
            process.send_signal(number)
            await process.communicate()
        assert process.returncode not in {0, -number}
        assert email not in await run(building, "operator", "list", answers=[])


async def eventually_refused(phone: Phone) -> str:
    async with asyncio.timeout(10):
        while True:
            try:
                await phone.call("GET", "/v1/api/me")
            except PhoneRefused as refused:
                return str(refused.problem["code"])
            await asyncio.sleep(0.05)
