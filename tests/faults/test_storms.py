"""What the services stand on goes away and comes back: afterwards nothing may be wrong."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from faults.disturbances import DrippingPainter
from faults.ground import Ground, kept_up
from faults.runner import LEASE_SECONDS, SETTLED_WITHIN_SECONDS, Place, Report, ask, judge, settle
from faults.scenarios import TIMES, Scenario
from tatemono.adapters.aws import aws_clients

pytest_plugins = ["faults.places"]

_STORMY_SECONDS = 4
_STORMS = min(TIMES, 10)


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
        "begin; set local lock_timeout = 0; lock table accounts, generations in access exclusive mode;"
        f" select pg_sleep({_STORMY_SECONDS}); commit"
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


@pytest.mark.long
class TestStorms:
    @pytest.mark.parametrize("name", STORMS)
    async def test_leave_nothing_wrong(self, ground: Ground, name: str) -> None:
        scenario = Scenario(name=name, generations=10, painter_faults={"latency=0.5": 10})
        report = Report(scenario)
        chance = random.Random(scenario.seed)  # noqa: S311 - reproducible, no secret
        async with kept_up(ground, "outbox-relay"), kept_up(ground, "image-worker"), kept_up(ground, "image-worker", 1):
            for _ in range(_STORMS):
                await ask(ground.place, scenario, chance)
                await _some_run(ground.place)
                await STORMS[name](ground)
                await settle(ground.place, report)
        await judge(ground.place, report, DrippingPainter())
        report.keep()
        assert report.violations == []
        assert report.settled_after_seconds < SETTLED_WITHIN_SECONDS
        # What was painted when its worker could not write it down may have been given up; the rest went on.
        assert report.states.get("succeeded", 0) > 10 * _STORMS, report.states


async def _some_run(place: Place) -> None:
    async with asyncio.timeout(30):
        while not await place.db._pool.fetchval("select count(*) from generations where state = 'running'"):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.02)
