"""Submissions, claims and ends that share a statement come to just what they would come to one after the other."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import COST, FOX, PRICES, TERMS, USAGE, guest, kept, submit_openly, submitted
from tatemono.adapters.batching import Batcher
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.generations.generations import Generations, Success
from tatemono.adapters.postgres.generations.submissions import Submission
from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.budgets import BUDGET_SHARDS
from tatemono.domain.generations.generation import NoSuchStyle, OutOfCredits, PictureRequest, State, Submitted

pytest_plugins = ["services"]

LEASE = timedelta(minutes=1)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


_SOMEBODY_WAITS = """
select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""


def _key_of_shard(user_id: UUID, shard: int) -> str:
    """A key under which the user's request looks at that row of the budget."""
    keys = (str(number) for number in itertools.count())
    return next(key for key in keys if Submission(user_id, FOX, key, COST).shards[0] == shard)


async def taken(db: Database, count: int) -> list[Claim]:
    """As many callers at the same moment."""
    claims = await asyncio.gather(*(db.generations.claim(lease=LEASE, max_running=4, model="m") for _ in range(count)))
    return [claim for claim in claims if claim is not None]


#: Of each person: the priority of what waits, how much, how much runs, how long ago their turn was, and what is lost.
PEOPLE = st.lists(
    st.tuples(
        st.sampled_from([-1, 0, 1]), st.integers(0, 6), st.integers(0, 5), st.integers(1, 1000), st.integers(0, 2)
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda person: person[3],
)
_ARRANGE = """
with person as (insert into users default values returning id), waiting as (
    insert into generations (user_id, prompt, size, quality, output_format, background, n, price, fingerprint, priority)
    select id, 'A fox', '1024x1024', 'low', 'png', 'auto', 1, 2, '', $1 from person, generate_series(1, $2::int)
), lost as (
    insert into generations (user_id, prompt, size, quality, output_format, background, n, price, fingerprint, state,
        fence, lease_expires_at)
    select id, 'A fox', '1024x1024', 'low', 'png', 'auto', 1, 2, '', 'running', 1, now() - random() * interval '1 hour'
    from person, generate_series(1, $5::int)
)
insert into accounts (user_id, held, queued, running, queued_high, queued_low, last_claimed_at)
select id, 100, $2, $3::int + $5::int, case when $1 = 1 then $2 else 0 end, case when $1 = -1 then $2 else 0 end,
    now() - $4::int * interval '1 second' from person
"""


#: Of each person: credits, how many wait, what is spent of today's budget in prices, and whether today is its day.
APPLICANTS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 3), st.integers(0, 4), st.booleans()), min_size=2, max_size=8
)
_APPLY = """
with person as (insert into users default values returning id), account as (
    insert into accounts (user_id, available, held, queued, day, day_micros)
    select id, $1::int, 0, $2, (now() at time zone 'Asia/Tokyo')::date - case when $4 then 0 else 1 end, $3 from person
)
select id from person
"""
_BOOKS = """
select user_id::text, available, held, queued, day, day_micros from accounts union all
select user_id::text, sum(credits), count(generation_id), 0, null, count(*) from credit_transfers group by user_id
union all select 'outbox', count(*), 0, 0, null, 0 from outbox union all
select prompt || style || n || seed || negative_prompt || idempotency_key, price, expected_micros, reserved_micros,
    budget_day, 0 from generations union all
select 'budget', 0, 0, 0, day, sum(used_micros) from budget_shards group by day order by 1, 2, 3, 4, 5, 6
"""
TODAYS_TERMS = replace(TERMS, daily_credits=10, max_waiting=3, user_day_micros=4 * COST.reserved)
SONG = PictureRequest(prompt="A song", style="watercolor", n=2, seed=7, negative_prompt="rain")


