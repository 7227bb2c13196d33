"""Lease, heartbeat and fence in thousands of small universes: the worker's own code, a simulated time, every fault.

The database is a model here; `test_claims_machine.py` shows that the real statements do as such a model does. What is
tried is what the worker makes of it: `LeaseKeeper`, which renews and releases leases, `ImageWorker`, `run_generation`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import structlog

from factories import COST, FOX, TODAY, USAGE, Unsigned
from faults.scenarios import TIMES
from faults.universe import Lost, Machine, Standstill, Universe
from tatemono.adapters.model_registry import read_registry
from tatemono.domain.generations.attempts import Claim, GiveUp, History, Outcome, UnknownPolicy
from tatemono.domain.generations.generation import Generation, State
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest
from tatemono.entrypoints.image_worker import lease_keeper
from tatemono.entrypoints.image_worker.lease_keeper import LeaseKeeper
from tatemono.entrypoints.image_worker.provider_admission import Permit
from tatemono.entrypoints.image_worker.worker import ImageWorker
from tatemono.usecases.generations import run_generation as running
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.pictures.ports import Miniature, SmallCopy, VerifiedPicture
from tatemono.usecases.safety.moderate_generation import Unmoderated

LEASE = timedelta(seconds=6)
RETRIES = 1
GENERATIONS = 8
MACHINES = 3
HANDS = 2
STORM_SECONDS = 40.0
REGISTRY = read_registry()
UNIVERSES = 150 * min(TIMES, 20)


@dataclass
class Attempt:
    outcome: str | None = None
    failure: str | None = None
    decision: str | None = None


@dataclass
class Row:
    """A generation as the database has it. `settled`: each time that its credits were taken or given back."""

    generation: Generation
    state: str = "queued"
    fence: int = 0
    lease_ends: float = 0.0
    due_at: float = 0.0
    cancelled: bool = False
    attempts: dict[int, Attempt] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)


class Model:
    """The database, the store and the painter: what is at the other end of the network, and what went wrong there."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.rows: dict[UUID, Row] = {}
        self.calls: list[tuple[UUID, int]] = []
        self.wrong: list[str] = []
        for number in range(GENERATIONS):
            generation = Generation(
                id=UUID(int=number + 1),
                user_id=UUID(int=1),
                request=FOX,
                state=State.QUEUED,
                price=FOX.price,
                failure_code=None,
                created_at=datetime(2026, 11, 26, tzinfo=UTC),
                started_at=None,
                finished_at=None,
                expected_micros=COST.expected,
            )
            self.rows[generation.id] = Row(generation)

    def held(self, claim: Claim) -> Row | None:
        """The row, if this claim may still change it: its fence is the newest one."""
        row = self.rows[claim.generation.id]
        return row if row.fence == claim.fence and row.state == "running" else None

    def claim(self, lease: timedelta) -> Claim | None:
        now, rows = self.universe.now, self.rows.values()
        lost = [row for row in rows if row.state == "running" and row.lease_ends < now]
        due = lost or [row for row in rows if row.state == "queued" and row.due_at <= now]
        if not due:
            return None
        row = due[0]
        before = list(row.attempts.values())
        taken_over = bool(before) and before[-1].outcome is None
        if taken_over:
            undecided = any(each.outcome == "unknown" and each.decision is None for each in before)
            before[-1].outcome = "failed" if undecided else "unknown"
            before[-1].failure = "not_called" if undecided else "lease_lost"
        row.state, row.fence, row.lease_ends = "running", row.fence + 1, now + lease.total_seconds()
        row.attempts[row.fence] = Attempt()
        history = History(
            ended=len(before),
            unknown=sum(each.outcome == "unknown" for each in before),
            without_picture=sum(each.failure == "no_picture" for each in before),
            turned_away=sum(each.failure == "rate_limited" for each in before),
        )
        return Claim(row.generation, row.fence, len(before) + 1, row.cancelled, None, history, taken_over)

    def extend(self, claims: list[Claim], lease: timedelta) -> dict[UUID, bool]:
        found = {}
        for claim in claims:
            if row := self.held(claim):
                row.lease_ends = self.universe.now + lease.total_seconds()
                found[claim.generation.id] = row.cancelled
        return found

    def decide_to_retry(self, claim: Claim) -> bool:
        row = self.held(claim)
        undecided = [each for each in row.attempts.values() if each.outcome == "unknown"] if row else []
        for each in undecided:
            each.decision = each.decision or "retry"
        return bool(undecided)

    def end(self, claim: Claim, state: str, settled: str | None, outcome: Outcome, failure: str | None) -> bool:
        row = self.held(claim)
        if row is None:
            return False
        row.state = state
        if settled:
            row.settled.append(settled)
        decision = "give_up" if settled else "retry"
        for each in row.attempts.values():
            if each.outcome == "unknown" and each.decision is None:
                each.decision = decision
        mine = row.attempts[claim.fence]
        mine.outcome, mine.failure, mine.decision = mine.outcome or str(outcome), failure, decision
        return True

    def call(self, name: UUID, fence: int) -> None:
        row = self.rows[name]
        self.calls.append((name, fence))
        if fence not in row.attempts:
            self.wrong.append(f"{name} was called and is no attempt")
        blind = [
            each
            for number, each in row.attempts.items()
            if number < fence and each.outcome == "unknown" and each.decision != "retry"
        ]
        if blind and row.fence == fence:
            self.wrong.append(f"{name} was attempted again blindly")

    def judge(self) -> list[str]:
        wrong = list(self.wrong)
        for row in self.rows.values():
            name, attempts = row.generation.id, row.attempts.values()
            if row.state in {"queued", "running"}:
                wrong.append(f"{name} has not ended")
            if len(row.settled) != 1:
                wrong.append(f"{name} was settled {len(row.settled)} times")
            if [each for each in attempts if each.outcome is None]:
                wrong.append(f"{name} has an attempt without an end")
            if sum(each.outcome == "unknown" for each in attempts) > RETRIES + 1:
                wrong.append(f"{name} was attempted more often than the policy allows")
            if sum(each.outcome == "succeeded" for each in attempts) != ("spent" in row.settled):
                wrong.append(f"{name} was paid for though it failed, or not though it succeeded")
        called = {(name, fence): self.calls.count((name, fence)) for name, fence in self.calls}
        return wrong + [f"{key} was called {often} times" for key, often in called.items() if often > 1]


