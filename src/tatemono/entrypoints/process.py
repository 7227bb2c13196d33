"""What the background services share: logs, and the signal that ends them."""

import asyncio
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


async def again_and_again(step: Callable[[], Awaitable[None]], pause_seconds: float) -> None:
    """Do it until cancelled; an error is logged, and does not end it."""
    while True:
        try:
            await step()
        except Exception:
            log.exception("step_failed", step=step.__name__)
            await asyncio.sleep(_AFTER_ERROR_SECONDS)
        await asyncio.sleep(pause_seconds)
