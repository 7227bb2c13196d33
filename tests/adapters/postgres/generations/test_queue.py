"""Turns, positions and waiting times against real PostgreSQL."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from factories import USAGE, guest, kept, submitted
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.generations import claims_sql
from tatemono.domain.generations.attempts import Claim, Outcome
from tatemono.domain.generations.painting import Failure
from tatemono.domain.generations.queue import Pace, Priority, Waiting, estimate_waiting

LEASE = timedelta(seconds=60)

pytest_plugins = ["services"]


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def claim_order(worker: Database, count: int) -> list[UUID]:
    claims = [await worker.generations.claim(lease=LEASE, max_running=99, model="m") for _ in range(count)]
    return [claim.generation.id for claim in claims if claim]


async def assert_counts_agree(owner: Any) -> None:
    assert (
        await owner.fetch("""
        select a.user_id from accounts a left join generations g on g.user_id = a.user_id group by a.user_id
        having a.queued <> count(*) filter (where g.state = 'queued')
            or a.queued_high <> count(*) filter (where g.state = 'queued' and g.priority = 1)
            or a.queued_low <> count(*) filter (where g.state = 'queued' and g.priority = -1)
            or a.running <> count(*) filter (where g.state = 'running')""")
        == []
    )


class TestPriorities:
    async def test_come_one_after_another_and_go_round_within(
        self, api: Database, worker: Database, admin: Database, owner: Any
    ) -> None:
        people = [await guest(api) for _ in range(3)]
        waiting = {user: [await submitted(api, user) for _ in range(3)] for user in people}
        a, b, c = (waiting[user] for user in people)
        await admin.queue.reprioritise(Priority.HIGH, generation_id=c[2].id, user_id=None)
        await admin.queue.reprioritise(Priority.HIGH, generation_id=b[1].id, user_id=None)
        await admin.queue.reprioritise(Priority.LOW, generation_id=None, user_id=people[0])
        await assert_counts_agree(owner)
        order = await claim_order(worker, 9)
        assert set(order[:2]) == {c[2].id, b[1].id}
        assert set(order[2:6]) == {b[0].id, b[2].id, c[0].id, c[1].id}
        turns = ["b" if each in {g.id for g in b} else "c" for each in order[2:6]]
        assert turns in (["b", "c", "b", "c"], ["c", "b", "c", "b"])
        assert order[6:] == [each.id for each in a]
        await assert_counts_agree(owner)

    async def test_are_counted_through_retries_and_cancellations(
        self, api: Database, worker: Database, admin: Database, owner: Any
    ) -> None:
        user = await guest(api)
        high, low, _ = [await submitted(api, user) for _ in range(3)]
        await admin.queue.reprioritise(Priority.HIGH, generation_id=high.id, user_id=None)
        await admin.queue.reprioritise(Priority.LOW, generation_id=low.id, user_id=None)
        claim = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        assert claim.generation.id == high.id
        await assert_counts_agree(owner)
        await worker.generations.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(0), None)
        await assert_counts_agree(owner)
        for generation in (high, low):
            await api.generations.cancel(user, generation.id)
            await assert_counts_agree(owner)

    @pytest.mark.parametrize("priority", Priority)
    async def test_stay_with_a_job_that_is_tried_again(
        self, api: Database, worker: Database, admin: Database, owner: Any, priority: Priority
    ) -> None:
        user = await guest(api)
        generation = await submitted(api, user)
        await admin.queue.reprioritise(priority, generation_id=generation.id, user_id=None)
        for _ in range(2):
            claim = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
            assert claim is not None
            assert claim.generation.id == generation.id
            await assert_counts_agree(owner)
            await worker.generations.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(0), None)
            await assert_counts_agree(owner)

    async def test_put_a_low_job_that_is_tried_again_behind_the_others(
        self, api: Database, worker: Database, admin: Database
    ) -> None:
        patient = await guest(api)
        low = await submitted(api, patient)
        await admin.queue.reprioritise(Priority.LOW, generation_id=low.id, user_id=None)
        claim = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        await worker.generations.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(0), None)
        others = [await submitted(api, await guest(api)) for _ in range(2)]
        order = await claim_order(worker, 3)
        assert set(order[:2]) == {each.id for each in others}
        assert order[2:] == [low.id]

    async def test_are_shown_in_positions(self, api: Database, admin: Database) -> None:
        people = [await guest(api) for _ in range(2)]
        a = [await submitted(api, people[0]) for _ in range(3)]
        b = [await submitted(api, people[1]) for _ in range(2)]
        await admin.queue.reprioritise(Priority.HIGH, generation_id=a[2].id, user_id=None)
        await admin.queue.reprioritise(Priority.LOW, generation_id=b[1].id, user_id=None)
        places = await api.queries.positions([each.id for each in (*a, *b)])
        assert [places[each.id].position for each in (a[2], a[0], a[1], b[0], b[1])] == [1, 3, 4, 3, 5]


class TestCounts:
    async def test_are_nothing_of_an_empty_queue(self, admin: Database) -> None:
        assert await admin.queue.counts() == (0, 0, 0, 0, 0)

    async def test_tell_what_waits_what_runs_and_of_how_many_people(
        self, api: Database, worker: Database, admin: Database
    ) -> None:
        people = [await guest(api) for _ in range(4)]
        mine = [await submitted(api, people[0]) for _ in range(5)]
        for user in people[1:3]:
            await submitted(api, user)
        await admin.queue.reprioritise(Priority.HIGH, generation_id=mine[0].id, user_id=None)
        for generation in mine[1:3]:
            await admin.queue.reprioritise(Priority.LOW, generation_id=generation.id, user_id=None)
        assert await admin.queue.counts() == (7, 1, 2, 0, 3)
        await claim_order(worker, 3)
        assert await admin.queue.counts() == (4, 0, 2, 3, 1)


class TestPause:
    async def test_gives_out_nothing_not_even_what_lost_its_lease(
        self, api: Database, worker: Database, admin: Database
    ) -> None:
        user = await guest(api)
        await submitted(api, user)
        await worker.generations.claim(lease=timedelta(seconds=-1), max_running=4, model="m")
        await submitted(api, user)
        await admin.queue.pause("hanako@example.jp", "a test")
        assert await claim_order(worker, 3) == []
        assert await worker.generations.any_due(max_running=4)
        await admin.queue.resume()
        assert len(await claim_order(worker, 3)) == 2

    async def test_writes_no_tickets(self, api: Database, relay: Database, admin: Database) -> None:
        await submitted(api, await guest(api))
        await admin.queue.pause("hanako@example.jp", "a test")
        assert await relay.outbox.reissue_lost_tickets(older_than=timedelta(), limit=10) == 0
        await admin.queue.resume()
        assert await relay.outbox.reissue_lost_tickets(older_than=timedelta(), limit=10) == 1


_CROWD = """
with people as (insert into users select from generate_series(1, 2000) returning id), waiting as (
    insert into generations (user_id, prompt, size, quality, output_format, background, n, price, fingerprint, priority)
    select id, 'A fox', '1024x1024', 'low', 'png', 'auto', 1, 2, '', $1
    from people, generate_series(1, 50) returning user_id
)
insert into accounts (user_id, queued, queued_high, queued_low, running, held)
select id, 50, case when $1 = 1 then 50 else 0 end, case when $1 = -1 then 50 else 0 end, 0, 100 from people
"""


def scans(plan: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Every node that reads a table: how, which, and how many rows it looked at."""
    found = [each for child in plan.get("Plans", []) for each in scans(child)]
    if "Relation Name" in plan:
        looked = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
        found.append((plan["Node Type"], plan["Relation Name"], round(looked)))
    return found


