"""arq on Redis, with asyncpg: a job is queued after the transaction that writes it."""

from typing import Any, cast

import asyncpg
import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func
from benchmarks.queues import plain


async def submit(jobs: int) -> None:
    redis = await create_pool(RedisSettings.from_dsn(plain.REDIS_URL))
    async with asyncpg.create_pool(plain.DATABASE_URL, min_size=plain.SUBMITTERS, max_size=plain.SUBMITTERS) as pool:

        async def one(number: int) -> None:
            generation_id = await pool.fetchval(plain.SUBMIT, plain.user(number))
            await redis.enqueue_job("paint", str(generation_id))

        await plain.each(jobs, one)
    await redis.aclose()


async def work() -> None:
    async with asyncpg.create_pool(plain.DATABASE_URL, min_size=plain.CONNECTIONS, max_size=plain.CONNECTIONS) as pool:

        async def paint(_context: dict[Any, Any], generation_id: str) -> None:
            await pool.fetchrow(plain.READ, generation_id)
            await pool.fetchval(plain.SETTLE, *plain.result(generation_id))

        worker = Worker(
            [func(cast("Any", paint), name="paint", keep_result=0)],
            redis_settings=RedisSettings.from_dsn(plain.REDIS_URL),
            max_jobs=plain.CONCURRENCY,
            poll_delay=0.05,
            handle_signals=False,
        )
        await worker.async_run()


if __name__ == "__main__":
    plain.main(lambda jobs: uvloop.run(submit(jobs)), lambda: uvloop.run(work()))
