"""The worker's pieces within the test's process: leases, admission to providers, protection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from factories import PRICES, Unsigned, guest, submitted
from tatemono.adapters.ecs_agent import EcsTaskProtection
from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.adapters.postgres.database import Database
from tatemono.bootstrap.image_worker import ImageProvider
from tatemono.domain.generations.attempts import Claim, UnknownPolicy
from tatemono.domain.generations.circuit_breaker import OPENS_AFTER
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.entrypoints.image_worker.lease_keeper import LeaseKeeper
from tatemono.entrypoints.image_worker.provider_admission import Permit, ProviderAdmission
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.ports import Ticket
from tatemono.usecases.generations.run_generation import Stop
from tatemono.usecases.ports import PAINTERS_CHANNEL, QUEUE_CHANNEL
from tatemono.usecases.safety.moderate_generation import Unmoderated

BUSY = PaintingFailed(Failure.RATE_LIMITED, "429", retry_after_seconds=30)
AWAY = PaintingFailed(Failure.UNAVAILABLE, "500")
REFUSED = PaintingFailed(Failure.ACCOUNT_REFUSED, "status 429, insufficient_quota", cause="insufficient_quota")


@pytest.fixture
async def db(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("image-worker"), service="image-worker") as database:
        yield database


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url, service="test") as database:
        yield database


class Tickets:
    """A queue that remembers what was extended, and may be away."""

    def __init__(self) -> None:
        self.away = False
        self.extended: list[tuple[str, int]] = []

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        return []

    async def receive(self, limit: int) -> list[Ticket]:
        return []

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        pass

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        if self.away:
            raise OSError("SQS is away")
        self.extended += [(ticket.receipt, visibility_seconds) for ticket in tickets]


async def claimed(db: Database, owner: Database, seconds: float) -> Claim:
    await submitted(owner, await guest(owner))
    claim = await db.generations.claim(lease=timedelta(seconds=seconds), max_running=4, model="m")
    assert claim is not None
    return claim


@asynccontextmanager
async def beating(jobs: LeaseKeeper, tickets: Sequence[Ticket] = ()) -> AsyncIterator[None]:
    loops = [asyncio.create_task(jobs.renew(lambda: tickets)), asyncio.create_task(jobs.fence())]
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


class TestJobs:
    async def test_keep_leases_and_tickets_alive_together(self, db: Database, owner: Database) -> None:
        queue = Tickets()
        jobs = LeaseKeeper(db, queue, timedelta(seconds=1))
        asked_at = jobs.clock()
        job = jobs.begin(await claimed(db, owner, 1), asked_at)
        async with beating(jobs, [Ticket("receipt", "body", 1)]):
            await asyncio.sleep(2)
        assert not job.stop.done()
        assert job.held_until > asked_at + 2
        assert set(queue.extended) == {("receipt", 1)}

    async def test_keep_a_lease_while_sqs_is_away(self, db: Database, owner: Database) -> None:
        queue = Tickets()
        queue.away = True
        jobs = LeaseKeeper(db, queue, timedelta(seconds=1))
        job = jobs.begin(await claimed(db, owner, 1), jobs.clock())
        async with beating(jobs, [Ticket("receipt", "body", 1)]):
            await asyncio.sleep(2)
        assert not job.stop.done()

    async def test_are_let_go_before_a_lease_ends_that_cannot_be_renewed(self, db: Database, owner: Database) -> None:
        jobs = LeaseKeeper(db, Tickets(), timedelta(seconds=2))
        asked_at = jobs.clock()
        job = jobs.begin(await claimed(db, owner, 2), asked_at)
        # Whoever holds the row makes every renewal wait.
        async with owner._pool.connection() as connection, connection.transaction():
            await connection.execute("select from generations for update")
            async with beating(jobs):
                assert await asyncio.wait_for(job.stop, 10) is Stop.LEASE_LOST
            assert await connection.fetchval("select lease_expires_at > clock_timestamp() from generations")

    async def test_are_let_go_when_the_process_slept_over_its_lease(self, db: Database, owner: Database) -> None:
        now = 100.0
        jobs = LeaseKeeper(db, Tickets(), timedelta(seconds=60), clock=lambda: now)
        job = jobs.begin(await claimed(db, owner, 60), now - 59)
        assert job.stop.result() is Stop.LEASE_LOST

    async def test_are_let_go_when_another_has_them(self, db: Database, owner: Database) -> None:
        jobs = LeaseKeeper(db, Tickets(), timedelta(seconds=2))
        job = jobs.begin(await claimed(db, owner, 2), jobs.clock())
        await owner._pool.execute("update generations set fence = fence + 1")
        async with beating(jobs):
            assert await asyncio.wait_for(job.stop, 10) is Stop.LEASE_LOST


class Painterless:
    def paint(self, request: object) -> object:
        raise NotImplementedError


def providers(db: Database, *providers: str) -> list[ImageProvider]:
    dependencies = GenerationDependencies(
        db=db,
        painter=Painterless(),  # type: ignore[arg-type]
        inspector=PillowPictures(),
        store=None,  # type: ignore[arg-type]
        model_id=PRICES.model_id,
        safety_identifier_key=b"key",
        jitter=lambda: 0.5,
        registry=PRICES.registry,
        references=None,  # type: ignore[arg-type]
        today=PRICES.today,
        unknown_policy=UnknownPolicy(1),
        moderation=Unmoderated(),
        credentials=Unsigned(),
    )
    return [ImageProvider(provider, replace(dependencies)) for provider in providers]


async def passing(admission: ProviderAdmission) -> Permit:
    permit = await asyncio.wait_for(admission.acquire(), 10)
    assert permit is not None
    return permit


async def shut(admission: ProviderAdmission) -> bool:
    task = asyncio.create_task(admission.acquire())
    await asyncio.wait({task}, timeout=0.2)
    if task.done():
        return False
    task.cancel()
    return True


class TestGate:
    async def test_holds_everybody_while_the_queue_is_paused(self, db: Database, owner: Database) -> None:
        async with ProviderAdmission(db, providers(db, "first"), probe_seconds=10) as admission:
            await passing(admission)
            await owner.queue.pause("hanako@example.jp", "a test")
            owner.notifier.notify(QUEUE_CHANNEL)
            async with asyncio.timeout(10):
                while not await shut(admission):
                    pass
            assert await admission.is_paused()
            waiting = asyncio.create_task(admission.acquire())
            await owner.queue.resume()
            owner.notifier.notify(QUEUE_CHANNEL)
            assert await asyncio.wait_for(waiting, 10) is not None

    async def test_learns_without_a_notification_too(self, db: Database, owner: Database) -> None:
        async with ProviderAdmission(db, providers(db, "first"), probe_seconds=10, reload_seconds=0.05) as admission:
            await owner.queue.pause("hanako@example.jp", "a test")
            async with asyncio.timeout(10):
                while not await shut(admission):
                    pass

    async def test_lets_nobody_wait_when_it_is_closed(self, db: Database, owner: Database) -> None:
        await owner.queue.pause("hanako@example.jp", "a test")
        async with ProviderAdmission(db, providers(db, "first"), probe_seconds=10) as admission:
            waiting = asyncio.create_task(admission.acquire())
            await asyncio.sleep(0)
            admission.close()
            assert await asyncio.wait_for(waiting, 10) is None

    async def test_leaves_a_busy_painter_alone_in_all_workers(self, db: Database) -> None:
        async with (
            ProviderAdmission(db, providers(db, "first"), probe_seconds=10) as admission,
            ProviderAdmission(db, providers(db, "first"), probe_seconds=10) as of_another,
        ):
            await admission.report(await passing(admission), BUSY)
            assert await shut(admission)
            async with asyncio.timeout(10):
                while not await shut(of_another):
                    pass
        (breaker,) = (await db.painters.all()).values()
        assert 25 < breaker.busy_for <= 30

    async def test_goes_to_the_second_painter_while_the_first_is_open(self, db: Database) -> None:
        async with ProviderAdmission(db, providers(db, "first", "second"), probe_seconds=10) as admission:
            for _ in range(OPENS_AFTER):
                permit = await passing(admission)
                assert permit.provider.name == "first"
                await admission.report(permit, AWAY)
            assert (await passing(admission)).provider.name == "second"

    async def test_goes_to_the_second_painter_at_once_when_the_first_refuses_our_account(self, db: Database) -> None:
        with structlog.testing.capture_logs() as lines:
            async with ProviderAdmission(db, providers(db, "first", "second"), probe_seconds=10) as admission:
                await admission.report(await passing(admission), REFUSED)
                assert (await passing(admission)).provider.name == "second"
        (alarm,) = [line for line in lines if line["event"] == "alarm"]
        assert (alarm["alarm"], alarm["cause"]) == ("painter_refuses_account", "insufficient_quota")
        breaker = (await db.painters.all())["first", PRICES.model_id]
        assert breaker.refused_because == "insufficient_quota"

    async def test_lets_one_probe_through_and_opens_when_it_is_answered(self, db: Database, owner: Database) -> None:
        async with (
            ProviderAdmission(db, providers(db, "first", "second"), probe_seconds=10) as admission,
            ProviderAdmission(db, providers(db, "first", "second"), probe_seconds=10) as of_another,
        ):
            for _ in range(OPENS_AFTER):
                await admission.report(await passing(admission), AWAY)
            await owner._pool.execute("update painters set open_until = now()")
            owner.notifier.notify(PAINTERS_CHANNEL)
            await asyncio.gather(admission._breakers.read(), of_another._breakers.read())
            permits = await asyncio.gather(*(passing(each) for each in (admission, of_another) * 3))
            probes = [permit for permit in permits if permit.probing]
            assert [permit.provider.name for permit in probes] == ["first"]
            assert sum(permit.provider.name == "second" for permit in permits) == 5
            await admission.report(probes[0], None)
            assert (await passing(admission)).provider.name == "first"
            assert (await db.painters.all())["first", PRICES.model_id].is_closed

    async def test_gives_a_probe_back_that_told_nothing(self, db: Database, owner: Database) -> None:
        async with ProviderAdmission(db, providers(db, "first", "second"), probe_seconds=1000) as admission:
            for _ in range(OPENS_AFTER):
                await admission.report(await passing(admission), AWAY)
            await owner._pool.execute("update painters set open_until = now()")
            await admission._breakers.read()
            probe = await passing(admission)
            assert probe.probing
            await admission.release(probe)
            assert (await passing(admission)).probing

    async def test_writes_nothing_while_all_is_well(self, db: Database) -> None:
        async with ProviderAdmission(db, providers(db, "first"), probe_seconds=10) as admission:
            for failed in (None, PaintingFailed(Failure.REFUSED, "no"), PaintingFailed(Failure.BAD_REQUEST, "what")):
                await admission.report(await passing(admission), failed)
        assert await db.painters.all() == {}


class Agent:
    """What ECS puts beside each container."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.refuses = False
        self.uri = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
        )
        body = json.loads(await reader.readexactly(length))
        self.asked.append((" ".join(head.split()[:2]), body))
        told: dict[str, object] = {"protection": {"ProtectionEnabled": body["ProtectionEnabled"], "TaskArn": "arn"}}
        if self.refuses:
            told = {"failure": {"Arn": "arn", "Reason": "DEPLOYMENT_BLOCKED"}}
        data = json.dumps(told).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(data) + data)
        await writer.drain()
        writer.close()


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    found = Agent()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    async with server:
        found.uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/0123"
        yield found


class TestEcsTaskProtection:
    async def test_asks_the_agent_as_it_is_documented(self, agent: Agent) -> None:
        protection = EcsTaskProtection(agent.uri)
        assert await protection.set(protected=True)
        assert await protection.set(protected=False)
        assert agent.asked == [
            ("PUT /api/0123/task-protection/v1/state", {"ProtectionEnabled": True, "ExpiresInMinutes": 30}),
            ("PUT /api/0123/task-protection/v1/state", {"ProtectionEnabled": False}),
        ]

    async def test_goes_on_when_the_agent_refuses_or_is_away(self, agent: Agent) -> None:
        agent.refuses = True
        assert not await EcsTaskProtection(agent.uri).set(protected=True)
        assert not await EcsTaskProtection("http://127.0.0.1:9").set(protected=True)

    async def test_asks_nobody_where_there_is_no_agent(self) -> None:
        assert await EcsTaskProtection("").set(protected=True)
