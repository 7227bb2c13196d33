"""What an account can pay for stands in the domain and in two statements: they agree on both sides of every bound."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import asyncpg
import pytest

from factories import COST, FOX, TERMS
from tatemono.adapters.postgres.generations.generations import Generations
from tatemono.adapters.postgres.generations.submissions import Submission
from tatemono.domain.errors import Refusal
from tatemono.domain.generations.budgets import BUDGET_SHARDS, ServiceBudgetReached, Terms, UserBudgetReached
from tatemono.domain.generations.generation import OutOfCredits, TooManyWaiting, rejection_reason

PRICE, RESERVED = FOX.price, COST.reserved
#: How many days ago the account was used last; none: never.
DAYS = (0, 1, None)
CREDITS = (PRICE - 1, PRICE)
#: What the account is filled up to on each day.
ALLOWANCES = (0, PRICE - 1, PRICE)
#: Spent on the account's day, and what may be spent.
MONEY = ((RESERVED, 2 * RESERVED), (RESERVED + 1, 2 * RESERVED), (0, RESERVED), (0, RESERVED - 1))
WAITING = (TERMS.max_waiting - 1, TERMS.max_waiting)
#: What each row of the environment's budget may come to.
ROOM = (RESERVED, RESERVED - 1)

_ARRANGE = """
with person as (insert into users default values returning id)
insert into accounts (user_id, available, held, queued, day, day_micros)
select id, $1::int, 0, $2, (now() at time zone 'Asia/Tokyo')::date - $3::int, $4 from person returning user_id
"""
_TODAY = "select (now() at time zone 'Asia/Tokyo')::date"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def _undone(connection: Any) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


class TestAffordability:
    async def test_is_the_same_in_the_domain_and_in_both_statements(self, connection: Any) -> None:
        found: set[type[Refusal | None]] = set()
        async with _undone(connection):
            await Generations(connection).open_day(await connection.fetchval(_TODAY))
            for day, available, allowance, (spent, limit), waiting, room in product(
                DAYS, CREDITS, ALLOWANCES, MONEY, WAITING, ROOM
            ):
                terms = replace(
                    TERMS,
                    daily_credits=allowance,
                    user_day_micros=limit,
                    environment_day_micros=room * BUDGET_SHARDS,
                )
                async with _undone(connection):
                    user_id = await connection.fetchval(_ARRANGE, available, waiting, day, spent)
                    reason, alone, together = await _answers(connection, Submission(user_id, FOX, "key", COST), terms)
                row = f"{day=} {available=} {allowance=} {spent=} {limit=} {waiting=} {room=}: {reason!r}"
                assert (alone, together) == (reason is None, reason is None), row
                found.add(type(reason))
        # Each bound decided somewhere.
        assert found == {type(None), OutOfCredits, UserBudgetReached, ServiceBudgetReached, TooManyWaiting}


async def _answers(connection: Any, submission: Submission, terms: Terms) -> tuple[Refusal | None, bool, bool]:
    """The domain's reason against it, and whether each statement accepts it."""
    generations = Generations(connection)
    account = await generations.account(submission.user_id, terms)
    assert account is not None
    reason = rejection_reason(account, submission.request, submission.cost.reserved, terms)
    async with _undone(connection):
        together = submission.user_id in await generations.submit_together([submission], terms)
    async with _undone(connection):
        alone = await generations.submit(
            submission.user_id,
            submission.request,
            idempotency_key=submission.idempotency_key,
            cost=submission.cost,
            terms=terms,
        )
    return reason, alone.generation is not None, together
