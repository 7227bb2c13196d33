"""What the services stand on goes away and comes back: afterwards nothing may be wrong."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from faults.disturbances import DrippingPainter, WeatherProxy, weather_proxy
from faults.own_postgres import OwnPostgres, SmallDisk, own_postgres, small_disk
from faults.runner import LEASE_SECONDS, SETTLED_WITHIN_SECONDS, Place, Report, ask, judge, settle
from faults.scenarios import TIMES, Scenario
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.postgres.database import Database
from tatemono.plan import Plan

pytest_plugins = ["faults.places"]

_SKEWED = Path(__file__).with_name("skewed.py")
_AGAIN_AFTER_SECONDS = 0.2
_STORMY_SECONDS = 4


@dataclass
class Ground:
    """:ivar disk: of PostgreSQL, if it is a small one
    :ivar processes: of each service, as long as it lives
    :ivar hours: how far its clock is off, when it starts the next time
    """

    place: Place
    postgres: OwnPostgres
    proxy: WeatherProxy
    disk: SmallDisk | None
    processes: dict[tuple[str, int], asyncio.subprocess.Process] = field(default_factory=dict)
    hours: dict[tuple[str, int], int] = field(default_factory=dict)


Storm = Callable[[Ground], Awaitable[None]]


async def killed(ground: Ground) -> None:
    await ground.postgres.kill()
    await asyncio.sleep(1)
    await ground.postgres.start()


async def restarted(ground: Ground) -> None:
    await ground.postgres.stop()
    await ground.postgres.start()


async def cut_off(ground: Ground) -> None:
    """Every connection, again and again."""
    until = asyncio.get_running_loop().time() + _STORMY_SECONDS
    while asyncio.get_running_loop().time() < until:
        await ground.postgres.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname is not null"
        )
        await asyncio.sleep(random.uniform(0.02, 0.3))  # noqa: S311 - no secret


async def locked(ground: Ground) -> None:
    """Statements wait for a migration that takes long, and some of them for longer than they may."""
    await ground.postgres.execute("alter database tatemono set lock_timeout = '200ms'")
    await ground.postgres.execute(
        f"begin; lock table accounts, generations in access exclusive mode; select pg_sleep({_STORMY_SECONDS}); commit"
    )
    await ground.postgres.execute("alter database tatemono reset lock_timeout")


async def stopped_worker(ground: Ground) -> None:
    """A worker stands still for twice its leases and goes on, convinced that it holds its jobs."""
    process = ground.processes["image-worker", 0]
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2 * LEASE_SECONDS)
    process.send_signal(signal.SIGCONT)


async def poisoned(ground: Ground) -> None:
    """Messages that nobody of ours wrote. Nothing is read from a ticket but that it came, so they do no harm."""
    async with aws_clients("sqs") as (sqs,):
        for poison in POISON:
            await sqs.send_message(QueueUrl=ground.place.environment["IMAGE_JOBS_QUEUE_URL"], MessageBody=poison)


def s3(weather: str) -> Storm:
    async def storm(ground: Ground) -> None:
        ground.proxy.weather = weather
        await asyncio.sleep(_STORMY_SECONDS)
        assert ground.proxy.suffered.get(weather), "nobody noticed"
        ground.proxy.weather = "fair"

    return storm


async def out_of_step(ground: Ground) -> None:
    """All are started again with clocks that are an hour off, each otherwise, and stay so."""
    ground.hours.update({("image-worker", 0): 1, ("image-worker", 1): -1, ("outbox-relay", 0): -1})
    for process in list(ground.processes.values()):
        process.kill()
    await asyncio.sleep(2)


async def full_disk(ground: Ground) -> None:
    assert ground.disk
    ground.disk.fill()
    await asyncio.sleep(_STORMY_SECONDS)
    ground.disk.empty()
    if not ground.postgres.lives:  # it could not even write down that it recovered
        await ground.postgres.start()


POISON = (
    *(" ", "null", "[]", "{}", "0", "-1", "1e999", '"', "{", "]", "\t\n", "\ufffd", "狐" * 10_000, "x" * 250_000),
    *("[" * 5_000, str(UUID(int=0)), str(uuid4()), "'; drop table generations; --", '{"generation_id": null}'),
    '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
)

STORMS: dict[str, Storm] = {
    "PostgreSQL killed": killed,
    "PostgreSQL restarted": restarted,
    "connections cut": cut_off,
    "tables locked": locked,
    "a worker stopped for two leases": stopped_worker,
    "20 kinds of poison": poisoned,
    "S3 refusing": s3("refusing"),
    "S3 slow": s3("slow"),
    "S3 hanging up": s3("cutting"),
    "clocks two hours apart": out_of_step,
    "disk full": full_disk,
}

#: `tatemono test` has no time for all of them.
_OFTEN = ("PostgreSQL killed", "connections cut", "a worker stopped for two leases", "S3 refusing", "disk full")


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk | None]:
    if request.node.callspec.params["name"] != "disk full":
        yield None
        return
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
async def ground(place: Place, plan: Plan, tmp_path: Path, disk: SmallDisk | None) -> AsyncIterator[Ground]:
    async with (
        own_postgres(disk.folder if disk else tmp_path, plan) as postgres,
        await Database.connect(postgres.cluster.dsn("tatemono"), service="test") as db,
        weather_proxy(place.environment["AWS_ENDPOINT_URL"]) as (proxy, url),
    ):
        environment = place.environment | {"AWS_ENDPOINT_URL_S3": url}
        here = replace(place, db=db, urls=postgres.urls, environment=environment)
        yield Ground(here, postgres, proxy, disk)


@asynccontextmanager
async def kept_up(ground: Ground, service: str, number: int = 0) -> AsyncIterator[None]:
    """A service as ECS keeps it: started again when it ends."""

    async def keep() -> None:
        while True:
            hours = str(ground.hours.get((service, number), 0))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(_SKEWED), hours, f"tatemono.entrypoints.{service.replace('-', '_')}"),
                env=ground.place.told(service) | {"PATH": os.environ["PATH"]},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            ground.processes[service, number] = process
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


class TestStorms:
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=[] if name in _OFTEN else [pytest.mark.long]) for name in STORMS]
    )
    async def test_leave_nothing_wrong(self, ground: Ground, name: str) -> None:
        scenario = Scenario(name=name, generations=10, painter_faults={"latency=0.5": 10})
        report = Report(scenario)
        chance = random.Random(scenario.seed)  # noqa: S311 - reproducible, no secret
        async with kept_up(ground, "outbox-relay"), kept_up(ground, "image-worker"), kept_up(ground, "image-worker", 1):
            for _ in range(TIMES):
                await ask(ground.place, scenario, chance)
                await _some_run(ground.place)
                await STORMS[name](ground)
            await settle(ground.place, report)
        await judge(ground.place, report, DrippingPainter())
        report.keep()
        assert report.violations == []
        assert report.settled_after_seconds < SETTLED_WITHIN_SECONDS
        # What was painted when its worker could not write it down may have been given up; the rest went on.
        assert report.states.get("succeeded", 0) > 10 * TIMES, report.states


async def _some_run(place: Place) -> None:
    async with asyncio.timeout(30):
        while not await place.db._pool.fetchval("select count(*) from generations where state = 'running'"):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.02)
