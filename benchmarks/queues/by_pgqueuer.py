"""pgqueuer on the same PostgreSQL, with asyncpg: a job is queued in the transaction that writes it."""

import asyncpg
import uvloop
from benchmarks.queues import plain
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

TICKET = "paint"
_BATCH = 50


async def install() -> None:
    connection = await asyncpg.connect(plain.DATABASE_URL)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def submit(jobs: int) -> None:
    async with asyncpg.create_pool(plain.DATABASE_URL, min_size=plain.SUBMITTERS, max_size=plain.SUBMITTERS) as pool:

        async def one(number: int) -> None:
            async with pool.acquire() as connection, connection.transaction():
                generation_id = await connection.fetchval(plain.SUBMIT, plain.user(number))
                await Queries(AsyncpgDriver(connection)).enqueue(TICKET, str(generation_id).encode())

        await plain.each(jobs, one)


async def work() -> None:
    async with asyncpg.create_pool(plain.DATABASE_URL, min_size=plain.CONNECTIONS, max_size=plain.CONNECTIONS) as pool:
        manager = QueueManager(Queries(AsyncpgPoolDriver(pool)))

        @manager.entrypoint(TICKET)
        async def paint(job: Job) -> None:
            assert job.payload is not None
            generation_id = job.payload.decode()
            await pool.fetchrow(plain.READ, generation_id)
            await pool.fetchval(plain.SETTLE, *plain.result(generation_id))

        await manager.run(batch_size=_BATCH, max_concurrent_tasks=plain.CONCURRENCY)


if __name__ == "__main__":
    plain.main(lambda jobs: uvloop.run(submit(jobs)), lambda: uvloop.run(work()))
