"""An admin API within the test's process, on the test's own database, with a user pool whose tokens the test makes."""

from collections.abc import AsyncIterator, Callable

import pytest

from operators import ADDRESSES, CLIENT_ID, ISSUER, Desk, PublishingPool, publishing_pool
from tatemono.bootstrap.admin_api import AdminApiBackend, admin_api
from tatemono.entrypoints.admin_api.app import create_app
from tatemono.settings import AdminApiSettings


@pytest.fixture
async def operators_pool() -> AsyncIterator[PublishingPool]:
    async with publishing_pool() as running:
        yield running


@pytest.fixture
async def admin_backend(
    service_database_url: Callable[[str], str], operators_pool: PublishingPool
) -> AsyncIterator[AdminApiBackend]:
    settings = AdminApiSettings.model_validate(
        {
            "service_name": "admin-api",
            "database_url": service_database_url("admin-api"),
            "port": 1,
            "origin_verify": "first",
            "allowed_addresses": ADDRESSES,
            "operators_issuer": ISSUER,
            "operators_client_id": CLIENT_ID,
            "operators_jwks_url": operators_pool.url,
            "pictures_bucket": "nobody needs it",
            "uploads_bucket": "nobody needs it",
            "uploads_url": "https://uploads.example.jp/",
        }
    )
    async with admin_api(settings) as opened:
        yield opened


@pytest.fixture
def desk(admin_backend: AdminApiBackend, operators_pool: PublishingPool) -> Desk:
    return Desk(create_app(admin_backend), operators_pool)
