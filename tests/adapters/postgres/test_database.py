"""What the pool relies on: connections come back as they were lent, since nobody resets them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tatemono.adapters import postgres
from tatemono.adapters.postgres.database import Database

_SESSION_STATE = re.compile(
    r"\bset\s+(session|local|role|time)\b|\bset_config\b|\bpg_(try_)?advisory|\bcreate\s+temp|\bprepare\s|\bdeclare\s",
    re.IGNORECASE,
)
_MAY = {
    "migrate.py": "its advisory lock is on a connection of its own, which is closed",
}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="a-service", max_connections=1) as database:
        yield database


class TestDatabase:
    def test_has_no_statement_that_leaves_anything_on_a_connection(self) -> None:
        folder = Path(postgres.__file__).parent
        found = {
            file.name
            for file in folder.glob("*.py")
            if file.name not in _MAY and _SESSION_STATE.search(file.read_text(encoding="utf-8"))
        }
        assert found == set()

    async def test_tells_postgresql_the_name_of_the_service(self, db: Database) -> None:
        assert "a-service" in await db.queries.services_connected()

    async def test_rolls_back_what_raises(self, db: Database) -> None:
        async def fails() -> None:
            async with db.transaction() as tx:
                await tx.outbox._executor.execute("insert into outbox (queue, body) values ('image-jobs', 'x')")
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await fails()
        assert await db.outbox.seconds_until_due() is None

    async def test_gives_a_connection_back_after_a_failed_statement(self, db: Database) -> None:
        for _ in range(3):
            with pytest.raises(Exception, match="division by zero"):
                await db._pool.fetchval("select 1 / 0")
        assert await db._pool.fetchval("select 1") == 1
