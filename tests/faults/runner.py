"""Runs a scenario: generations are asked for, things go wrong, then nothing does any more, and the invariants count."""

import asyncio
import json
import logging
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import httpx2
import structlog
from pydantic_settings import BaseSettings

from factories import guest, submitted
from faults.disturbances import DisturbedQueue, DrippingPainter, Liar
from faults.dying import RELAY_STEPS, Around
from faults.invariants import violations
from faults.scenarios import Scenario
from tatemono.adapters.openai.images import OpenAIPainter
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.bootstrap.image_worker import ImageProvider, ImageWorkerDependencies, image_worker
from tatemono.bootstrap.outbox_relay import outbox_relay
from tatemono.domain.generations.generation import Generation, OutputFormat, PictureRequest, Quality
from tatemono.domain.generations.painting import Failure, PaintingFailed
from tatemono.entrypoints.image_worker.worker import ImageWorker
from tatemono.entrypoints.outbox_relay.relay import OutboxRelay
from tatemono.settings import ImageWorkerSettings, OutboxRelaySettings
from tatemono.usecases.generations.cancel_generation import cancel_generation
from tatemono.usecases.pictures.erase_orphans import erase_orphans
from tatemono.usecases.ports import PAINTERS_CHANNEL

LEASE_SECONDS = 4
UNKNOWN_RETRIES = 1
#: One lease and 30 seconds after nothing goes wrong any more, everything has ended.
SETTLED_WITHIN_SECONDS = LEASE_SECONDS + 30
_OF_ONE_USER = 10
_DYING = Path(__file__).with_name("dying.py")


@dataclass
class Place:
    """Where a scenario runs: the test's own database, queue, bucket and studio.

    :ivar environment: what both services are told, besides their database
    :ivar urls: of the database, as each service sees it
    """

    db: Database
    store: S3Pictures
    s3: Any
    bucket: str
    studio: str
    environment: dict[str, str]
    urls: dict[str, str]

    def told(self, service: str, **more: str) -> dict[str, str]:
        return self.environment | {"SERVICE_NAME": service, "DATABASE_URL": self.urls[service], **more}


@dataclass
class Report:
    """What a run did, and what it found wrong."""

    scenario: Scenario
    kills: dict[str, int] = field(default_factory=dict)
    sqs_messages: int = 0
    sqs_kinds: dict[str, int] = field(default_factory=dict)
    lies: dict[str, int] = field(default_factory=dict)
    painter_calls: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    #: What was measured, by name.
    measured: dict[str, float] = field(default_factory=dict)
    settled_after_seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def keep(self) -> None:
        """Show it if the test fails, and put it into the table of whoever wants one (`python tests/faults`)."""
        print(self)  # noqa: T201 - pytest shows it then
        if file := os.environ.get("FAULTS_REPORTS"):
            line = json.dumps(asdict(self)) + "\n"
            with Path(file).open("a", encoding="utf-8") as reports:
                reports.write(line)


async def run_scenario(place: Place, scenario: Scenario) -> Report:
    # Services within this process say what goes wrong, at length: here it is meant to.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = Report(scenario)
    chance = random.Random(scenario.seed)  # noqa: S311 - reproducible, no secret
    drip = DrippingPainter()
    server = await asyncio.start_server(drip.answer, "127.0.0.1", 0)
    drip.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        async with server:
            if scenario.kills:
                await _with_kills(place, scenario, report, chance)
            else:
                await _within_the_process(place, scenario, report, chance, drip)
            await judge(place, report, drip)
    finally:
        structlog.reset_defaults()
    return report


async def ask(place: Place, scenario: Scenario, chance: random.Random) -> list[Generation]:
    """Everything at once, of many users, in an order that mixes the faults."""
    faults = [fault for fault, count in (scenario.painter_faults or {}).items() for _ in range(count)]
    prompts = ["a fox"] * scenario.generations + [f"[studio:{fault}] a fox" for fault in faults]
    chance.shuffle(prompts)
    asked: list[Generation] = []
    user: UUID | None = None
    for number, prompt in enumerate(prompts):
        if number % _OF_ONE_USER == 0:
            user = await guest(place.db, credits=1000)
        assert user is not None
        asked.append(
            await submitted(
                place.db, user, PictureRequest(prompt=prompt, quality=Quality.LOW, output_format=OutputFormat.JPEG)
            )
        )
    return asked


