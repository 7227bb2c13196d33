"""Open event streams on one process of the mobile API: their memory, the processor at rest, commit → event."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import quantiles
from uuid import UUID

import asyncpg
import psutil
from benchmarks.place import facts
from benchmarks.stage import USERS, Contender, Stage, stage
from benchmarks.table import Section, Table, number
from rich.console import Console

from tatemono.adapters.postgres.notifications import Notifier
from tatemono.usecases.ports import EVENTS_CHANNEL

SIZES = (1_000, 5_000)
#: Two heartbeats of each stream.
REST_SECONDS = 30.0
EVENTS_A_SECOND = 200
STEADY_SECONDS = 10.0
BURSTS = 10
_SETTLED_SECONDS = 3.0
_ARRIVES_WITHIN_SECONDS = 20.0
_OPENING = 50

_RUNNING = f"""
insert into generations (user_id, prompt, size, quality, output_format, background, n, price, fingerprint, state, fence,
    started_at, lease_expires_at)
select id, 'A lighthouse', '1024x1024', 'low', 'png', 'auto', 1, 2, '', 'running', 1, now(), now() + interval '1 day'
from generate_series(1, $1::int / {USERS}) cross join (select id from users order by id) people
returning id, user_id
"""
_EVENT = """
insert into generation_events (generation_id, kind, data)
select id, 'partial', jsonb_build_object('index', $2::int, 'webp_base64', repeat('A', 4000)) from unnest($1::uuid[]) id
"""
_QUERIES = """
select coalesce(sum(xact_commit + xact_rollback), 0)::bigint
from pg_stat_database where datname = current_database()
"""


class _Follower(asyncio.Protocol):
    """A phone that follows one stream, and notes when each event comes."""

    def __init__(self, head: bytes, arrived: "asyncio.Queue[tuple[int, float]]") -> None:
        self._head = head
        self._arrived = arrived
        self._text = b""
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._head)  # type: ignore[attr-defined]  # uvloop's is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self._text += data
        *blocks, self._text = self._text.split(b"\n\n")
        for block in blocks:
            if b"event: queued" in block and not self.open.done():
                self.open.set_result(None)
            elif (place := block.find(b'"index":')) >= 0:
                digits = block[place + 8 : place + 24].strip().split(b",")[0].rstrip(b"}")
                self._arrived.put_nowait((int(digits), now))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(error or RuntimeError(f"a stream was refused: {self._text[:500]!r}"))


async def measure(console: Console) -> Section:
    where = facts("granian", "fastapi", "uvloop")
    rows, delays = [], []
    for size in SIZES:
        async with stage(("tatemono",), cold_tokens=0) as ready:
            contender = ready.contenders["tatemono"]
            url = ready.cluster.dsn("tatemono")
            connection = await asyncpg.connect(url)
            generations = [(row[0], row[1]) for row in await connection.fetch(_RUNNING, size)]
            # What a process takes once for its first streams is not a stream's.
            async with _followed(ready, contender, generations[:50], asyncio.Queue()):
                await asyncio.sleep(1)
            await asyncio.sleep(1)
            before = _memory(contender)
            arrived: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
            with console.status(f"{size:,} streams"):
                async with _followed(ready, contender, generations, arrived):
                    await asyncio.sleep(_SETTLED_SECONDS)
                    memory = (_memory(contender) - before) / size
                    cpu, queries = await _rest(contender, connection)
                    steady = await _delays(url, connection, generations, arrived, 1)
                    burst = await _delays(url, connection, generations, arrived, size)
            await connection.close()
            rows.append([f"{size:,}", number(memory / 1000, 1), number(cpu * 1000, 1), number(queries, 2)])
            delays += [
                [f"{size:,} streams, {EVENTS_A_SECOND} events/s", *_cuts(steady)],
                [f"{size:,} streams, an event of each at the same moment", *_cuts(burst)],
            ]
    told = (
        f"One process of the mobile API at its own port, each stream with its own generation. The processor over "
        f"{REST_SECONDS:.0f} s in which nothing happens but heartbeats. {ready.cores.remark} Wanted: ≤ 30 kB a stream."
    )
    columns = ["streams", "kB resident each", "CPU ms/s at rest", "transactions/s at rest"]
    first = Table("Open event streams on one process", columns, rows, told)
    told = (
        "From the answer to the commit to the last byte of the event at the phone, an unfinished picture of 4 kB each; "
        "the phones are on the same machine and take of its time. Wanted: p99 ≤ 100 ms at 1,000 streams."
    )
    second = Table("Commit → event, milliseconds", ["", "p50", "p90", "p99", "most"], delays, told)
    return Section("Streams", where, [first, second])


@asynccontextmanager
async def _followed(
    ready: Stage,
    contender: Contender,
    generations: list[tuple[UUID, UUID]],
    arrived: "asyncio.Queue[tuple[int, float]]",
) -> AsyncIterator[None]:
    tokens = ready.warm_tokens.read_text().split()
    people = sorted({user_id for _, user_id in generations})
    token_of = dict(zip(people, tokens[: len(people)], strict=True))
    loop, transports = asyncio.get_running_loop(), []
    opening = asyncio.Semaphore(_OPENING)

    async def follow(generation_id: UUID, user_id: UUID) -> None:
        head = (
            f"GET /v1/api/generations/{generation_id}/events HTTP/1.1\r\nHost: localhost\r\n"
            f"X-Origin-Verify: {ready.origin_verify}\r\nAuthorization: Bearer {token_of[user_id]}\r\n\r\n"
        ).encode()
        async with opening:
            transport, follower = await loop.create_connection(
                lambda: _Follower(head, arrived), "127.0.0.1", contender.port
            )
            transports.append(transport)
            await follower.open

    try:
        await asyncio.gather(*(follow(*each) for each in generations))
        yield
    finally:
        for transport in transports:
            transport.abort()


def _memory(contender: Contender) -> int:
    """Resident bytes of the process and its children, without what they share."""
    process = psutil.Process(contender.pid)
    return sum(each.memory_full_info().uss for each in [process, *process.children(recursive=True)])


async def _rest(contender: Contender, connection: asyncpg.Connection) -> tuple[float, float]:
    """Processor seconds and transactions, each a second, while nothing happens."""
    cpu, queries = contender.cpu_seconds(), await connection.fetchval(_QUERIES)
    await asyncio.sleep(REST_SECONDS)
    spent = contender.cpu_seconds() - cpu
    # Statistics come with a delay of a second at most; one transaction is this one.
    return spent / REST_SECONDS, max(await connection.fetchval(_QUERIES) - queries - 1, 0) / REST_SECONDS


async def _delays(
    url: str,
    connection: asyncpg.Connection,
    generations: list[tuple[UUID, UUID]],
    arrived: "asyncio.Queue[tuple[int, float]]",
    together: int,
) -> list[float]:
    """Seconds from each commit to each of its events."""
    loop, chance = asyncio.get_running_loop(), random.Random(1)  # noqa: S311 - which stream is next is no secret
    rounds = BURSTS if together > 1 else int(EVENTS_A_SECOND * STEADY_SECONDS)
    committed: dict[int, float] = {}
    found: list[float] = []
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        notifier = Notifier(pool)
        for number_ in range(rounds):
            chosen = generations if together > 1 else [chance.choice(generations)]
            await connection.execute(_EVENT, [generation_id for generation_id, _ in chosen], number_)
            committed[number_] = loop.time()
            for generation_id, _ in chosen:
                notifier.notify(EVENTS_CHANNEL, str(generation_id))
            if together > 1:
                found += await _collect(arrived, committed, together)
            else:
                await asyncio.sleep(chance.expovariate(EVENTS_A_SECOND))
        if together == 1:
            found = await _collect(arrived, committed, rounds)
        await notifier.close()
    return found


async def _collect(arrived: "asyncio.Queue[tuple[int, float]]", committed: dict[int, float], count: int) -> list[float]:
    """:raises TimeoutError: some did not come"""
    found = []
    async with asyncio.timeout(_ARRIVES_WITHIN_SECONDS):
        for _ in range(count):
            index, at = await arrived.get()
            found.append(at - committed[index])
    return found


def _cuts(delays: list[float]) -> list[str]:
    cuts = quantiles((delay * 1000 for delay in delays), n=100)
    return [number(each, 1) for each in (cuts[49], cuts[89], cuts[98], max(delays) * 1000)]
