"""Whatever users and workers do, in whatever order, and however late: the real statements do as a simple model says."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from factories import USAGE, guest, kept, submitted
from faults.invariants import violations
from faults.scenarios import TIMES
from merging import assert_nothing_is_wrong
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.generations import claims_sql, generations_sql
from tatemono.adapters.postgres.statements import Statement
from tatemono.domain.generations.attempts import Claim, GiveUp, Outcome, Retry, UnknownPolicy, plan_retry
from tatemono.domain.generations.generation import Generation
from tatemono.domain.generations.painting import Failure

LEASE = timedelta(minutes=10)
MAX_RUNNING = 2
POLICY = UnknownPolicy(1)
#: What a running pipeline may still have wrong.
_UNFINISHED = ("has not ended", "has an attempt without an end")
_MANY = st.integers(0, 1_000)

T = TypeVar("T")


@dataclass
class Job:
    """What the model knows of a generation.

    :ivar fence: of the only claim that may change it; none: nobody's may
    :ivar over: whether the lease of that claim has ended
    """

    user_id: UUID
    key: str
    state: str = "queued"
    fence: int | None = None
    last_fence: int = 0
    over: bool = False
    cancel: bool = False


@dataclass
class World:
    """:ivar turns: when each user was served last, by the number of the claim"""

    users: list[UUID] = field(default_factory=list)
    jobs: dict[UUID, Job] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    turns: dict[UUID, int] = field(default_factory=dict)
    clock: int = 0

    def running(self, user_id: UUID) -> int:
        return sum(job.state == "running" for job in self.jobs.values() if job.user_id == user_id)

    def due(self) -> dict[UUID, Job]:
        """What a claim may take: what was lost before all else."""
        lost = {id_: job for id_, job in self.jobs.items() if job.state == "running" and job.over}
        return lost or {
            id_: job
            for id_, job in self.jobs.items()
            if job.state == "queued" and self.running(job.user_id) < MAX_RUNNING
        }


class Pipeline(RuleBasedStateMachine):
    runner: ClassVar[asyncio.Runner]
    db: ClassVar[Database]
    owner: ClassVar[Any]
    reached: ClassVar[set[str]]

    def run(self, step: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await step

        return self.runner.run(awaited())

    @initialize()
    def begin(self) -> None:
        self.world = World()
        self.run(
            self.owner.execute(
                "truncate users, generations, outbox, credit_transfers, budget_returns, budget_shards cascade"
            )
        )
        for _ in range(3):
            self.world.users.append(self.run(guest(self.db, credits=10_000)))

    # --- users

    @rule(number=_MANY)
    def ask(self, number: int) -> None:
        user_id = self.world.users[number % 3]
        key = f"key {len(self.world.jobs)}"
        generation: Generation = self.run(submitted(self.db, user_id, key=key))
        self.world.jobs[generation.id] = Job(user_id, key)

    @rule(number=_MANY)
    def ask_again(self, number: int) -> None:
        """The answer was lost on the way."""
        if self.world.jobs:
            id_, job = list(self.world.jobs.items())[number % len(self.world.jobs)]
            assert self.run(submitted(self.db, job.user_id, key=job.key)).id == id_

    @rule(number=_MANY)
    def cancel(self, number: int) -> None:
        if self.world.jobs:
            id_, job = list(self.world.jobs.items())[number % len(self.world.jobs)]
            self.run(self.db.generations.cancel(job.user_id, id_))
            if job.state == "queued":
                job.state = "ended"
            elif job.state == "running":
                job.cancel = True

    # --- workers

    @rule()
    def claim(self) -> None:
        world = self.world
        due = world.due()
        claim = self.run(self.db.generations.claim(lease=LEASE, max_running=MAX_RUNNING, model="m"))
        if claim is None:
            assert not due
            return
        id_ = claim.generation.id
        assert id_ in due
        job = due[id_]
        if job.over:
            self.reached.add("taken over")
        else:
            # Nobody whose job is due was served longer ago.
            assert world.turns.get(job.user_id, -1) == min(world.turns.get(each.user_id, -1) for each in due.values())
            world.clock += 1
            world.turns[job.user_id] = world.clock
        assert claim.fence == job.last_fence + 1
        assert claim.cancelled == job.cancel
        job.state, job.fence, job.last_fence, job.over = "running", claim.fence, claim.fence, False
        world.claims.append(claim)
        self._decide(claim)

    def _decide(self, claim: Claim) -> None:
        """As a worker does before it calls the painter."""
        if claim.taken_over:
            plan = plan_retry(Failure.LEASE_LOST, claim.before, POLICY, jitter=0.0)
            if isinstance(plan, Retry):
                assert self.run(self.db.generations.decide_to_retry(claim))
                self.reached.add("called again by decision")
            else:
                self._give_up(claim, Failure.NOT_CALLED, plan)
                self.reached.add("given up by policy")

    @rule(number=_MANY)
    def lose_a_lease(self, number: int) -> None:
        """Its worker was killed, or stands still: only the database's clock knows."""
        running = [(id_, job) for id_, job in self.world.jobs.items() if job.state == "running" and not job.over]
        if running:
            id_, job = running[number % len(running)]
            self.run(
                self.owner.execute(
                    "update generations set lease_expires_at = now() - interval '1 second' where id = $1", id_
                )
            )
            job.over = True

    @rule(number=_MANY, times=st.integers(1, 3))
    def ask_and_kill_the_workers(self, number: int, times: int) -> None:
        self.ask(number)
        for _ in range(times):
            self.claim()
            self.lose_a_lease(number)
        self.claim()

    @rule(number=_MANY)
    def beat(self, number: int) -> None:
        if claim := self._any_claim(number):
            job = self._job_of(claim)
            held = self.run(self.db.generations.extend_leases([claim], lease=LEASE))
            assert (claim.generation.id in held) == self._holds(claim)
            if self._holds(claim):
                # A worker that comes back before anybody took over goes on.
                job.over = False
                assert held[claim.generation.id] == job.cancel

    @rule(number=_MANY)
    def succeed(self, number: int) -> None:
        if claim := self._any_claim(number):
            held = self.run(self.db.generations.succeed(claim, [kept(claim)], USAGE, None))
            self._ended(claim, held=held)

    @rule(number=_MANY, failure=st.sampled_from([Failure.UNAVAILABLE, Failure.TIMED_OUT, Failure.REFUSED]))
    def fail(self, number: int, failure: Failure) -> None:
        if claim := self._any_claim(number):
            plan = plan_retry(failure, claim.before.and_then(failure), POLICY, jitter=0.0)
            if isinstance(plan, GiveUp):
                self._give_up(claim, failure, plan)
                return
            held = self.run(self.db.generations.retry(claim, Outcome.of(failure), failure, timedelta(seconds=-1), None))
            assert held == self._holds(claim)
            if held:
                job = self._job_of(claim)
                job.state, job.fence, job.over = "queued", None, False
                self.reached.add("retried")

    def _give_up(self, claim: Claim, failure: Failure, plan: GiveUp) -> None:
        outcome = Outcome.FAILED if failure is Failure.NOT_CALLED else Outcome.of(failure)
        self._ended(claim, held=self.run(self.db.generations.give_up(claim, outcome, failure, plan, None)))

    def _ended(self, claim: Claim, *, held: bool) -> None:
        assert held == self._holds(claim)
        if held:
            job = self._job_of(claim)
            job.state, job.fence = "ended", None
        else:
            self.reached.add("a stale claim changed nothing")

    def _any_claim(self, number: int) -> Claim | None:
        """Old ones among them: their workers do not know that they lost the job."""
        return self.world.claims[number % len(self.world.claims)] if self.world.claims else None

    def _job_of(self, claim: Claim) -> Job:
        return self.world.jobs[claim.generation.id]

    def _holds(self, claim: Claim) -> bool:
        job = self._job_of(claim)
        return job.state == "running" and job.fence == claim.fence

    @invariant()
    def the_database_agrees(self) -> None:
        if not hasattr(self, "world"):
            return
        found = self.run(violations(self.owner, unknown_retries=POLICY.retries, keys=None, calls=None))
        assert [each for each in found if not each.endswith(_UNFINISHED)] == []
        self.run(assert_nothing_is_wrong(self.owner))
        rows = self.run(self.owner.fetch("select id, state::text, fence from generations"))
        shown = {row["id"]: (row["state"] if row["state"] in {"queued", "running"} else "ended") for row in rows}
        assert shown == {id_: job.state for id_, job in self.world.jobs.items()}
        assert {row["id"]: row["fence"] for row in rows} == {
            id_: job.last_fence for id_, job in self.world.jobs.items()
        }
        assert all(self.world.running(user_id) <= MAX_RUNNING for user_id in self.world.users)


