from collections.abc import AsyncIterator

import pytest

from tatemono.adapters.postgres.database import Database


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The test's own database, as its owner."""
    async with await Database.connect(database_url, service="test") as database:
        yield database
