"""What is the same for queues of threads and processes: psycopg, and no asyncio."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from benchmarks.queues import plain
from psycopg_pool import ConnectionPool


@cache
def connections(size: int) -> ConnectionPool[Any]:
    return ConnectionPool(plain.DATABASE_URL, min_size=1, max_size=size, open=True)


def settle(generation_id: str) -> None:
    with connections(plain.CONNECTIONS).connection() as connection:
        connection.execute(plain.psycopg(plain.READ), (generation_id,))
        connection.execute(plain.psycopg(plain.SETTLE), plain.result(generation_id))


def submit(jobs: int, send: Any) -> None:
    """Write each job, and after its commit give it to `send`: between the two it may be lost."""

    def one(number: int) -> None:
        with connections(plain.SUBMITTERS).connection() as connection:
            row = connection.execute(plain.psycopg(plain.SUBMIT), (plain.user(number),)).fetchone()
        assert row is not None
        send(str(row[0]))

    with ThreadPoolExecutor(plain.SUBMITTERS) as threads:
        for _ in threads.map(one, range(jobs)):
            pass
