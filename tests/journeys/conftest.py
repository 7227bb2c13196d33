"""The whole building, started as a person starts it, for all journeys of a run."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import free_port
from processes import once_per_run, start
from tatemono_tools.laptop.demo.phone import Phone
from tatemono_tools.laptop.process.health import health_problem


@dataclass(frozen=True)
class RunningBuilding:
    data_dir: Path
    port: int

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def authority(self) -> Path:
        return self.data_dir / "certificates" / "authority.pem"

    def command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("tatemono")), *words, "--data-dir", str(self.data_dir)]


@pytest.fixture(scope="session")
async def building() -> RunningBuilding:
    async def begin(folder: Path) -> dict[str, Any]:
        port, data_dir = free_port(), folder / "state"

        async def ready() -> bool:
            authority = data_dir / "certificates" / "authority.pem"
            return authority.exists() and await health_problem(port, "/v1/api/health", authority) is None

        place = RunningBuilding(data_dir, port)
        environment = {"STUDIO_LATENCY": "0.6"}
        await start(place.command("up", "--port", str(port)), environment, ready, folder=folder, stop_signal="TERM")
        return {"data_dir": str(data_dir), "port": port}

    found = await once_per_run("building", begin)
    return RunningBuilding(Path(found["data_dir"]), found["port"])


@pytest.fixture
async def phone(building: RunningBuilding) -> AsyncIterator[Phone]:
    """A new phone, signed in."""
    async with Phone(building.address, building.authority) as new:
        await new.sign_in()
        yield new