async def _cancel_some(place: Place, scenario: Scenario, asked: Sequence[Generation], chance: random.Random) -> None:
    for generation in chance.sample(list(asked), scenario.cancellations):
        await asyncio.sleep(chance.uniform(0, 0.2))
        with suppress(Exception):  # it has ended, or the database is disturbed as well
            await cancel_generation(place.db, user_id=generation.user_id, generation_id=generation.id)


async def _with_kills(place: Place, scenario: Scenario, report: Report, chance: random.Random) -> None:
    assert scenario.kills
    steps = [step for step, count in scenario.kills.items() for _ in range(count)]
    chance.shuffle(steps)
    of_relay = [step for step in steps if step in RELAY_STEPS]
    of_worker = [step for step in steps if step not in RELAY_STEPS]
    async with (
        _dying(place, "outbox-relay", of_relay) as relay,
        _dying(place, "image-worker", of_worker) as worker,
    ):
        feeding = asyncio.create_task(_feed(place, scenario, report, chance))
        try:
            await _count_kills(relay, len(of_relay), report)
            await _count_kills(worker, len(of_worker), report)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        await settle(place, report)


async def _feed(place: Place, scenario: Scenario, report: Report, chance: random.Random) -> None:
    """Ask for more whenever nothing waits: some steps are reached only with a job, and some only without."""
    while True:
        asked = await ask(place, scenario, chance)
        await _cancel_some(place, scenario, asked, chance)
        await _none(place, "queued", "running")


async def _none(place: Place, *states: str) -> None:
    """Wait until no generation is in any of these states."""
    statement = "select count(*) from generations where state::text = any($1::text[])"
    while await place.db._pool.fetchval(statement, states):  # noqa: ASYNC110 - the database has no event
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _dying(place: Place, service: str, steps: Sequence[str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(_DYING), service),
        env=place.told(service) | {"PATH": os.environ["PATH"]},
        stdin=PIPE,
        stdout=PIPE,
    )
    assert process.stdin
    process.stdin.write("".join(f"{step}\n" for step in steps).encode())
    process.stdin.close()
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _count_kills(process: Process, count: int, report: Report) -> None:
    assert process.stdout
    for _ in range(count):
        step, _, how = (await asyncio.wait_for(process.stdout.readline(), 120)).decode().strip().partition(" ")
        assert how == "killed", (step, how)
        report.kills[step] = report.kills.get(step, 0) + 1


async def _within_the_process(
    place: Place, scenario: Scenario, report: Report, chance: random.Random, drip: DrippingPainter
) -> None:
    """Worker and relay in this process, so that their queue can be disturbed."""
    stopping = asyncio.Event()
    disturbed: list[DisturbedQueue] = []

    def disturb(queue: Any) -> Any:
        if not scenario.sqs_messages:
            return queue
        disturbed.append(DisturbedQueue(queue, chance, 0.5))
        return disturbed[-1]

    async with AsyncExitStack() as stack:
        worker_settings = _settings(ImageWorkerSettings, place.told("image-worker", CONCURRENCY="8"))
        relay_settings = _settings(OutboxRelaySettings, place.told("outbox-relay"))
        dependencies = await stack.enter_async_context(image_worker(worker_settings))
        relay_parts = await stack.enter_async_context(outbox_relay(relay_settings))
        url = drip.url if scenario.drips else f"{place.studio}/v1"
        painters = [await stack.enter_async_context(_painter(each)) for each in (f"{place.studio}/v1", url)]
        liar = Liar(chance, scenario.lies, report.lies)
        dependencies, provider = _lied_to(dependencies, liar)
        worker = ImageWorker(
            replace(
                dependencies,
                queue=disturb(dependencies.queue),
                providers=(replace(provider, dependencies=replace(provider.dependencies, painter=painters[0])),),
            ),
            worker_settings,
        )
        queues = {name: disturb(queue) for name, queue in relay_parts.queues.items()}
        relay = OutboxRelay(replace(relay_parts, queues=queues), relay_settings)
        tasks = [asyncio.create_task(each.work(stopping)) for each in (worker, relay)]
        impatient = asyncio.create_task(_be_impatient(place))
        try:
            await _disturb_until_enough(place, scenario, chance, disturbed)
            if scenario.drips:
                await _drip(place, scenario, worker, painters[1], chance)
            liar.share = 0.0
            for queue in disturbed:
                report.sqs_messages += queue.disturbed
                for kind, count in queue.kinds.items():
                    report.sqs_kinds[kind] = report.sqs_kinds.get(kind, 0) + count
                queue.calm()
            await settle(place, report, within_seconds=SETTLED_WITHIN_SECONDS)
        finally:
            impatient.cancel()
            stopping.set()
            await asyncio.gather(*tasks, impatient, return_exceptions=True)