class Generations:
    """The port to the database, from one machine."""

    def __init__(self, machine: Machine, model: Model) -> None:
        self._machine = machine
        self._model = model

    async def claim(self, *, lease: timedelta, **_: Any) -> Claim | None:
        return await self._machine.call(lambda: self._model.claim(lease))

    async def any_due(self, **_: Any) -> bool:
        return False

    async def extend_leases(self, claims: list[Claim], *, lease: timedelta) -> dict[UUID, bool]:
        return await self._machine.call(lambda: self._model.extend(claims, lease))

    async def decide_to_retry(self, claim: Claim) -> bool:
        return await self._machine.call(lambda: self._model.decide_to_retry(claim))

    async def succeed(self, claim: Claim, *_: Any, **__: Any) -> bool:
        return await self._machine.call(lambda: self._model.end(claim, "succeeded", "spent", Outcome.SUCCEEDED, None))

    async def give_up(
        self, claim: Claim, outcome: Outcome, failure: Failure, verdict: GiveUp, *_: Any, **__: Any
    ) -> bool:
        return await self._machine.call(
            lambda: self._model.end(claim, str(verdict.state), "returned", outcome, str(failure))
        )

    async def retry(self, claim: Claim, outcome: Outcome, failure: Failure, delay: timedelta, *_: Any) -> bool:
        def put_back() -> bool:
            done = self._model.end(claim, "queued", None, outcome, str(failure))
            if done:
                self._model.rows[claim.generation.id].due_at = self._model.universe.now + delay.total_seconds()
            return done

        return await self._machine.call(put_back)


class Outside:
    """Painter, inspector and store, from one machine: they see when it does what it has no right to."""

    def __init__(self, machine: Machine, model: Model, faulty: Callable[[], bool]) -> None:
        self._machine = machine
        self._model = model
        self._faulty = faulty

    def _may(self, name: UUID, fence: int, what: str) -> None:
        """A machine that went on just now cannot know; every other one knows when its lease is over."""
        row, machine = self._model.rows[name], self._machine
        lawful = row.fence == fence and (row.lease_ends >= machine.universe.now or row.state != "running")
        if not lawful and not machine.dead and machine.universe.now > machine.thawed_at:
            self._model.wrong.append(f"{name} {fence} was {what} without its lease")

    async def paint(self, request: PaintRequest) -> AsyncIterator[Painting]:
        generation_id, _, fence = request.client_request_id.rpartition("-")
        name = UUID(generation_id), int(fence)
        self._may(*name, "painted")
        chance = self._machine.universe.chance
        try:
            await self._machine.call(lambda: self._model.call(*name))
        except Lost as error:
            raise PaintingFailed(Failure.TIMED_OUT, "lost") from error
        if self._faulty():
            raise PaintingFailed(chance.choice((Failure.RATE_LIMITED, Failure.CUT_OFF, Failure.NO_PICTURE)), "a fault")
        await asyncio.sleep(chance.uniform(0.1, 9))
        yield Painting((b"png",), USAGE, None)

    async def verify(self, data: bytes, _expected: Any) -> VerifiedPicture:
        return VerifiedPicture(data, "image/png", 1024, 1024)

    async def shrink(self, _picture: VerifiedPicture) -> SmallCopy:
        return SmallCopy(b"jpeg")

    async def miniature(self, _small: SmallCopy) -> Miniature:
        return Miniature(b"webp", b"thumbhash")

    async def put(self, key: str, *_: Any, **__: Any) -> None:
        *_folders, generation_id, file = key.split("/")
        self._may(UUID(generation_id), int(file.partition("-")[0]), "kept")
        try:
            await self._machine.call(lambda: None)
        except Lost as error:
            raise PaintingFailed(Failure.NOT_KEPT, "lost") from error


