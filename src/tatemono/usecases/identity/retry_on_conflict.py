"""A transaction over two accounts locks much of them, and gives way to one that was first."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tatemono.domain.identity.merges import AccountsBusy

#: Between the tries.
_PAUSES_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)

T = TypeVar("T")


async def retry_on_conflict(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try a whole transaction until no other is in its way.

    :raises AccountsBusy: there was one each time
    """
    for pause in _PAUSES_SECONDS:
        try:
            return await attempt()
        except AccountsBusy:
            await asyncio.sleep(pause)
    return await attempt()
