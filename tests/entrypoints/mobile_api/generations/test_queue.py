"""How phones notice that operators control the queue."""

import asyncio
import secrets

from phone import Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.usecases.ports import QUEUE_CHANNEL

pytest_plugins = ["mobile_api"]


async def ask(phone: Phone) -> tuple[int, str, str]:
    answer = await phone.client.post(
        "/v1/api/generations", json={"prompt": "a fox"}, headers={"idempotency-key": secrets.token_hex(8)}
    )
    return answer.status_code, answer.headers.get("retry-after", ""), answer.json().get("code", "")


async def until(phone: Phone, status: int) -> tuple[int, str, str]:
    """Ask until the answer has this status."""
    async with asyncio.timeout(10):
        while True:
            answer = await ask(phone)
            if answer[0] == status:
                return answer
            await asyncio.sleep(0.02)


async def test_a_draining_queue_takes_nothing_on_and_keeps_what_it_has(
    phone: Phone, backend: MobileApiBackend, database_url: str
) -> None:
    waiting = await phone.ask()
    owner = await type(backend.db).connect(database_url, service="test")
    async with owner:
        await owner.queue.drain("hanako@example.jp", "A new painter comes")
        owner.notifier.notify(QUEUE_CHANNEL)
        assert await until(phone, 503) == (503, "60", "queue_draining")
        kept = (await phone.client.get(f"/v1/api/generations/{waiting['id']}")).json()
        assert (kept["state"], kept["position"], kept["waiting"]) == ("queued", 1, None)
        await owner.queue.fill()
        owner.notifier.notify(QUEUE_CHANNEL)
        await until(phone, 201)
