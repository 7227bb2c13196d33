"""What the background services share: logs, and the signal that ends them."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
import uvloop

from tatemono.entrypoints.logs import start_logging
from tatemono.settings import ServiceSettings

_AFTER_ERROR_SECONDS = 1.0

log = structlog.get_logger()


def run(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]], settings: ServiceSettings) -> None:
    """Run a service until SIGTERM or SIGINT; `main` is given the event that is set then, and finishes by itself."""
    start_logging(settings.service_name, settings.log_level)

    async def supervised() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await main(stopping)

    uvloop.run(supervised())


async def run_periodically(
    step: Callable[[], Awaitable[bool | None]],
    pause_seconds: float,
    *,
    longest_pause_seconds: float = 0,
    away: tuple[type[Exception], ...] = (),
) -> None:
    """Do it until cancelled: at once again while it returns that there is more, else after a pause.

    An error is logged and does not end it. The pause doubles with each in a row, from a second at least to the longest,
    and is shortened by chance: those who wait for the same thing do not all come back at the same moment.

    :param away: errors that say that another service does not answer, which need no stack trace
    """
    failures = 0
    while True:
        try:
            more = await step()
        except Exception as error:
            if isinstance(error, away):
                log.warning("step_postponed", step=step.__name__, error=str(error))
            else:
                log.exception("step_failed", step=step.__name__)
            pause = max(pause_seconds, _AFTER_ERROR_SECONDS)
            longest = max(longest_pause_seconds, pause)
            await asyncio.sleep(min(pause * 2 ** min(failures, 10), longest) * random.uniform(0.5, 1))  # noqa: S311
            failures += 1
        else:
            failures = 0
            if not more:
                await asyncio.sleep(pause_seconds)