class TestSubmitTogether:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(people=APPLICANTS)
    async def test_comes_to_what_each_alone_comes_to(
        self, api: Database, database_url: str, people: list[tuple[int, int, int, bool]]
    ) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            async with _undone(connection):
                generations = Generations(connection)
                await generations.open_day(await connection.fetchval("select (now() at time zone 'Asia/Tokyo')::date"))
                applications = []
                for available, waiting, spent, today in people:
                    values = (available, waiting, spent * COST.reserved, today)
                    user_id = await connection.fetchval(_APPLY, *values)
                    applications.append(Submission(user_id, SONG if today else FOX, str(user_id), COST))
                async with _undone(connection):
                    alone = {one.user_id for one in applications if (await _submit(generations, one)).generation}
                    books = await connection.fetch(_BOOKS)
                async with _undone(connection):
                    together = await generations.submit_together(applications, TODAYS_TERMS)
                    assert together.keys() == alone
                    assert await connection.fetch(_BOOKS) == books
                    for submission in applications:
                        if submission.user_id in together:
                            repeated = await _submit(generations, submission)
                            assert repeated == replace(
                                together[submission.user_id], new=False, account=repeated.account
                            )
        finally:
            await connection.close()

    async def test_overruns_no_budget(self, api: Database, owner: Any) -> None:
        await api.generations.open_day(await owner.fetchval("select (now() at time zone 'Asia/Tokyo')::date"))
        people = [Submission(await guest(api), FOX, "k", COST) for _ in range(3)]
        tight = replace(TERMS, environment_day_micros=(3 * COST.reserved - 1) * BUDGET_SHARDS)
        assert await api.generations.submit_together(people, tight) == {}
        assert len(await api.generations.submit_together(people[:2], tight)) == 2
        assert await owner.fetchval("select max(used_micros) from budget_shards") == 2 * COST.reserved

    async def test_tells_each_what_became_of_it(self, api: Database, owner: Any) -> None:
        rich, poor, odd, again = [await guest(api, credits=count) for count in (500, 3, 500, 500)]
        earlier = await submitted(api, again, key="k")
        asked = dict.fromkeys((rich, poor, again), FOX) | {odd: replace(FOX, style="cubism")}
        found = await asyncio.gather(
            *(
                submit_openly(api, PRICES, user_id=user_id, request=request, idempotency_key="k")
                for user_id, request in [*asked.items(), (rich, FOX)]
            ),
            return_exceptions=True,
        )
        new, refused, repeated, unknown, same = found
        assert not isinstance(new, BaseException)
        assert not isinstance(same, BaseException)
        assert (new.repeated, same.repeated, same.generation.id) == (False, True, new.generation.id)
        assert isinstance(refused, OutOfCredits)
        assert isinstance(unknown, NoSuchStyle)
        assert not isinstance(repeated, BaseException)
        assert repeated.repeated
        assert repeated.generation.id == earlier.id
        assert await owner.fetchval("select count(*) from outbox") == 2

    async def test_keeps_nobody_waiting_for_an_account_that_is_locked(self, api: Database, owner: Any) -> None:
        people = [await guest(api) for _ in range(4)]
        await submitted(api, people[0])
        async with owner.transaction():
            await owner.execute("select from accounts where user_id = $1 for update", people[0])
            waiting = asyncio.create_task(submitted(api, people[0], key=_key_of_shard(people[0], 7)))
            async with asyncio.timeout(10):
                while not await api._pool.fetchval(_SOMEBODY_WAITS):  # noqa: ASYNC110 - PostgreSQL has no event
                    await asyncio.sleep(0.01)
            # They look at the same row of the budget: whoever waits for an account must not hold it.
            asking = [submitted(api, user_id, key=_key_of_shard(user_id, 7)) for user_id in people[1:]]
            await asyncio.wait_for(asyncio.gather(*asking), 10)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 10)


class TestClaimTogether:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(people=PEOPLE, most=st.integers(1, 12))
    async def test_takes_what_as_many_claims_take(
        self, worker: Database, database_url: str, people: list[tuple[int, ...]], most: int
    ) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            async with _undone(connection):
                for person in people:
                    await connection.execute(_ARRANGE, *person)
                generations = Generations(connection)
                one_by_one: list[Claim | None] = []
                async with _undone(connection):
                    for _ in range(most):
                        claim = await generations.claim(lease=LEASE, max_running=4, model="m")
                        one_by_one.append(claim)
                    turns = await _turns(connection)
                async with _undone(connection):
                    together = await generations.claim_together(most, lease=LEASE, max_running=4, model="m")
                    assert await _turns(connection) == turns
                expected = {claim.generation.id: claim.fence for claim in one_by_one if claim is not None}
                assert {claim.generation.id: claim.fence for claim in together} == expected
        finally:
            await connection.close()

    async def test_gives_no_job_to_two(self, api: Database, worker: Database) -> None:
        people = [await guest(api) for _ in range(5)]
        asked = {(await submitted(api, user_id)).id for user_id in people for _ in range(3)}
        claims = [claim for _ in range(3) for claim in await taken(worker, 10)]
        assert len(claims) == 15
        assert {claim.generation.id for claim in claims} == asked
        assert await worker._pool.fetchval("select count(*) from attempts") == 15

    async def test_keeps_the_bound_of_a_person(self, api: Database, worker: Database) -> None:
        user_id = await guest(api)
        for _ in range(9):
            await submitted(api, user_id)
        assert len(await taken(worker, 9)) == 4
        assert await taken(worker, 9) == []


