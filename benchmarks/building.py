"""The whole system as a person starts it, in a folder of its own."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.place import PROJECT, cpu_seconds, free_port

_UP_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Building:
    """
    :ivar start_seconds: from the process's start until it said that it is up
    :ivar start_cpu_seconds: processor time until then, of all processes, those included that have ended
    """

    data_dir: Path
    port: int
    start_seconds: float
    start_cpu_seconds: float

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        return self.data_dir / "certificates" / "authority.pem"

    async def status(self) -> dict[str, Any]:
        """What `tatemono status --json` says."""
        words = _words("status", self.data_dir, "--json")
        process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, cwd=PROJECT)
        answer: dict[str, Any] = json.loads((await process.communicate())[0])
        return answer

    def database_url(self, status: dict[str, Any]) -> str:
        """The superuser's, for looking at what was recorded."""
        (address,) = (part["address"] for part in status["parts"] if part["name"] == "postgres")
        password = (self.data_dir / "postgres-password").read_text().strip()
        return str(address).replace("postgresql://", f"postgresql://postgres:{password}@")


@asynccontextmanager
async def building(data_dir: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Building]:
    """`tatemono up`, stopped in order at the end.

    :raises RuntimeError: it does not come up; the message is what it said
    """
    port = free_port()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *_words("up", data_dir, "--port", str(port)),
        env=os.environ | dict(environment or {}),
        cwd=PROJECT,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = b""
        try:
            async with asyncio.timeout(_UP_WITHIN_SECONDS):
                while b"Tatemono is up" not in said and (line := await process.stdout.readline()):
                    said += line
        except TimeoutError:
            said += b"\n(no more came)"
        if b"Tatemono is up" not in said:
            raise RuntimeError(f"tatemono up does not come up:\n{said.decode()}")
        took = time.perf_counter() - began
        spent = cpu_seconds(process.pid, with_ended=True)
        draining = asyncio.create_task(process.stdout.read())
        yield Building(data_dir, port, took, spent)
        process.terminate()
        await draining
        await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _words(command: str, data_dir: Path, *more: str) -> list[str]:
    return [str(Path(sys.executable).with_name("tatemono")), command, "--data-dir", str(data_dir), *more]