def worker_on(machine: Machine, model: Model, faulty: Callable[[], bool]) -> None:
    """Start a worker's own code on a machine."""
    outside = Outside(machine, model, faulty)

    async def nothing(*_: Any, **__: Any) -> Any:
        return True

    async def no(*_: Any, **__: Any) -> Any:
        return False

    notifier = SimpleNamespace(notify=lambda *_: None)
    asked_never = SimpleNamespace(controls=nothing, all=nothing)  # the admission is another one, below
    db: Any = SimpleNamespace(
        generations=Generations(machine, model), notifier=notifier, queue=asked_never, painters=asked_never
    )
    dependencies = GenerationDependencies(
        db=db,
        painter=SimpleNamespace(paint=outside.paint),
        inspector=SimpleNamespace(verify=outside.verify, shrink=outside.shrink, miniature=outside.miniature),
        store=SimpleNamespace(put=outside.put),
        model_id="gpt-image-2",
        safety_identifier_key=b"key",
        jitter=machine.universe.chance.random,
        registry=REGISTRY,
        references=SimpleNamespace(),
        today=lambda: TODAY,
        unknown_policy=UnknownPolicy(RETRIES),
        moderation=Unmoderated(),
        credentials=Unsigned(),
    )
    provider: Any = SimpleNamespace(name="first", dependencies=dependencies)
    queue: Any = SimpleNamespace(extend=nothing)
    worker_dependencies: Any = SimpleNamespace(
        db=db, queue=queue, providers=(provider,), protection=SimpleNamespace(set=nothing, expires_minutes=60)
    )
    told: Any = SimpleNamespace(
        lease_seconds=LEASE.total_seconds(), concurrency=HANDS, painter_timeout_seconds=60.0, stop_timeout_seconds=8
    )

    async def begin() -> None:
        # Both make futures and events, which belong to the loop that runs.
        worker = ImageWorker(worker_dependencies, told)
        worker._admission = SimpleNamespace(report=nothing, is_paused=no)  # type: ignore[assignment]
        worker._leases = LeaseKeeper(db, queue, LEASE, clock=machine.clock)

        async def hand() -> None:
            while True:
                try:
                    found = await worker._use_permit(Permit(provider, probing=False))
                except Exception:  # noqa: BLE001 - as `_use`: the lease ends, and somebody tries again
                    found = False
                if not found:
                    await asyncio.sleep(machine.universe.chance.uniform(0.1, 0.5))

        machine.start(worker._leases.renew(list), worker._leases.fence(), *(hand() for _ in range(HANDS)))

    machine.start(begin())