class TestSucceedTogether:
    async def test_keeps_to_each_job_its_outcome(self, api: Database, worker: Database) -> None:
        for _ in range(2):
            user_id = await guest(api, credits=100)
            for _ in range(2):
                await submitted(api, user_id)
        claims = await taken(worker, 4)
        await worker._pool.execute("update generations set fence = fence + 1 where id = $1", claims[0].generation.id)
        outcomes = await asyncio.gather(
            *(worker.generations.succeed(claim, [kept(claim)], USAGE, "id") for claim in claims)
        )
        assert outcomes == [False, True, True, True]
        states = dict(await worker._pool.fetch("select id, state::text from generations"))
        assert states.pop(claims[0].generation.id) == State.RUNNING
        assert set(states.values()) == {State.SUCCEEDED}
        assert await worker._pool.fetchval("select count(*) from pictures") == 3
        sums = await worker._pool.fetchrow("select sum(held), sum(spent), sum(running) from accounts")
        assert tuple(sums) == (FOX.price, 3 * FOX.price, 1)
        kinds = await worker._pool.fetch("select kind::text, count(*) from generation_events group by 1 order by 1")
        assert [tuple(row) for row in kinds] == [("done", 3), ("started", 4)]

    async def test_lets_nobody_pay_for_one_that_cannot_be_written(self, api: Database, worker: Database) -> None:
        for _ in range(3):
            await submitted(api, await guest(api))
        first, second, third = await taken(worker, 3)
        # Its picture has the key of another's.
        outcomes = await asyncio.gather(
            worker.generations.succeed(first, [kept(first)], USAGE, None),
            worker.generations.succeed(second, [kept(first)], USAGE, None),
            worker.generations.succeed(third, [kept(third)], USAGE, None),
            return_exceptions=True,
        )
        assert outcomes[0] is True
        assert isinstance(outcomes[1], asyncpg.UniqueViolationError)
        assert outcomes[2] is True
        held = await worker._pool.fetch("select id from generations where state = 'running'")
        assert [row[0] for row in held] == [second.generation.id]

    async def test_of_two_workers_never_wait_for_each_other(self, api: Database, worker: Database) -> None:
        """Both settle for the same people in opposite orders, while leases are renewed: no deadlock."""
        people = [await guest(api, credits=1000) for _ in range(8)]
        for _ in range(10):
            for user_id in people:
                for _ in range(2):
                    await submitted(api, user_id)
            claims = await taken(worker, 16)
            assert len(claims) == 16
            halves: dict[UUID, list[Claim]] = {}
            for claim in claims:
                halves.setdefault(claim.generation.user_id, []).append(claim)
            mine = [pair[0] for pair in halves.values()]
            theirs = [pair[1] for pair in halves.values()][::-1]
            results: Any = await asyncio.gather(
                worker.generations.extend_leases(claims, lease=LEASE),
                worker.generations.succeed_together([Success(claim, [kept(claim)], USAGE, None) for claim in mine]),
                worker.generations.extend_leases(claims[::-1], lease=LEASE),
                worker.generations.succeed_together([Success(claim, [kept(claim)], USAGE, None) for claim in theirs]),
            )
            assert len(results[1]) == len(results[3]) == 8


async def _submit(generations: Generations, submission: Submission) -> Submitted:
    key, cost = submission.idempotency_key, submission.cost
    return await generations.submit(
        submission.user_id, submission.request, idempotency_key=key, cost=cost, terms=TODAYS_TERMS
    )


class TestGathered:
    async def test_makes_one_call_of_a_burst_and_gathers_while_it_is_under_way(self) -> None:
        calls: list[list[int]] = []
        go_on = asyncio.Event()

        async def together(items: Any) -> list[int]:
            calls.append(list(items))
            await go_on.wait()
            return [item * 10 for item in items]

        gathered: Batcher[int, int] = Batcher(together, most=4, at_a_time=1)
        first = [asyncio.create_task(gathered(item)) for item in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        later = [asyncio.create_task(gathered(item)) for item in range(3, 9)]
        await asyncio.sleep(0)
        later[0].cancel()
        go_on.set()
        results = await asyncio.gather(*first, *later, return_exceptions=True)
        assert calls == [[0, 1, 2], [4, 5, 6], [7, 8]]
        assert results[:3] == [0, 10, 20]
        assert isinstance(results[3], asyncio.CancelledError)
        assert results[4:] == [40, 50, 60, 70, 80]

    async def test_tells_all_callers_what_went_wrong_and_goes_on(self) -> None:
        async def together(items: Any) -> list[int]:
            if 1 in items:
                raise ConnectionError
            return list(items)

        gathered: Batcher[int, int] = Batcher(together)
        results = await asyncio.gather(gathered(1), gathered(2), return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionError, ConnectionError]
        assert await gathered(3) == 3


class _undone:  # noqa: N801 - it reads as a word
    """What the block does is rolled back; it may stand within another."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *_: object) -> None:
        await self._transaction.rollback()


async def _turns(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """The accounts in the order of their next turns, with what they have waiting and running."""
    rows = await connection.fetch(
        "select user_id, queued, running, queued_high, queued_low from accounts order by last_claimed_at, user_id"
    )
    return [tuple(row) for row in rows]
