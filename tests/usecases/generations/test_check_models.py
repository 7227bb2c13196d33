"""The daily question to the painter: who asks, what is kept, and what is said about it."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from conftest import free_port
from factories import PRICES, TODAY
from tatemono.adapters.openai.models import ModelsNotTold, announced_models
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.image_models import Finding
from tatemono.entrypoints.image_worker.periodic_tasks import tell
from tatemono.usecases.generations.check_models import check_models


@pytest.fixture
async def worker(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("image-worker"), service="image-worker") as db:
        yield db


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def check(worker: Database, told: dict[str, date | None]) -> list[Finding] | None:
    async def ask() -> dict[str, date | None]:
        return told

    return await check_models(worker, PRICES.registry, ask, model_id="gpt-image-2", today=TODAY)


class TestCheckModels:
    async def test_asks_once_a_day_whoever_comes(self, worker: Database, owner: Any) -> None:
        told = {"gpt-image-2": None, "gpt-image-1.5": date(2026, 12, 1)}
        findings = await check(worker, told)
        assert findings is not None
        assert not any(finding.failing for finding in findings)
        assert await check(worker, told) is None
        kept = await owner.fetch("select model, shutdown_date from model_announcements order by model")
        assert kept == [("gpt-image-1.5", date(2026, 12, 1)), ("gpt-image-2", None)]
        await owner.execute("update model_checks set next_at = now()")
        findings = await check(worker, {"gpt-image-2": TODAY + timedelta(days=59)})
        assert findings is not None
        assert any("in 59 days" in finding.text for finding in findings if finding.failing)
        assert await owner.fetchval("select count(*) from model_announcements") == 1

    async def test_asks_again_soon_when_the_painter_did_not_answer(self, worker: Database, owner: Any) -> None:
        async def ask() -> dict[str, date | None]:
            return await announced_models(f"http://127.0.0.1:{free_port()}/v1", "sk")

        with pytest.raises(ModelsNotTold):
            await check_models(worker, PRICES.registry, ask, model_id="gpt-image-2", today=TODAY)
        wait = await owner.fetchval("select next_at - now() from model_checks")
        assert timedelta(0) < wait <= timedelta(minutes=10)


class TestAnnouncedModels:
    async def test_are_read_with_the_day_each_ends(self, studio: str) -> None:
        announced = await announced_models(f"{studio}/v1", "sk-studio")
        assert announced["gpt-image-2"] is None


class TestTell:
    def test_writes_the_metric_that_an_alarm_watches(self, capsys: pytest.CaptureFixture[str]) -> None:
        tell([Finding(failing=True, text="it ends"), Finding(failing=False, text="fine")])
        written = capsys.readouterr().out
        assert "ModelFindings=1" in written or json.dumps({"ModelFindings": 1})[1:-1] in written
        assert "CloudWatchMetrics" in written
