"""Keys that change while a service runs: the secret is read again, so that rotating them restarts no service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

#: A new key signs only after every process has had time to read it several times (laptop/keys.py).
READ_AGAIN_SECONDS = 60.0

log = structlog.get_logger()


@asynccontextmanager
async def following_secret(
    arn: str, take: Callable[[str], None], *, every_seconds: float = READ_AGAIN_SECONDS
) -> AsyncIterator[None]:
    """Give `take` the value of a secret again and again. What it refuses, or what cannot be read, changes nothing."""
    task = asyncio.create_task(_follow(arn, take, every_seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(arn: str, take: Callable[[str], None], every_seconds: float) -> None:
    known = ""
    await asyncio.sleep(every_seconds)
    # Only now, so that the start does not wait for the SDK.
    from tatemono.adapters.aws import aws_clients  # noqa: PLC0415

    async with aws_clients("secretsmanager") as (secretsmanager,):
        while True:
            try:
                value = (await secretsmanager.get_secret_value(SecretId=arn))["SecretString"]
                if value != known:
                    take(value)
                    known = value
            except Exception as error:  # noqa: BLE001 - after any error the keys that are known stay good
                # The type only: what is wrong with a key must not show the key.
                log.warning("signing_keys_not_read", error=type(error).__name__)
            await asyncio.sleep(every_seconds)
