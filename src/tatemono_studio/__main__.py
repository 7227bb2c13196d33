"""Serve the studio: `python -m tatemono_studio`; `--help` lists its options."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from tatemono_studio.api import make_app
from tatemono_studio.middleware import CutLogFilter, StudioMiddleware
from tatemono_studio.settings import BadSettingError, StudioSettings, read_settings

# How long unfinished answers may take after a stop, and when the process ends without waiting any longer.
GRACE_SECONDS = 0.3
LAST_RESORT_SECONDS = 0.9


async def serve(settings: StudioSettings, app: StudioMiddleware) -> None:
    """Serve until SIGTERM or SIGINT, then stop within a second, even with requests running."""
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        log_level=LogLevels.error,
        websockets=False,
    )
    # On the handlers: records of the server's Rust half come from loggers below this one.
    for handler in logging.getLogger("_granian").handlers:
        handler.addFilter(CutLogFilter())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()  # type: ignore[no-untyped-call]
        loop.call_later(GRACE_SECONDS, app.cancel_all)
        # Idle keep-alive connections and painting threads need not be waited for.
        loop.call_later(LAST_RESORT_SECONDS, os._exit, 0)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve()


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        settings = read_settings({**environment, **_options(arguments)})
    except BadSettingError as error:
        sys.stderr.write(f"studio: {error}\n")
        return 2
    sys.stderr.write(start_line(settings))
    uvloop.run(serve(settings, make_app(settings, lambda: datetime.now(UTC))))
    return 0


def start_line(settings: StudioSettings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    faults = f"{len(settings.faults)} configured" if settings.faults else "none"
    return f"studio: {address}/v1 is the base URL, {address}/ its pages; latency {settings.latency}, faults {faults}\n"


def _options(arguments: Sequence[str]) -> dict[str, str]:
    if not arguments:
        return {}
    # Imported late: argparse costs a start by environment variables, the usual one, some milliseconds.
    from tatemono_studio.options import read_options  # noqa: PLC0415

    return read_options(arguments)


if __name__ == "__main__":
    status = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    # Ending the usual way, the interpreter would wait for the painting threads.
    os._exit(status)