def _lied_to(dependencies: ImageWorkerDependencies, liar: Liar) -> tuple[ImageWorkerDependencies, ImageProvider]:
    """The same dependencies, whose store and statements do what they are asked and then say that they failed."""
    generations, provider = dependencies.db.generations, dependencies.providers[0]
    told = {name: liar.about(name, getattr(generations, name)) for name in ("claim", "succeed", "give_up", "retry")}
    dependencies.db.generations = Around(generations, **told)  # type: ignore[assignment]
    failed = PaintingFailed(Failure.NOT_KEPT, "S3: so it says")
    store = Around(dependencies.store, put=liar.about("put", dependencies.store.put, failed))
    return dependencies, replace(provider, dependencies=replace(provider.dependencies, store=store))


async def _disturb_until_enough(
    place: Place, scenario: Scenario, chance: random.Random, disturbed: Sequence[DisturbedQueue]
) -> None:
    while True:
        asked = await ask(place, scenario, chance)
        await _cancel_some(place, scenario, asked, chance)
        async with asyncio.timeout(300):
            await _none(place, "queued")
        if sum(queue.disturbed for queue in disturbed) >= scenario.sqs_messages:
            return


async def _drip(
    place: Place, scenario: Scenario, worker: ImageWorker, painter: OpenAIPainter, chance: random.Random
) -> None:
    """All that come now are painted by one who never ends."""
    (provider,) = worker._admission._providers
    slow = replace(provider, dependencies=replace(provider.dependencies, painter=painter))
    worker._admission._providers = (slow,)
    await ask(place, Scenario(name="drips", generations=scenario.drips), chance)
    async with asyncio.timeout(300):
        await _none(place, "queued", "running")
    worker._admission._providers = (provider,)


async def _be_impatient(place: Place) -> None:
    """Forget what is known of the painters: a breaker that opens would leave no faults to see."""
    while True:
        if await place.db._pool.fetchval("delete from painters returning true"):
            place.db.notifier.notify(PAINTERS_CHANNEL)
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _painter(url: str) -> AsyncIterator[OpenAIPainter]:
    async with OpenAIPainter(api_key="sk-studio", base_url=url, silence_seconds=2, total_seconds=3) as painter:
        yield painter


S = TypeVar("S", bound=BaseSettings)


def _settings(kind: type[S], environment: dict[str, str]) -> S:
    """As a service reads its environment, in which there is more than it knows."""
    told = {name.lower(): value for name, value in environment.items()}
    return kind.model_validate({name: value for name, value in told.items() if name in kind.model_fields})


async def settle(place: Place, report: Report, *, within_seconds: float = SETTLED_WITHIN_SECONDS) -> None:
    """Nothing goes wrong any more: wait until everything has ended, no longer than is promised. The longest counts."""
    begun = asyncio.get_running_loop().time()
    with suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            await _none(place, "queued", "running")
    waited = asyncio.get_running_loop().time() - begun
    report.settled_after_seconds = max(report.settled_after_seconds, waited)


async def judge(place: Place, report: Report, drip: DrippingPainter) -> None:
    while await erase_orphans(place.db, place.store, grace=timedelta(0)):
        pass
    keys = {stored.key for stored in await _all_keys(place)}
    calls = [*await _calls(place), *drip.calls]
    for call in calls:
        report.painter_calls[call["outcome"]] = report.painter_calls.get(call["outcome"], 0) + 1
    connection = await asyncpg.connect(place.db.dsn)
    try:
        rows = await connection.fetch("select state::text, count(*) from generations group by state order by state")
        report.states = {row[0]: row[1] for row in rows}
        report.violations = await violations(connection, unknown_retries=UNKNOWN_RETRIES, keys=keys, calls=calls)
    finally:
        await connection.close()


async def _all_keys(place: Place) -> list[Any]:
    found: list[Any] = []
    while page := await place.store.keys_after("", found[-1].key if found else "", 1000):
        found += page
    return found


async def _calls(place: Place) -> list[dict[str, Any]]:
    """The whole log of the studio, of which tests that ran before have no part: their generations are others."""
    async with httpx2.AsyncClient(base_url=place.studio) as client:
        answer = await client.get("/studio/calls", params={"limit": 999_999})
    logged: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return logged
