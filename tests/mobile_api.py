"""A mobile API within the test's process, on the test's own database; and a phone that talks to it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx2
import pytest

from phone import ORIGIN, PUBLIC_URL, Clock, Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend, mobile_api
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.app import create_app
from tatemono.settings import MobileApiSettings
from tatemono_tools.laptop.secret_values import private_key_pem, signing_keys
from tatemono_tools.plan.building import read_plan


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(service_database_url: Callable[[str], str]) -> MobileApiSettings:
    return MobileApiSettings.model_validate(
        {
            "service_name": "mobile-api",
            "database_url": service_database_url("mobile-api"),
            "port": 1,
            "origin_verify": "first, second",
            "token_signing_keys": signing_keys(),
            "refresh_rotation_key": "another key for tests",
            "device_identifier_key": "a key for tests",
            "picture_url_key": private_key_pem(),
            "picture_url_key_id": "KTEST",
            "public_url": PUBLIC_URL,
            "welcome_credits": 500,
            "transfer_code_key": "a third key for tests",
            "receipt_key": "a fourth key for tests",
            "limits": {name: [] for name in read_plan().limits},
            "members_pool_id": "nobody needs it",
            "members_client_id": "nobody needs it",
            "members_client_secret": "nobody needs it",
            "unsubscribe_key": "a fourth key for tests",
            "image_model": "gpt-image-2",
            "uploads_bucket": "nobody needs it",
            "uploads_url": f"{PUBLIC_URL}/uploads/",
            "daily_credits": 0,
            "user_day_budget_dollars": "1000",
            "environment_day_budget_dollars": "100000",
            "day_time_zone": "Asia/Tokyo",
        }
    )


@pytest.fixture
async def backend(settings: MobileApiSettings, clock: Clock) -> AsyncIterator[MobileApiBackend]:
    async with mobile_api(settings) as opened:
        yield replace(opened, now=clock)


@pytest.fixture
def edge(backend: MobileApiBackend) -> HttpEdge:
    return create_app(backend, heartbeat_seconds=0.2)


@pytest.fixture
async def new_phone(edge: HttpEdge, clock: Clock) -> AsyncIterator[Callable[[], Phone]]:
    """Makes phones that have not signed in."""
    clients: list[httpx2.AsyncClient] = []

    def make() -> Phone:
        transport = httpx2.ASGITransport(edge, raise_app_exceptions=False)
        clients.append(httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=ORIGIN))
        return Phone(clients[-1], clock)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def phone(new_phone: Callable[[], Phone]) -> Phone:
    signed_in = new_phone()
    await signed_in.sign_in()
    return signed_in
