"""The job as it is written without tatemono: one statement each, as good as for tatemono; fences and events none."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Callable
from uuid import UUID

DATABASE_URL = os.environ.get("DATABASE_URL", "")
REDIS_URL = os.environ.get("REDIS_URL", "")
SUBMITTERS = 8
#: Jobs at a time, wherever that can be said.
CONCURRENCY = 100
CONNECTIONS = 10
USERS = 1_000
FIRST_USER = 100_000_000_001
PICTURE = b"no picture"
_SHA256 = hashlib.sha256(PICTURE).digest()

SUBMIT = """
with payer as (
    update accounts set available = available - 2, held = held + 2, queued = queued + 1
    where user_id = $1 and available >= 2 returning user_id
), added as (
    insert into generations (user_id, price, prompt, size, quality, output_format, background, n, fingerprint)
    select user_id, 2, 'A lighthouse at dawn, seen from the sea', '1024x1024', 'low', 'png', 'auto', 1, '' from payer
    returning id, user_id, price
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'available', 'held', price from added
)
select id from added
"""
READ = "select user_id, prompt, size, quality, output_format, background, n, state from generations where id = $1"
SETTLE = """
with done as (
    update generations set state = 'succeeded', started_at = now(), finished_at = now()
    where id = $1 and state = 'queued' returning id, user_id, price
), account as (
    update accounts set held = held - price, spent = spent + price, queued = queued - 1
    from done where accounts.user_id = done.user_id
), transfer as (
    insert into credit_transfers (user_id, generation_id, out_of, into_pot, credits)
    select user_id, id, 'held', 'spent', price from done
), kept as (
    insert into pictures (user_id, generation_id, position, object_key, thumbnail_key, content_type, width, height,
        size_bytes, sha256, thumbhash)
    select user_id, id, 0, $2, $3, 'image/png', 1024, 1024, $4, $5, $6 from done
)
select id from done
"""


def psycopg(statement: str) -> str:
    """The statement with psycopg's placeholders; the numbers come in order."""
    for number in range(1, 7):
        statement = statement.replace(f"${number}", "%s")
    return statement


def user(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8000-{FIRST_USER + number % USERS}")


def result(generation_id: object) -> tuple[object, ...]:
    """The values of SETTLE."""
    stem = f"pictures/{generation_id}/1-0"
    return generation_id, f"{stem}.png", f"{stem}-thumbnail.webp", len(PICTURE), _SHA256, b"thumbhash"


async def each(jobs: int, submit: Callable[[int], Awaitable[object]]) -> None:
    """Submit them, a few at a time."""
    numbers = iter(range(jobs))

    async def one_after_the_other() -> None:
        for number in numbers:
            await submit(number)

    await asyncio.gather(*(one_after_the_other() for _ in range(SUBMITTERS)))


def main(submit: Callable[[int], None], work: Callable[[], None]) -> None:
    if sys.argv[1] == "submit":
        submit(int(sys.argv[2]))
    else:
        work()
