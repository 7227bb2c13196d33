"""Mails, against PostgreSQL, as the roles of the services."""

from collections.abc import AsyncIterator, Callable

import pytest

from letters import mail_of
from tatemono.adapters.postgres.database import Database


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="test") as database:
        yield database


class TestPut:
    @pytest.mark.parametrize("role", ["mobile-api", "admin-api", "outbox-relay", "cognito-trigger"])
    async def test_writes_the_mail_and_its_ticket(
        self, role: str, db: Database, service_database_url: Callable[[str], str]
    ) -> None:
        mail = mail_of()
        async with await Database.connect(service_database_url(role), service=role) as own:
            assert await own.mails.put(mail)
        (row,) = await db._pool.fetch("select id, cause, kind, language, recipient, facts, state from mails")
        assert tuple(row)[1:] == (mail.cause, mail.kind, mail.language, mail.to, mail.facts, "waiting")
        assert await db._pool.fetch("select queue, body from outbox") == [("mail", str(row["id"]))]

    async def test_writes_one_for_each_cause(self, db: Database) -> None:
        first = mail_of()
        assert await db.mails.put(first)
        assert not await db.mails.put(mail_of(cause=first.cause))
        assert await db._pool.fetchval("select count(*) from mails") == 1
        assert await db._pool.fetchval("select count(*) from outbox") == 1

    async def test_writes_nothing_when_the_transaction_that_caused_it_fails(self, db: Database) -> None:
        async def fails() -> None:
            async with db.transaction() as tx:
                await tx.mails.put(mail_of())
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            await fails()
        assert await db._pool.fetchval("select count(*) from mails") == 0
        assert await db._pool.fetchval("select count(*) from outbox") == 0
