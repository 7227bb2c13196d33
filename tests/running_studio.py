"""A studio on a real socket, for tests."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx2
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from openai import AsyncOpenAI

from tatemono_studio.api import make_app
from tatemono_studio.latency import Latency
from tatemono_studio.settings import StudioSettings

AT_ONCE = StudioSettings(latency=Latency("constant", 0, 0))
# Between the end of gpt-image-1 and that of gpt-image-1.5.
A_DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class RunningStudio:
    """A studio on a real socket, the unmodified SDK pointed at it, and plain HTTP for its own pages."""

    url: str
    # The SDK's overloads want literals where tests pass parameters.
    openai: Any
    http: httpx2.AsyncClient

    async def calls(self, client_request_id: str | None = None) -> list[dict[str, Any]]:
        params = {"client_request_id": client_request_id} if client_request_id else {}
        answer = await self.http.get("/studio/calls", params=params)
        listed: list[dict[str, Any]] = answer.json()["data"]
        return listed

    async def last_call(self, client_request_id: str) -> dict[str, Any]:
        """The call once its outcome is known, which is after its answer left."""
        for _ in range(200):
            found = await self.calls(client_request_id)
            if found and found[0]["outcome"] != "running" and found[0]["duration_seconds"] is not None:
                return found[0]
            await asyncio.sleep(0.02)
        raise AssertionError("the call never ended")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def run_studio(settings: StudioSettings = AT_ONCE, now: datetime = A_DAY) -> AsyncIterator[RunningStudio]:
    port = free_port()
    app = make_app(replace(settings, port=port), lambda: now)
    server = Server(
        app, port=port, interface=Interfaces.ASGINL, log_level=LogLevels.critical, log_enabled=False, websockets=False
    )
    serving = asyncio.create_task(server.serve())
    url = f"http://127.0.0.1:{port}"
    async with (
        httpx2.AsyncClient(base_url=url, headers={"Authorization": "Bearer any"}, timeout=30) as http,
        AsyncOpenAI(api_key="any", base_url=f"{url}/v1", max_retries=0, timeout=30) as openai,
    ):
        for _ in range(200):
            try:
                await http.get("/studio/health")
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.02)
        yield RunningStudio(url, openai, http)
    app.cancel_all()
    server.stop()  # type: ignore[no-untyped-call]
    await serving


StudioWith = Callable[..., AbstractAsyncContextManager[RunningStudio]]
