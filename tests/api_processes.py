"""The mobile API as production starts it: a process, told by its environment alone."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from phone import Clock
from tatemono.settings import MobileApiSettings

COMMAND = [sys.executable, "-m", "tatemono.entrypoints.mobile_api"]


class WallClock(Clock):
    def __call__(self) -> float:
        return time.time()


def environment_of(settings: MobileApiSettings, port: int) -> dict[str, str]:
    values = settings.model_dump() | {"port": port, "limits": json.dumps(settings.model_dump(mode="json")["limits"])}
    shown = {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in values.items()
    }
    return {"PATH": os.defpath} | {name.upper(): str(value) for name, value in shown.items()}


@asynccontextmanager
async def running_api(settings: MobileApiSettings, port: int, log: Path) -> AsyncIterator[Process]:
    """It answers when the block begins, and is gone when it ends. It logs to `log`."""
    with log.open("wb") as output:
        started = await asyncio.create_subprocess_exec(
            *COMMAND, env=environment_of(settings, port), stdout=output, stderr=output
        )
    try:
        async with httpx2.AsyncClient() as client:
            for _ in range(300):
                try:
                    await client.get(f"http://127.0.0.1:{port}/healthz")
                    break
                except httpx2.TransportError:
                    assert started.returncode is None, f"it ended: see {log}"
                    await asyncio.sleep(0.1)
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
