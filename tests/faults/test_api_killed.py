"""The mobile API killed while phones ask: nothing that was accepted is lost, and no key becomes two generations."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from api_processes import WallClock, running_api
from conftest import free_port
from faults.invariants import violations
from faults.runner import Report
from faults.scenarios import TIMES, Scenario, dependencies
from phone import Phone
from tatemono.settings import MobileApiSettings

pytest_plugins = ["mobile_api"]

_PHONES = 6
_KEYS_OF_EACH = 8
_KILLS = 4
_TIMES = min(TIMES, 25)
#: More, and somebody would have more requests waiting than the hundred that are allowed.
_TIMES_OF_A_PART = 100 // _KEYS_OF_EACH // _KILLS


class Asking:
    """Each phone asks with its keys again and again, until it has an answer to each; as an app does."""

    def __init__(self) -> None:
        #: By key, every answer that arrived.
        self.answers: dict[str, list[str]] = {}
        self.broken = 0

    async def all(self, phone: Phone, keys: Sequence[str]) -> None:
        await asyncio.gather(*(self._until_answered(phone, key) for key in keys))

    async def _until_answered(self, phone: Phone, key: str) -> None:
        for again in (False, True):
            answered = False
            while not answered:
                answered = await self._once(phone, key)
            if again:
                return

    async def _once(self, phone: Phone, key: str) -> bool:
        try:
            answer = await phone.client.post(
                "/v1/api/generations",
                json={"prompt": f"A fox {key}", "quality": "low"},
                headers={"idempotency-key": key},
            )
        except httpx2.TransportError:
            self.broken += 1
            await asyncio.sleep(0.05)
            return False
        if answer.status_code in {409, 503}:  # the first is in flight still; or its connection to the database is gone
            await asyncio.sleep(0.05)
            return False
        assert answer.status_code in {200, 201}, answer.text
        self.answers.setdefault(key, []).append(answer.json()["id"])
        return True


@pytest.mark.long
class TestMobileApi:
    @pytest.mark.parametrize(("seed", "times"), list(enumerate(dependencies(_TIMES, _TIMES_OF_A_PART), 1)))
    async def test_killed_while_phones_ask_loses_nothing_and_makes_nothing_twice(
        self, settings: MobileApiSettings, database_url: str, tmp_path: Path, seed: int, times: int
    ) -> None:
        chance, port, kills = random.Random(seed), free_port(), _KILLS * times  # noqa: S311 - reproducible, no secret
        headers, asking = {"x-origin-verify": "first"}, Asking()
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5)
                )
                for _ in range(_PHONES)
            ]
            async with running_api(settings, port, tmp_path / "log"):
                phones = [Phone(client, WallClock()) for client in clients]
                for phone in phones:
                    await phone.sign_in()
            asked = 0
            for _ in range(kills):
                keys = {id(phone): [secrets.token_hex(8) for _ in range(_KEYS_OF_EACH)] for phone in phones}
                asked += _PHONES * _KEYS_OF_EACH
                all_asked = asyncio.gather(*(asking.all(phone, keys[id(phone)]) for phone in phones))
                async with running_api(settings, port, tmp_path / "log") as process:
                    # From before the first is committed to after some were answered.
                    await asyncio.sleep(chance.uniform(0, 0.15))
                    process.kill()
                    await process.wait()
                async with running_api(settings, port, tmp_path / "log"):
                    await all_asked
        assert asking.broken > 0
        assert {key: len(set(ids)) for key, ids in asking.answers.items() if len(set(ids)) != 1} == {}
        await _hold(database_url, asking, asked)
        report = Report(Scenario(name="mobile API killed while phones ask", generations=asked))
        report.kills, report.states = {"in the middle of requests": kills}, {"accepted once": asked}
        report.keep()


async def _hold(database_url: str, asking: Asking, asked: int) -> None:
    async with _connected(database_url) as connection:
        rows = await connection.fetch("select id::text, idempotency_key from generations")
        assert {row["idempotency_key"]: row["id"] for row in rows} == {
            key: ids[0] for key, ids in asking.answers.items()
        }
        assert len(rows) == asked
        assert await connection.fetchval("select count(distinct body) from outbox where queue = 'image-jobs'") == asked
        found = await violations(connection, unknown_retries=1, keys=None, calls=None)
    # Nobody paints here: so all of them wait, each held exactly once.
    assert {each.split(" ", 1)[1] for each in found} == {"has not ended"}


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