class TestClaimAmong100000:
    @pytest.mark.parametrize("priority", Priority)
    async def test_looks_at_a_handful_of_rows(self, worker: Database, owner: Any, priority: Priority) -> None:
        await owner.execute("begin")
        await owner.execute(_CROWD.replace("$1", f"({int(priority)})::smallint"))
        await owner.execute("commit")
        await owner.execute("analyze")
        for most in ("1", "10"):
            statement, *values = claims_sql.CLAIM.bind(
                lease="interval '1 min'", max_running="4", model="'m'", provider="'first'", most=most
            )
            for number, value in enumerate(values, start=1):
                statement = statement.replace(f"${number}", value)
            # As PostgreSQL plans it in the end, whatever the limit is.
            await owner.execute("begin; set local plan_cache_mode = force_generic_plan")
            await owner.execute(f"prepare claim as {statement}")
            (explained,) = await owner.fetchrow("explain (analyze, format json) execute claim")
            await owner.execute("rollback; deallocate claim")
            read = scans(json.loads(explained)[0]["Plan"])
            large = [scan for scan in read if scan[1] in ("generations", "accounts", "attempts")]
            assert large
            assert not [scan for scan in large if scan[0] == "Seq Scan" and scan[2] > 100], large
            assert sum(scan[2] for scan in large) < 500, large
        assert len(await claim_order(worker, 3)) == 3


