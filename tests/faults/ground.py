"""What storms come over: a place whose PostgreSQL, store and clocks a test may disturb."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults.disturbances import WeatherProxy
from faults.own_postgres import OwnPostgres, SmallDisk
from faults.runner import Place

_SKEWED = Path(__file__).with_name("skewed.py")
_AGAIN_AFTER_SECONDS = 0.2


@dataclass
class Ground:
    """:ivar disk: of PostgreSQL, if it is a small one
    :ivar processes: of each service, as long as it lives
    :ivar hours: how far its clock is off, when it starts the next time
    """

    place: Place
    postgres: OwnPostgres
    proxy: WeatherProxy
    disk: SmallDisk | None
    processes: dict[tuple[str, int], asyncio.subprocess.Process] = field(default_factory=dict)
    hours: dict[tuple[str, int], int] = field(default_factory=dict)


@asynccontextmanager
async def kept_up(ground: Ground, service: str, number: int = 0) -> AsyncIterator[None]:
    """A service as ECS keeps it: started again when it ends."""

    async def keep() -> None:
        while True:
            hours = str(ground.hours.get((service, number), 0))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(_SKEWED), hours, f"tatemono.entrypoints.{service.replace('-', '_')}"),
                env=ground.place.told(service) | {"PATH": os.environ["PATH"]},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            ground.processes[service, number] = process
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
