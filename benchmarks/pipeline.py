"""Jobs a second: submitted, queued, worked on, settled; tatemono and other queues, with the same job on one server."""

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from benchmarks.place import PROJECT, Cores, cpu_seconds, execute, facts, free_port, listens, postgres, running, scratch
from benchmarks.queues import plain
from benchmarks.table import Section, Table, number, ratio
from rich.console import Console

from tatemono.adapters.aws import aws_clients
from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.building import clean_environment
from tatemono_tools.laptop.cloud import cloud_command, cloud_ready
from tatemono_tools.laptop.postgres.database import EmbeddedPostgres
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.plan.building import read_plan

ROUNDS = 3
#: Jobs of a run of the whole pipeline, and of one of the worker alone; fewer for those that would take minutes.
JOBS = 5_000
SLOW_JOBS = 500
#: Between these shares of the jobs the worker is measured: neither its start nor its last jobs.
_FROM, _TO = 0.2, 0.95
_DONE_WITHIN_SECONDS = 90
_POLL_SECONDS = 0.05
REDIS = shutil.which("redis-server")

_PEOPLE = f"""
insert into users (id) select ('00000000-0000-7000-8000-' || ({plain.FIRST_USER} + i)::text)::uuid
from generate_series(0, {plain.USERS - 1}) i;
insert into accounts (user_id) select id from users;
"""
_TABLES = """generations, credit_transfers, outbox, budget_shards, budget_returns, attempts,
    pictures, generation_events, queue_forecasts, pgqueuer, pgqueuer_log, pgqueuer_statistics, procrastinate_jobs,
    procrastinate_events"""
_FRESH = """
update accounts set available = 1000000000, held = 0, spent = 0, queued = 0, running = 0,
    last_claimed_at = '-infinity'
"""
_CLEAR = (f"truncate {_TABLES} cascade", _FRESH, "vacuum analyze accounts", "checkpoint")
_WRITTEN = """
select (select count(*) from generations where state = 'succeeded'), (select count(*) from pictures),
    (select count(*) from credit_transfers where into_pot = 'spent'), (select sum(spent) from accounts) / 2
"""
_SPAN = """
select count(*) / extract(epoch from max(finished_at) - min(created_at))::float8 from generations
"""


@dataclass(frozen=True)
class Contender:
    """:ivar queue: what carries its jobs
    :ivar besides: other processes of it
    """

    module: str
    queue: str
    words: tuple[str, ...] = ()
    besides: tuple[tuple[str, ...], ...] = ()
    jobs: int = JOBS


_RELAY = ("-m", "benchmarks.queues.by_tatemono", "work", "relay")
CONTENDERS = {
    "tatemono, a queue in memory instead of SQS": Contender("by_tatemono", "memory", ("alone",)),
    "tatemono, SQS": Contender("by_tatemono", "SQS, emulated", besides=(_RELAY,)),
    "pgqueuer": Contender("by_pgqueuer", "PostgreSQL"),
    "procrastinate": Contender("by_procrastinate", "PostgreSQL", jobs=SLOW_JOBS),
    "Celery, SQS": Contender("by_celery", "SQS, emulated", jobs=SLOW_JOBS),
}
if REDIS:
    CONTENDERS |= {
        "dramatiq": Contender("by_dramatiq", "Redis"),
        "arq": Contender("by_arq", "Redis"),
    }
_FIRST = next(iter(CONTENDERS))


@dataclass
class Result:
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def against(self, other: "Result") -> float:
        """The median of the rounds' own ratios."""
        return median(mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=True))


_PACKAGES = ("asyncpg", "ministack", "celery", "kombu", "pgqueuer", "procrastinate", "dramatiq", "arq")
_NO_REDIS = "" if REDIS else " Without `redis-server` there are neither dramatiq nor arq."


