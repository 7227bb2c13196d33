"""When the plan's resources are made, and when they are only read."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.provision.provisioning import Provisioning

SERVICES = ("mobile-api", "admin-api", "web", "image-worker", "mail-worker", "outbox-relay")


@dataclass
class Runs:
    """What was asked, and how many at once."""

    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    failing: bool = False

    async def run(self, request: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        self.asked.append("read" if request["only_read"] else "make")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.02)
        self.at_once -= 1
        if self.failing:
            raise PartFailed("provision", "failed: tuple concurrently updated")
        return {"services": {name: {"RUN": str(len(self.asked))} for name in SERVICES}, "origin_verify": "v"}


async def always() -> bool:
    return True


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def provisioning(runs: Runs, tmp_path: Path) -> Provisioning:
    return Provisioning(request=dict, environment={}, may_begin=always, log=tmp_path / "provision.log", run=runs.run)


class TestProvisioning:
    async def test_is_done_once_and_read_when_services_start_again(
        self, provisioning: Provisioning, runs: Runs
    ) -> None:
        await provisioning.make()
        assert provisioning.environment_of("web") == {"RUN": "1"}
        assert await provisioning.refreshed_environment_of("web") == {"RUN": "2"}
        assert runs.asked == ["make", "read"]

    async def test_is_shared_by_services_that_start_again_together(
        self, provisioning: Provisioning, runs: Runs
    ) -> None:
        await provisioning.make()
        found = await asyncio.gather(*(provisioning.refreshed_environment_of(name) for name in SERVICES))
        assert runs.most_at_once == 1
        assert runs.asked == ["make", "read"]
        assert found == [{"RUN": "2"}] * len(SERVICES)

    async def test_fails_without_failing_a_service(
        self, provisioning: Provisioning, runs: Runs, tmp_path: Path
    ) -> None:
        await provisioning.make()
        runs.failing = True
        assert await provisioning.refreshed_environment_of("web") == {"RUN": "1"}
        assert "web starts with what was read before: provision failed" in (tmp_path / "provision.log").read_text()

    async def test_says_that_it_cannot_be_done_at_all(self, provisioning: Provisioning, runs: Runs) -> None:
        runs.failing = True
        with pytest.raises(PartFailed):
            await provisioning.make()

    async def test_is_done_again_when_the_cloud_was_started_again(self, provisioning: Provisioning, runs: Runs) -> None:
        await provisioning.make()
        provisioning.lose_last_second()
        await provisioning.refreshed_environment_of("web")
        await provisioning.refreshed_environment_of("web")
        assert runs.asked == ["make", "make", "read"]