def play(runner: asyncio.Runner, database_url: str, *, examples: int) -> None:
    machine = Pipeline
    machine.runner, machine.reached = runner, set()
    machine.db = runner.run(Database.connect(database_url, service="test"))
    machine.owner = runner.run(asyncpg.connect(database_url))
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        runner.run(machine.db.close())
        runner.run(machine.owner.close())


class TestPipeline:
    @pytest.mark.long
    def test_does_as_the_model_says(self, database_url: str) -> None:
        with asyncio.Runner() as runner:
            play(runner, database_url, examples=40 * min(TIMES, 50))
        # A test that never came to what it is about would prove nothing.
        assert {
            "taken over",
            "called again by decision",
            "given up by policy",
            "retried",
            "a stale claim changed nothing",
        } == Pipeline.reached

    @pytest.mark.parametrize(
        ("statement", "right", "wrong"),
        [
            pytest.param("SUCCEED", " and g.fence = ended.fence", "", id="no fence"),
            pytest.param("RETRY", "id = $1 and fence = $2", "id = $1 and $2 is not null", id="no fence at a retry"),
            pytest.param("CLAIM", "order by a.last_claimed_at", "order by a.last_claimed_at desc", id="no turns"),
            pytest.param("GIVE_UP", "price from done", "price from done where price < 0", id="credits kept"),
        ],
    )
    def test_is_seen_to_do_otherwise(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch, statement: str, right: str, wrong: str
    ) -> None:
        """Each fault is planted once."""
        module = claims_sql if statement == "CLAIM" else generations_sql
        as_it_is: Statement = getattr(module, statement)
        assert right in as_it_is.sql
        faulty = replace(as_it_is, sql=as_it_is.sql.replace(right, wrong))
        monkeypatch.setattr(module, statement, faulty)
        with asyncio.Runner() as runner, pytest.raises((AssertionError, asyncpg.PostgresError, ExceptionGroup)):
            play(runner, database_url, examples=40)