async def measure(console: Console) -> Section:
    where = facts(*_PACKAGES)
    async with ground() as place:
        found = await _interleave(console, place, "pipeline", place.pipeline)
    rows = [
        [name, CONTENDERS[name].queue, number(median(result.rates)), ratio(result.against(found[_FIRST]))]
        for name, result in found.items()
    ]
    told = (
        f"{JOBS:,} jobs ({SLOW_JOBS:,} of the slow), from the first submitted to the last settled, while one process "
        "submits and one works (tatemono with SQS: a relay, too); nothing is pinned. Where SQS is emulated, the "
        f"emulator is most of what is measured.{_NO_REDIS}"
    )
    table = Table("Submit → queue → worker → done", ["", "queue", "jobs/s", "ratio"], rows, told)
    return Section("Pipeline", where, [table])


async def measure_workers(console: Console) -> Section:
    where = facts(*_PACKAGES)
    async with ground() as place:
        found = await _interleave(console, place, "worker alone", place.worker_alone)
    rows = [
        [
            name,
            CONTENDERS[name].queue,
            number(median(result.rates)),
            number(median(result.cpu_us)),
            number(1e6 / median(result.cpu_us)),
            ratio(result.against(found[_FIRST])),
        ]
        for name, result in found.items()
    ]
    told = (
        f"{JOBS:,} jobs ({SLOW_JOBS:,} of the slow) of {plain.USERS:,} people wait in the queue when the worker "
        f"starts; measured between {_FROM:.0%} and {_TO:.0%} of them. {place.cores.remark} Wanted: tatemono ≥ 3,000 "
        "jobs/s per core of worker, and faster than all others. Its jobs also have leases, fences, attempts, turns "
        "among people, money set aside, and events that phones follow; the relay is part of its first worker's "
        f"process.{_NO_REDIS}"
    )
    columns = ["", "queue", "jobs/s", "CPU µs/job", "jobs/s per core", "ratio"]
    table = Table("The worker alone, a painter that takes no time, everything persisted", columns, rows, told)
    return Section("Workers", where, [table])


async def _interleave(console: Console, place: "Ground", what: str, run: Any) -> dict[str, Result]:
    found = {name: Result() for name in CONTENDERS}
    for round_ in range(ROUNDS):
        for name, contender in CONTENDERS.items():
            with console.status(f"{what}: round {round_ + 1} of {ROUNDS}, {name}"):
                await place.clear()
                await run(contender, found[name])
            console.print(f"{what}: {name}: {found[name].rates[-1]:,.0f} jobs/s", style="dim")
    return found


