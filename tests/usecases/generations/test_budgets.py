"""Whatever happens at once, no budget is overrun, no allowance given twice, and the ledger sums to zero."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from factories import COST, FOX, PRICES, TERMS, TODAY, USAGE, guest, kept, submit_openly
from tatemono.adapters.postgres.database import Database
from tatemono.domain.errors import Refusal
from tatemono.domain.generations.attempts import CANCELLED, MAX_ATTEMPTS, Claim, GiveUp, Outcome
from tatemono.domain.generations.budgets import (
    BUDGET_SHARDS,
    MICROS_PER_DOLLAR,
    ServiceBudgetReached,
    UserBudgetReached,
    shards_for,
)
from tatemono.domain.generations.generation import OutOfCredits, PictureRequest, Quality, State
from tatemono.domain.generations.painting import Failure
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.generations.quote_generation import quote_generation

LEASE = timedelta(seconds=60)
GONE = timedelta(seconds=-1)
LOW = PictureRequest(prompt="A fox", quality=Quality.LOW)
LOW_RESERVED = PRICES.model.cost(LOW, TODAY).reserved


@dataclass
class Services:
    api: Database
    worker: Database
    owner: Any

    async def ask(self, user_id: UUID, prices: PriceList, request: PictureRequest = LOW) -> Refusal | None:
        """Ask for pictures. :returns: the refusal, if it was one"""
        try:
            key = secrets.token_hex(8)
            await submit_openly(self.api, prices, user_id=user_id, request=request, idempotency_key=key)
        except Refusal as refusal:
            return refusal
        return None

    async def claim(self, lease: timedelta = LEASE) -> Claim | None:
        return await self.worker.generations.claim(lease=lease, max_running=4, model="gpt-image-2")

    async def used(self) -> int:
        """What stands in the environment's budget, returns not folded yet taken off."""
        used: int = await self.owner.fetchval("""
            select (select coalesce(sum(used_micros), 0) from budget_shards)
                - (select coalesce(sum(micros), 0) from budget_returns)""")
        return used

    async def spent(self) -> int:
        """What attempts cost and may have cost, and what is still set aside."""
        spent: int = await self.owner.fetchval("""
            select coalesce(sum(case when g.state in ('queued', 'running') then g.reserved_micros else (
                select coalesce(sum(a.cost_micros + a.possible_micros), 0) from attempts a where a.generation_id = g.id)
            end), 0) from generations g""")
        return spent

    async def check(self, prices: PriceList, welcome: int) -> None:
        """What must hold at every moment when nothing is under way."""
        terms = prices.terms
        assert await self.used() == await self.spent() <= terms.environment_day_micros
        for row in await self.owner.fetch("""
            select a.*, coalesce(sum(t.credits) filter (where t.out_of = 'issued'), 0) as issued,
                count(t.id) filter (where t.out_of = 'issued') as times,
                coalesce(sum(case when t.into_pot = 'available' then t.credits when t.out_of = 'available'
                    then -t.credits end), 0) as sum_available,
                coalesce(sum(case when t.into_pot = 'held' then t.credits when t.out_of = 'held'
                    then -t.credits end), 0) as sum_held,
                coalesce(sum(case when t.into_pot = 'spent' then t.credits end), 0) as sum_spent
            from accounts a left join credit_transfers t on t.user_id = a.user_id group by a.user_id"""):
            assert 0 <= row["day_micros"] <= terms.user_day_micros
            # Each pot is what its transfers make it, so all pots together sum to zero.
            pots = (row["available"], row["held"], row["spent"])
            assert pots == (row["sum_available"], row["sum_held"], row["sum_spent"])
            assert row["issued"] == sum(pots)
            # The welcome, and one allowance at most: it is one day.
            assert row["times"] <= 2
            assert row["issued"] <= max(welcome, terms.daily_credits)
        wrong = await self.owner.fetchval(
            "select count(*) from budget_shards where used_micros > $1", terms.shard_micros
        )
        assert wrong == 0


@pytest.fixture
async def services(database_url: str, service_database_url: Callable[[str], str]) -> AsyncIterator[Services]:
    owner = await asyncpg.connect(database_url)
    async with (
        await Database.connect(service_database_url("mobile-api"), service="mobile-api") as api,
        await Database.connect(service_database_url("image-worker"), service="image-worker") as worker,
    ):
        yield Services(api, worker, owner)
    await owner.close()


def held_to(**terms: Any) -> PriceList:
    return replace(PRICES, terms=replace(TERMS, **terms))


