"""Clients of AWS services. Region, endpoint and credentials come from the variables that every AWS SDK reads.

https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

_CONNECT_TIMEOUT_SECONDS = 3
# Longer than the longest poll of SQS, 20 seconds.
_READ_TIMEOUT_SECONDS = 30


@lru_cache(maxsize=1)
def _session(_variables: tuple[tuple[str, str], ...]) -> AioSession:
    """One for all clients of a process: it reads AWS's list of endpoints (8 MB), and gets and renews credentials.

    Another for other variables.
    """
    return get_session()


@asynccontextmanager
async def aws_clients(*services: str, connections: int = 20, attempts: int = 3) -> AsyncIterator[tuple[Any, ...]]:
    """A client for each of `services` (`sqs`, `s3`, …), closed at the end.

    To make a client takes tens of milliseconds (the service's model is read), so they are made once per process.
    Throttling, timeouts and errors of the service are tried again: each call must bear repetition.

    :param connections: how many calls each client makes at a time; more wait for their turn
    :param attempts: how often a call is made at most; 1 if it must not be repeated
    """
    session = _session(tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))))
    config = AioConfig(
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # Forms of presigned POSTs would be signed as in 2006 otherwise, which S3 takes in its oldest regions only. A body
    # has a checksum, which is signed: over HTTPS the SDK does not hash it a second time, nor shall it on the laptop.
    signed = {"s3": config.merge(AioConfig(signature_version="s3v4", s3={"payload_signing_enabled": False}))}
    async with AsyncExitStack() as stack:
        yield tuple(
            [
                await stack.enter_async_context(session.create_client(service, config=signed.get(service, config)))
                for service in services
            ]
        )