class TestMeasure:
    async def test_counts_what_runs_and_times_what_ended(
        self, api: Database, worker: Database, relay: Database
    ) -> None:
        user = await guest(api, credits=500)
        for _ in range(12):
            await submitted(api, user)
            claim = await worker.generations.claim(lease=LEASE, max_running=99, model="m")
            assert claim is not None
            await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        await submitted(api, user)
        await worker.generations.claim(lease=LEASE, max_running=99, model="m")
        await relay.queue.measure()
        pace = await api.queue.pace()
        assert (pace.running, pace.samples) == (1, 12)
        assert 0 < pace.mean_seconds < 60
        assert pace.age_seconds < 60


_MORNING = datetime(2000, 1, 1, 6, tzinfo=UTC)
_LATER = _MORNING + timedelta(days=365)


@dataclass
class Day:
    """A simulated day: the order is the database's own, how long painting takes is drawn, and the clock is turned.

    :ivar right: of each that was told how long it waits, whether it was so, within the error that was told with it
    """

    api: Database
    worker: Database
    relay: Database
    owner: Any
    chance: random.Random
    workers: int = 6
    now: float = 0.0
    claims: int = 0
    running: list[tuple[float, int, Claim, float]] = field(default_factory=list)
    told: dict[UUID, tuple[float, Waiting | None]] = field(default_factory=dict)
    right: list[bool] = field(default_factory=list)

    async def pass_by(self, steps: int) -> None:
        people = [await guest(self.api, credits=5000) for _ in range(9)]
        for step in range(steps):
            # Nobody comes in the evening.
            if step < steps * 3 // 4:
                for user in self.chance.sample(people, self.chance.choice((0, 1, 1, 2))):
                    if len(self.told) < 60:
                        await self.ask(user)
            await self.begin()
            if self.running:
                await self.end_first()
            await self.begin()

    def clock(self) -> datetime:
        return _MORNING + timedelta(seconds=self.now)

    async def ask(self, user: UUID) -> None:
        generation = await submitted(self.api, user)
        await self.relay.queue.measure()
        await self.owner.execute("update queue_forecasts set told_at = $1 where told_at > $2", self.clock(), _LATER)
        places = await self.api.queries.positions([generation.id])
        self.told[generation.id] = (self.now, places[generation.id].waiting)

    async def begin(self) -> None:
        while len(self.running) < self.workers:
            claim = await self.worker.generations.claim(lease=timedelta(days=1), max_running=4, model="m")
            if claim is None:
                return
            await self.owner.execute(
                "update generations set started_at = $1 where id = $2", self.clock(), claim.generation.id
            )
            at, waiting = self.told.pop(claim.generation.id)
            if waiting is not None:
                self.right.append(waiting.least_seconds <= self.now - at <= waiting.most_seconds)
            self.claims += 1
            took = max(2.0, self.chance.gauss(20.0, 6.0))
            heappush(self.running, (self.now + took, self.claims, claim, took))

    async def end_first(self) -> None:
        self.now, _, claim, took = heappop(self.running)
        await self.worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        await self.owner.execute(
            "update attempts set started_at = finished_at - $2::interval where generation_id = $1",
            claim.generation.id,
            timedelta(seconds=took),
        )


class TestEstimateWaiting:
    def test_says_nothing_without_measurements(self) -> None:
        for pace in (Pace(0, 100, 20, 1), Pace(4, 7, 20, 1), Pace(4, 100, 20, 61)):
            assert estimate_waiting(3, pace) is None

    @pytest.mark.parametrize("seed", [7, 8, 9, 10])
    async def test_is_right_within_its_error_nine_times_in_ten(
        self, api: Database, worker: Database, relay: Database, owner: Any, seed: int
    ) -> None:
        day = Day(api, worker, relay, owner, random.Random(seed))  # noqa: S311 - reproducible, no secret
        await day.pass_by(steps=260)
        assert len(day.right) > 80
        assert sum(day.right) / len(day.right) >= 0.9, (sum(day.right), len(day.right))