class TestBudgets:
    async def test_of_a_user_are_kept_when_many_requests_come_at_once(self, services: Services) -> None:
        user_id = await guest(services.api)
        prices = held_to(user_day_micros=3 * LOW_RESERVED + 1)
        refusals = await asyncio.gather(*(services.ask(user_id, prices) for _ in range(10)))
        assert [type(refusal) for refusal in refusals if refusal] == [UserBudgetReached] * 7
        await services.check(prices, 500)

    async def test_of_the_environment_are_kept_when_many_people_come_at_once(self, services: Services) -> None:
        people = [await guest(services.api) for _ in range(8)]
        # Each row has room for one.
        prices = held_to(environment_day_micros=BUDGET_SHARDS * LOW_RESERVED)
        refusals = await asyncio.gather(*(services.ask(people[turn % 8], prices) for turn in range(2 * BUDGET_SHARDS)))
        assert sum(refusal is None for refusal in refusals) == BUDGET_SHARDS
        assert {type(refusal) for refusal in refusals if refusal} == {ServiceBudgetReached}
        await services.check(prices, 500)

    @pytest.mark.parametrize("quality", Quality)
    async def test_of_two_dollars_are_used_up_and_kept(self, services: Services, quality: Quality) -> None:
        people = [await guest(services.api) for _ in range(4)]
        request = PictureRequest(prompt="A fox", quality=quality)
        dollars = 2 * MICROS_PER_DOLLAR
        fit = dollars // PRICES.model.cost(request, TODAY).reserved
        prices = held_to(environment_day_micros=dollars, shards=shards_for(dollars))
        refusals = await asyncio.gather(*(services.ask(people[turn % 4], prices, request) for turn in range(fit + 8)))
        assert fit >= 3
        assert sum(refusal is None for refusal in refusals) == fit
        assert {type(refusal) for refusal in refusals if refusal} == {ServiceBudgetReached}
        quote = await quote_generation(services.api.generations, prices, user_id=people[0], request=request)
        assert quote.obstacle == "service_budget_reached"
        await services.check(prices, 500)

    async def test_are_given_back_what_was_not_spent(self, services: Services) -> None:
        user_id = await guest(services.api)
        assert await services.ask(user_id, PRICES, FOX) is None
        assert await services.used() == COST.reserved
        claim = await services.claim()
        assert claim is not None
        assert await services.worker.generations.succeed(claim, [kept(claim)], USAGE, None, cost_micros=31_740)
        assert await services.used() == 31_740
        assert await services.owner.fetchval("select day_micros from accounts") == 31_740
        attempt = await services.owner.fetchrow("select * from attempts")
        assert (attempt["expected_micros"], attempt["cost_micros"], attempt["possible_micros"]) == (
            COST.expected, 31_740, 0
        )  # fmt: skip
        while await services.worker.budgets.fold_returns(10):
            pass
        assert await services.owner.fetchval("select sum(used_micros) from budget_shards") == 31_740

    async def test_count_what_an_unknown_attempt_may_have_cost(self, services: Services) -> None:
        user_id = await guest(services.api)
        await services.ask(user_id, PRICES, FOX)
        assert await services.claim(GONE) is not None
        claim = await services.claim()
        assert claim is not None
        verdict = GiveUp(State.FAILED, "painter_busy")
        assert await services.worker.generations.give_up(claim, Outcome.FAILED, Failure.RATE_LIMITED, verdict, None)
        assert await services.used() == COST.expected
        me = await services.api.queries.me(user_id)
        assert me is not None
        assert (me.credits_available, me.credits_held) == (500, 0)

    async def test_begin_anew_each_day(self, services: Services) -> None:
        user_id = await guest(services.api)
        prices = held_to(user_day_micros=LOW_RESERVED)
        assert await services.ask(user_id, prices) is None
        assert isinstance(await services.ask(user_id, prices), UserBudgetReached)
        await services.owner.execute("update accounts set day = day - 1")
        assert await services.ask(user_id, prices) is None


