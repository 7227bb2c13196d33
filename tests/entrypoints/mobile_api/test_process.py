"""The mobile API as production starts it: one process, configured by its environment alone."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psutil
import pytest

from api_processes import COMMAND, WallClock, running_api
from conftest import free_port
from phone import Phone
from tatemono.settings import MobileApiSettings

pytest_plugins = ["mobile_api"]


@pytest.fixture
async def port() -> int:
    return free_port()


@pytest.fixture
async def process(settings: MobileApiSettings, port: int, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    async with running_api(settings, port, tmp_path / "log") as started:
        yield started


class TestService:
    async def test_ends_open_streams_cleanly_and_exits(
        self, process: asyncio.subprocess.Process, port: int, tmp_path: Path
    ) -> None:
        headers = {"x-origin-verify": "first"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
            phone = Phone(client, WallClock())
            await phone.sign_in()
            generation = await phone.ask()
            async with client.stream("GET", f"/v1/api/generations/{generation['id']}/events") as stream:
                lines = stream.aiter_lines()
                async for line in lines:
                    if line.startswith("event: position"):
                        break
                process.send_signal(signal.SIGTERM)
                # A connection that broke would raise here.
                rest = [line async for line in lines if line]
        assert rest == ['data: {"position":1,"waiting":null,"delay":null}']
        assert await asyncio.wait_for(process.wait(), 20) == 0
        log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [line["event"] for line in log if line["event"] != "request"] == ["listening", "stopped"]
        assert log[-1]["open_requests"] == 0

    async def test_is_one_process(self, process: asyncio.subprocess.Process) -> None:
        assert psutil.Process(process.pid).children(recursive=True) == []

    def test_names_what_its_environment_lacks(self) -> None:
        ended = subprocess.run(COMMAND, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "TOKEN_SIGNING_KEYS: Field required" in ended.stderr
        assert "Traceback" not in ended.stderr