class Life:
    """One universe from its beginning to its end."""

    def __init__(self, seed: int, *, calm: bool) -> None:
        self.universe = Universe(seed)
        self.model = Model(self.universe)
        self._calm = calm
        for number in range(MACHINES):
            self._start(f"machine {number}")
        if not calm:
            self.universe.after(self.universe.chance.uniform(0, 3), self._strike)

    def _start(self, name: str) -> None:
        machine = Machine(self.universe, name)
        self.universe.machines.append(machine)
        worker_on(machine, self.model, self._faulty)

    def _faulty(self) -> bool:
        return not self._calm and self.universe.now < STORM_SECONDS and self.universe.chance.random() < 0.3

    def _strike(self) -> None:
        universe, chance = self.universe, self.universe.chance
        if universe.now >= STORM_SECONDS:
            return
        able = [each for each in universe.machines if not (each.dead or each.frozen)]
        strikes: list[Callable[[], None]] = [self._lose, self._cut, self._cancel]
        if able:
            strikes += [partial(self._freeze, chance.choice(able))] * 2 + [partial(self._kill, chance.choice(able))]
        chance.choice(strikes)()
        universe.after(chance.expovariate(1 / 2.5), self._strike)

    def _freeze(self, machine: Machine) -> None:
        chance = self.universe.chance
        machine.freeze(chance.choice((0.5, 3.0, LEASE.total_seconds() * chance.uniform(0.9, 2.5))))

    def _kill(self, machine: Machine) -> None:
        machine.kill()
        self.universe.after(self.universe.chance.uniform(0.1, 3), lambda: self._start(machine.name))

    def _lose(self) -> None:
        self.universe.loss = self.universe.chance.choice((0.0, 0.1, 0.4))

    def _cut(self) -> None:
        self.universe.cut = True
        self.universe.after(self.universe.chance.choice((0.5, 2.0, 8.0)), self._mend)

    def _mend(self) -> None:
        self.universe.cut = False

    def _cancel(self) -> None:
        self.universe.chance.choice(list(self.model.rows.values())).cancelled = True

    def wrong(self) -> list[str]:
        """Live it. :returns: what went wrong"""
        universe, rows = self.universe, self.model.rows.values()
        try:
            universe.run(STORM_SECONDS)
            universe.loss, universe.cut = 0.0, False
            # Whatever was put off for a while comes first.
            late = max(row.due_at for row in rows)
            universe.run(max(universe.now, late) + LEASE.total_seconds() + 30)
        except Standstill as standstill:
            universe.complaints.append(str(standstill))
        finally:
            universe.end()
        lost = [f"{row.generation.id} lost its lease" for row in rows if self._calm and len(row.attempts) != 1]
        return universe.complaints + self.model.judge() + lost


def lived(seed: int, *, calm: bool = False) -> list[str]:
    """What went wrong in one universe."""
    return Life(seed, calm=calm).wrong()


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@contextmanager
def planted(monkeypatch: pytest.MonkeyPatch, bug: str) -> Iterator[None]:
    """Code as somebody might write it."""
    with monkeypatch.context() as patch:
        if bug == "a stale fence writes":
            patch.setattr(Model, "held", lambda self, claim: self.rows[claim.generation.id])
        elif bug == "nobody lets go in time":
            patch.setattr(LeaseKeeper, "_is_late", lambda _self, _job: False)
        elif bug == "the lease counts from the answer":
            begin = LeaseKeeper.begin
            patch.setattr(LeaseKeeper, "begin", lambda self, claim, _asked_at: begin(self, claim, self.clock() + 3))
        elif bug == "signs of life come too seldom":
            patch.setattr(lease_keeper, "RENEWALS_PER_LEASE", 0.8)
        elif bug == "attempted again without a decision":

            async def always(_workshop: GenerationDependencies, _claim: Claim) -> bool:
                return True

            patch.setattr(running, "_shall_be_called", always)
        yield


class TestUniverses:
    @pytest.mark.long
    def test_end_well(self) -> None:
        wrong, met = {}, set[str | None]()
        for seed in range(UNIVERSES):
            life = Life(seed, calm=False)
            if found := life.wrong():
                wrong[seed] = found
            for row in life.model.rows.values():
                met |= {row.state, *(word for each in row.attempts.values() for word in (each.failure, each.decision))}
        assert wrong == {}
        # They do go through all of that.
        assert met >= {"succeeded", "failed", "cancelled", "lease_lost", "not_called", "timed_out", "retry", "give_up"}

    def test_lose_no_lease_where_nothing_goes_wrong(self) -> None:
        wrong = {seed: found for seed in range(20) if (found := lived(seed, calm=True))}
        assert wrong == {}

    def test_are_the_same_for_the_same_seed(self) -> None:
        histories = []
        for _ in range(2):
            universe = Universe(7)
            model = Model(universe)
            machine = Machine(universe, "one")
            universe.machines.append(machine)
            worker_on(machine, model, lambda: False)
            universe.run(30)
            universe.end()
            histories.append((model.calls, [vars(row) for row in model.rows.values()]))
        assert histories[0] == histories[1]

    @pytest.mark.parametrize(
        "bug",
        [
            "a stale fence writes",
            "nobody lets go in time",
            "the lease counts from the answer",
            "signs of life come too seldom",
            "attempted again without a decision",
        ],
    )
    def test_find_what_is_planted(self, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
        with planted(monkeypatch, bug):
            calm = bug == "signs of life come too seldom"
            assert any(lived(seed, calm=calm) for seed in range(200))
