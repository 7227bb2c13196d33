"""Answers that take the same time, so that the time tells nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def constant_time(seconds: float, *, only: type[Exception] | None = None) -> AsyncIterator[None]:
    """Make the block take so long at least. Choose more than it ever needs, or the rest shows.

    :param only: wait if this comes out; everything else is answered at once
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    try:
        yield
    except Exception as error:
        if only is None or isinstance(error, only):
            await asyncio.sleep(end - loop.time())
        raise
    if only is None:
        await asyncio.sleep(end - loop.time())