class TestAllowance:
    async def test_fills_up_once_a_day(self, services: Services) -> None:
        user_id = await guest(services.api, credits=1)
        prices = held_to(daily_credits=5)
        quote = await quote_generation(services.api.generations, prices, user_id=user_id, request=LOW)
        assert (quote.price, quote.available, quote.free_credits, quote.obstacle) == (2, 1, 4, None)
        results = await asyncio.gather(*(services.ask(user_id, prices) for _ in range(4)))
        assert [type(refusal) for refusal in results if refusal] == [OutOfCredits] * 2
        await services.check(prices, 1)
        await services.owner.execute("update accounts set day = day - 1")
        assert await services.ask(user_id, prices) is None
        me = await services.api.queries.me(user_id)
        assert me is not None
        assert me.credits_available == 3

    async def test_adds_nothing_to_those_who_have_more(self, services: Services) -> None:
        user_id = await guest(services.api, credits=100)
        assert await services.ask(user_id, held_to(daily_credits=5)) is None
        me = await services.api.queries.me(user_id)
        assert me is not None
        assert me.credits_available == 98

    async def test_is_told_with_what_stands_in_the_way(self, services: Services) -> None:
        user_id = await guest(services.api, credits=1)
        quote = await quote_generation(services.api.generations, held_to(), user_id=user_id, request=LOW)
        assert quote.obstacle == "out_of_credits"
        quote = await quote_generation(
            services.api.generations, held_to(daily_credits=5, user_day_micros=1), user_id=user_id, request=LOW
        )
        assert quote.obstacle == "daily_budget_reached"


STEPS = st.lists(
    st.lists(
        st.sampled_from(["ask", "ask", "ask", "succeed", "fail", "unknown", "retry", "crash", "cancel", "fold"]),
        min_size=1,
        max_size=6,
    ),
    min_size=1,
    max_size=8,
)


class TestWhateverHappensAtOnce:
    @settings(
        max_examples=25,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps=STEPS)
    def test_keeps_to_budgets_and_allowances(self, house_of_steps: "Runner", steps: list[list[str]]) -> None:
        house_of_steps.run(steps)


class Runner:
    """Runs each example in a loop of its own: Hypothesis calls plain functions."""

    def __init__(self, api: str, worker: str, owner: str) -> None:
        self._urls = (api, worker, owner)

    def run(self, steps: list[list[str]]) -> None:
        asyncio.run(self._run(steps))

    async def _run(self, steps: list[list[str]]) -> None:
        owner = await asyncpg.connect(self._urls[2])
        await owner.execute("truncate users, budget_shards, budget_returns, outbox cascade")
        async with (
            await Database.connect(self._urls[0], service="mobile-api") as api,
            await Database.connect(self._urls[1], service="image-worker") as worker,
        ):
            services = Services(api, worker, owner)
            people = [await guest(api, credits=3) for _ in range(2)]
            prices = held_to(
                daily_credits=6,
                user_day_micros=5 * LOW_RESERVED,
                environment_day_micros=BUDGET_SHARDS * LOW_RESERVED,
            )
            for together in steps:
                await asyncio.gather(*(self._do(services, step, people, prices) for step in together))
                await services.check(prices, 3)
        await owner.close()

    async def _do(self, services: Services, step: str, people: list[UUID], prices: PriceList) -> None:
        if step == "ask":
            await services.ask(secrets.choice(people), prices)
        elif step == "fold":
            await services.worker.budgets.fold_returns(100)
        elif step == "cancel":
            rows = await services.api.queries._pool.fetch(
                "select id, user_id from generations where state = 'queued' limit 1"
            )
            for row in rows:
                await services.api.generations.cancel(row["user_id"], row["id"])
        elif step == "crash":
            await services.claim(GONE)
        elif claim := await services.claim():
            await self._end(services, step, claim)

    async def _end(self, services: Services, step: str, claim: Claim) -> None:
        generations = services.worker.generations
        if claim.attempt > MAX_ATTEMPTS:
            # As a worker does, without a call.
            await generations.give_up(claim, Outcome.FAILED, Failure.LEASE_LOST, CANCELLED, None)
        elif step == "succeed":
            await generations.succeed(claim, [kept(claim)], USAGE, None, cost_micros=9_000)
        elif step == "fail":
            await generations.give_up(claim, Outcome.FAILED, Failure.UNAVAILABLE, CANCELLED, None)
        elif step == "unknown":
            await generations.give_up(claim, Outcome.UNKNOWN, Failure.CUT_OFF, CANCELLED, None)
        else:
            await generations.retry(claim, Outcome.UNKNOWN, Failure.TIMED_OUT, timedelta(0), None)


@pytest.fixture
def house_of_steps(database_url: str, service_database_url: Callable[[str], str]) -> Runner:
    return Runner(service_database_url("mobile-api"), service_database_url("image-worker"), database_url)
