"""procrastinate on the same PostgreSQL, with psycopg: a job is queued in the transaction that writes it."""

import uvloop
from benchmarks.queues import plain
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

app = App(
    connector=PsycopgConnector(conninfo=plain.DATABASE_URL, min_size=plain.CONNECTIONS, max_size=plain.CONNECTIONS)
)


def pool(size: int) -> AsyncConnectionPool:
    return AsyncConnectionPool(plain.DATABASE_URL, min_size=size, max_size=size, open=False)


_results = pool(plain.CONNECTIONS)


@app.task(name="paint")
async def paint(generation_id: str) -> None:
    async with _results.connection() as connection:
        await connection.execute(plain.psycopg(plain.READ), (generation_id,))
        await connection.execute(plain.psycopg(plain.SETTLE), plain.result(generation_id))


async def install() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def submit(jobs: int) -> None:
    async with app.open_async(), pool(plain.SUBMITTERS) as connections:

        async def one(number: int) -> None:
            async with connections.connection() as connection:
                found = await connection.execute(plain.psycopg(plain.SUBMIT), (plain.user(number),))
                row = await found.fetchone()
                assert row is not None
                await paint.configure(connection=connection).defer_async(generation_id=str(row[0]))

        await plain.each(jobs, one)


async def work() -> None:
    async with app.open_async(), _results:
        await app.run_worker_async(
            concurrency=plain.CONCURRENCY, delete_jobs="successful", install_signal_handlers=False
        )


if __name__ == "__main__":
    plain.main(lambda jobs: uvloop.run(submit(jobs)), lambda: uvloop.run(work()))
