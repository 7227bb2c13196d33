"""The laptop's own phone, at a real mobile API: it stays signed in as time goes by."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE
from typing import Any

import httpx2
import pytest

from phone import ORIGIN, PUBLIC_URL, Clock
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono_tools.laptop.demo.device_key import DeviceKey
from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused

pytest_plugins = ["mobile_api"]


class FrontDoor(httpx2.ASGITransport):
    """The API behind what the front door adds.

    :ivar seen: paths that were asked for
    """

    def __init__(self, edge: HttpEdge) -> None:
        super().__init__(edge, raise_app_exceptions=False)
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request.url.path.removeprefix("/v1/api/"))
        request.headers.update(ORIGIN)
        return await super().handle_async_request(request)


@dataclass
class PhoneClock:
    """A phone's clock, which is off by so many seconds."""

    true: Clock
    off: float = 0

    def __call__(self) -> float:
        return self.true() + self.off


@pytest.fixture
def door(edge: HttpEdge) -> FrontDoor:
    return FrontDoor(edge)


@pytest.fixture
def phone_clock(clock: Clock) -> PhoneClock:
    return PhoneClock(clock)


@pytest.fixture
async def laptop_phone(door: FrontDoor, phone_clock: PhoneClock) -> AsyncIterator[Phone]:
    async with Phone(PUBLIC_URL, None, clock=phone_clock, transport=door) as phone:
        yield phone


class TestPhone:
    async def test_stays_the_same_user_for_hours(self, laptop_phone: Phone, clock: Clock, door: FrontDoor) -> None:
        user = (await laptop_phone.sign_in())["user"]["id"]
        for _ in range(5):
            clock.now += 3500
            assert (await laptop_phone.call("GET", "/v1/api/me"))["id"] == user
        assert door.seen == ["auth/device", *["auth/refresh", "me"] * 5]

    async def test_renews_once_for_many_requests_at_a_time(
        self, laptop_phone: Phone, clock: Clock, door: FrontDoor
    ) -> None:
        await laptop_phone.sign_in()
        clock.now += 3500
        await asyncio.gather(*(laptop_phone.call("GET", "/v1/api/me") for _ in range(10)))
        assert door.seen.count("auth/refresh") == 1

    async def test_gets_a_nonce_when_its_clock_is_off(
        self, laptop_phone: Phone, phone_clock: PhoneClock, clock: Clock, door: FrontDoor
    ) -> None:
        phone_clock.off = -7200
        user = (await laptop_phone.sign_in())["user"]["id"]
        assert door.seen == ["auth/device"] * 2
        clock.now += 3500  # The nonce is too old by then, and another is asked for.
        assert (await laptop_phone.call("GET", "/v1/api/me"))["id"] == user
        assert door.seen[2:] == ["auth/refresh", "auth/refresh", "me"]

    async def test_signs_in_anew_when_its_session_is_over(
        self, laptop_phone: Phone, clock: Clock, door: FrontDoor
    ) -> None:
        user = (await laptop_phone.sign_in())["user"]["id"]
        await laptop_phone.call("POST", "/v1/api/auth/sign-out")
        clock.now += 3500
        assert (await laptop_phone.call("GET", "/v1/api/me"))["id"] == user
        assert door.seen[-3:] == ["auth/refresh", "auth/device", "me"]

    async def test_says_what_was_refused(self, laptop_phone: Phone) -> None:
        await laptop_phone.sign_in()
        with pytest.raises(PhoneRefused) as refused:
            await laptop_phone.submit(prompt="")
        assert (refused.value.status, refused.value.problem["code"]) == (422, "validation_failed")

    async def test_is_the_same_device_when_it_is_kept(self, door: FrontDoor, clock: Clock, tmp_path: Path) -> None:
        file = tmp_path / "phone.json"
        users: set[Any] = set()
        kept = [Phone.kept(file, PUBLIC_URL, None) for _ in range(2)]
        for phone in kept:
            async with Phone(
                PUBLIC_URL, None, identifier=phone.identifier, key=phone.key, clock=clock, transport=door
            ) as opened:
                users.add((await opened.sign_in())["user"]["id"])
            async with phone:
                pass
        assert len(users) == 1
        assert S_IMODE(file.stat().st_mode) == 0o600


class TestDeviceKey:
    def test_is_the_same_when_it_is_read_again(self) -> None:
        key = DeviceKey()
        assert DeviceKey.read(key.private_jwk).private_jwk == key.private_jwk

    @pytest.mark.parametrize("make", [DeviceKey, lambda: DeviceKey.read(DeviceKey().private_jwk)])
    def test_shows_no_private_half_in_a_proof(self, make: Callable[[], DeviceKey]) -> None:
        key = make()
        assert key.private_jwk["d"] not in key.proof("POST", PUBLIC_URL, at=0)