@dataclass
class Ground:
    folder: Path
    cores: Cores
    database: str
    environment: dict[str, str]
    sqs: Any

    async def clear(self) -> None:
        await execute(self.database, *_CLEAR)
        self.environment["JOBS_QUEUE_URL"] = (await self.sqs.create_queue(QueueName=f"jobs-{secrets.token_hex(4)}"))[
            "QueueUrl"
        ]

    async def worker_alone(self, contender: Contender, result: Result) -> None:
        await self._submit(contender)
        async with AsyncExitStack() as stack:
            begun = asyncio.get_running_loop().time
            for words in contender.besides:
                await stack.enter_async_context(self._process("besides", words))
            pid = await stack.enter_async_context(self._process("worker", self._words(contender, "work"), pinned=True))
            count, cpu, at = 0, 0.0, 0.0
            async for done in self._progress(contender.jobs, _TO):
                now = done, cpu_seconds(pid), begun()
                if not count and done >= contender.jobs * _FROM:
                    count, cpu, at = now
            result.rates.append((now[0] - count) / (now[2] - at))
            result.cpu_us.append((now[1] - cpu) / (now[0] - count) * 1e6)

    async def pipeline(self, contender: Contender, result: Result) -> None:
        async with AsyncExitStack() as stack:
            for words in contender.besides:
                await stack.enter_async_context(self._process("besides", words))
            await stack.enter_async_context(self._process("worker", self._words(contender, "work")))
            # Until it is ready: nobody submits to a worker that still starts.
            await asyncio.sleep(3)
            await self._submit(contender)
            async for _ in self._progress(contender.jobs, 1.0):
                pass
        connection = await asyncpg.connect(self.database)
        written, rate = await connection.fetchrow(_WRITTEN), await connection.fetchval(_SPAN)
        await connection.close()
        if set(map(int, written)) != {contender.jobs}:
            raise RuntimeError(f"{contender.module}: {contender.jobs} jobs, but {list(written)} were written")
        result.rates.append(rate)

    async def _progress(self, jobs: int, share: float) -> AsyncIterator[int]:
        """How many are done, again and again, until it is that share of them."""
        connection = await asyncpg.connect(self.database)
        try:
            async with asyncio.timeout(_DONE_WITHIN_SECONDS):
                done = 0
                while done < jobs * share:
                    await asyncio.sleep(_POLL_SECONDS)
                    done = await connection.fetchval("select count(*) from generations where state = 'succeeded'")
                    if done:
                        yield done
        finally:
            await connection.close()

    def _words(self, contender: Contender, *words: str) -> tuple[str, ...]:
        return ("-m", f"benchmarks.queues.{contender.module}", *words, *contender.words)

    async def _submit(self, contender: Contender) -> None:
        words = self._words(contender, "submit", str(contender.jobs))
        log = self.folder / "submit.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *words, env=self.environment, cwd=PROJECT, stdout=output, stderr=output
            )
            if await process.wait():
                raise RuntimeError(f"{contender.module} did not submit:\n{log.read_text()[-3000:]}")

    @asynccontextmanager
    async def _process(self, name: str, words: Sequence[str], *, pinned: bool = False) -> AsyncIterator[int]:
        argv = [sys.executable, *words]

        async def at_once() -> bool:
            return True

        async with running(
            self.cores.application(argv) if pinned else argv,
            at_once,
            log=self.folder / f"{name}.log",
            environment=self.environment,
        ) as process:
            yield process.pid


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """PostgreSQL, the embedded cloud, and Redis where it is installed."""
    cores = Cores()
    with scratch() as folder:
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(postgres(folder, cores))
            told = await _database(cluster) | await _cloud(stack, folder, cores)
            if REDIS:
                port = free_port()
                told["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
                argv = cores.others(
                    [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
                )
                # As durable as the others: each write reaches the disk within a second.
                argv += ["--appendonly", "yes"]
                await stack.enter_async_context(running(argv, listens(port), log=folder / "redis.log"))
            environment = clean_environment() | told
            os.environ.update({name: value for name, value in told.items() if name.startswith("AWS_")})
            (sqs,) = await stack.enter_async_context(aws_clients("sqs"))
            for module in ("by_pgqueuer", "by_procrastinate"):
                install = f"import uvloop; from benchmarks.queues.{module} import install; uvloop.run(install())"
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", install, env=environment, cwd=PROJECT
                )
                if await process.wait():
                    raise RuntimeError(f"the tables of {module} are not made")
            yield Ground(folder, cores, told["DATABASE_URL"], environment, sqs)


async def _database(cluster: EmbeddedPostgres) -> dict[str, str]:
    plan = read_plan().database
    address = f"127.0.0.1:{cluster.port}"
    urls = {role: secret_values.database_url(role, address, plan.name, None) for role in plan.roles}
    await prepare_database(plan, cluster.dsn(), urls)
    await execute(cluster.dsn(plan.name), _PEOPLE)
    return {"DATABASE_URL": cluster.dsn(plan.name), "ROLE_URLS": json.dumps(urls)}


async def _cloud(stack: AsyncExitStack, folder: Path, cores: Cores) -> dict[str, str]:
    port, secret, region = free_port(), secrets.token_urlsafe(24), read_plan().region
    argv, environment = cloud_command(
        folder / "cloud", port, account_id="000000000001", secret_access_key=secret, region=region
    )
    await stack.enter_async_context(
        running(cores.others(argv), lambda: cloud_ready(port), log=folder / "cloud.log", environment=environment)
    )
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "000000000001",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
