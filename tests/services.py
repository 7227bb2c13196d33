"""The test's database as each service of the pipeline sees it."""

from collections.abc import AsyncIterator, Callable

import pytest

from tatemono.adapters.postgres.database import Database


@pytest.fixture
async def api(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("mobile-api"), service="mobile-api") as db:
        yield db


@pytest.fixture
async def worker(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("image-worker"), service="image-worker") as db:
        yield db


@pytest.fixture
async def relay(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("outbox-relay"), service="outbox-relay") as db:
        yield db


@pytest.fixture
async def admin(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("admin-api"), service="admin-api") as db:
        yield db
