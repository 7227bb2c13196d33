"""Relay and worker as processes, as production starts them, between real PostgreSQL, SQS, S3 and the studio."""

import asyncio
import io
import os
import secrets
import signal
import sys
import zipfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from conftest import CloudEndpoint
from factories import guest, submitted
from moderated import ACT
from required_settings import required_settings
from running_studio import run_studio
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.domain.generations.generation import FINAL_STATES, Generation, PictureRequest, Quality, State
from tatemono.domain.privacy.exports import ExportState
from tatemono.domain.safety.reports import Decision, ReportReason, quarantine_key
from tatemono.usecases.ports import PAINTERS_CHANNEL, QUEUE_CHANNEL
from tatemono.usecases.privacy.request_export import request_export
from tatemono.usecases.safety.take_down_picture import take_down_picture
from tatemono_studio.odd_answers import ODDITIES

LEASE_SECONDS = 4


@dataclass
class Pipeline:
    db: Database
    store: S3Pictures
    environment: dict[str, str]

    @asynccontextmanager
    async def running(self, service: str, **variables: str) -> AsyncIterator[Process]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tatemono.entrypoints.{service.replace('-', '_')}"),
            env=self.environment
            | {"SERVICE_NAME": service, "DATABASE_URL": self.environment[service], "PATH": os.environ["PATH"]}
            | variables,
            stdout=DEVNULL,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def ended(self, generation: Generation, *, within_seconds: float = 30) -> Generation:
        async with asyncio.timeout(within_seconds):
            while True:
                now = await self.db.queries.generation(generation.user_id, generation.id)
                assert now is not None
                if now.state in FINAL_STATES:
                    return now
                await asyncio.sleep(0.05)

    async def has_outage(self, because: str | None) -> None:
        async with asyncio.timeout(30):
            while True:
                if await self.db.queries.painter_outage() == because:
                    return
                await asyncio.sleep(0.05)

    async def reaches(self, user_id: UUID, generation_id: UUID, state: State) -> None:
        async with asyncio.timeout(30):
            while True:
                now = await self.db.queries.generation(user_id, generation_id)
                if now is not None and now.state is state:
                    return
                await asyncio.sleep(0.02)


@pytest.fixture
async def pipeline(
    database_url: str,
    service_database_url: Callable[[str], str],
    aws_environment: CloudEndpoint,
    studio: str,
) -> AsyncIterator[Pipeline]:
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(await Database.connect(database_url, service="test"))
        sqs, s3 = await stack.enter_async_context(aws_clients("sqs", "s3"))
        name = f"test-{secrets.token_hex(6)}"
        location = {"LocationConstraint": aws_environment.region}
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
        attributes = {"VisibilityTimeout": str(LEASE_SECONDS + 1), "ReceiveMessageWaitTimeSeconds": "5"}
        queue, exports = [
            await sqs.create_queue(QueueName=each, Attributes=attributes) for each in (name, f"{name}-exports")
        ]
        environment = (
            aws_environment.environment
            | await required_settings(sqs, name)
            | {
                "image-worker": service_database_url("image-worker"),
                "outbox-relay": service_database_url("outbox-relay"),
                "IMAGE_JOBS_QUEUE_URL": queue["QueueUrl"],
                "EXPORTS_QUEUE_URL": exports["QueueUrl"],
                "OPENAI_API_KEY": "sk-studio",
                "OPENAI_BASE_URL": f"{studio}/v1",
                "IMAGE_MODEL": "gpt-image-2",
                "SAFETY_IDENTIFIER_KEY": "key",
                "LEASE_SECONDS": str(LEASE_SECONDS),
                "STOP_TIMEOUT_SECONDS": "8",
            }
        )
        yield Pipeline(db, S3Pictures(s3, name), environment)


class TestPipeline:
    async def test_carries_pictures_from_the_outbox_to_the_store(self, pipeline: Pipeline) -> None:
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            user_id = await guest(pipeline.db)
            request = PictureRequest(prompt="A red boat on a blue sea", quality=Quality.LOW, n=2)
            generations = [await submitted(pipeline.db, user_id, request) for _ in range(3)]
            for generation in generations:
                assert (await pipeline.ended(generation)).state is State.SUCCEEDED
        pictures = await pipeline.db.queries.pictures(user_id, before=None, limit=10)
        assert len(pictures) == 6
        for picture in pictures:
            data = await pipeline.store.get(picture.object_key)
            assert data is not None
            assert data.startswith(b"\x89PNG")
            assert len(data) == picture.size_bytes
            assert await pipeline.store.get(picture.thumbnail_key) is not None

    async def test_paints_again_what_a_killed_worker_left(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        async with pipeline.running("outbox-relay"):
            request = PictureRequest(prompt="[studio:hang] a fox", quality=Quality.LOW)
            generation = await submitted(pipeline.db, user_id, request)
            async with pipeline.running("image-worker") as worker:
                await pipeline.reaches(user_id, generation.id, State.RUNNING)
                worker.kill()
                await worker.wait()
            await pipeline.db._pool.execute("update generations set prompt = 'a fox'")
            async with pipeline.running("image-worker"):
                assert (await pipeline.ended(generation)).state is State.SUCCEEDED
        assert await pipeline.db._pool.fetch("select outcome, failure from attempts order by fence") == [
            ("unknown", "lease_lost"),
            ("succeeded", None),
        ]

    async def test_finishes_what_it_has_when_it_is_stopped(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker") as worker:
            request = PictureRequest(prompt="[studio:latency=1s] a fox", quality=Quality.LOW)
            generation = await submitted(pipeline.db, user_id, request)
            await pipeline.reaches(user_id, generation.id, State.RUNNING)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
            assert (await pipeline.ended(generation)).state is State.SUCCEEDED

    async def test_hands_back_what_takes_too_long_when_it_is_stopped(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker") as worker:
            request = PictureRequest(prompt="[studio:hang] a fox", quality=Quality.LOW)
            generation = await submitted(pipeline.db, user_id, request)
            await pipeline.reaches(user_id, generation.id, State.RUNNING)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
            await pipeline.reaches(user_id, generation.id, State.QUEUED)

    async def test_hangs_up_when_the_user_cancels(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db, credits=100)
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            request = PictureRequest(prompt="[studio:hang] a fox", quality=Quality.LOW)
            generation = await submitted(pipeline.db, user_id, request)
            await pipeline.reaches(user_id, generation.id, State.RUNNING)
            await pipeline.db.generations.cancel(user_id, generation.id)
            assert (await pipeline.ended(generation)).state is State.CANCELLED
        me = await pipeline.db.queries.me(user_id)
        assert me is not None
        assert (me.credits_available, me.credits_held) == (100, 0)

    async def test_builds_an_export_and_erases_who_leaves(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        generation = await submitted(pipeline.db, user_id, PictureRequest(prompt="A fox", quality=Quality.LOW))
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            await pipeline.ended(generation)
            export = await request_export(pipeline.db, user_id=user_id, language="en")
            async with asyncio.timeout(30):
                while export.state is not ExportState.READY:
                    await asyncio.sleep(0.05)
                    export = await pipeline.db.exports.newest(user_id) or export
            data = await pipeline.store.get(export.object_key)
            assert data is not None
            assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 6
            async with pipeline.db.transaction() as rows:
                deletion = await rows.deletions.request(user_id, grace=timedelta(0), language="en")
            async with asyncio.timeout(60):
                while (receipt := await pipeline.db.deletions.receipt(deletion.id)) and not receipt.mac:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        assert receipt is not None
        assert receipt.counts["objects"] == 3
        assert await pipeline.store.get(export.object_key) is None

    async def test_pauses_at_once_and_goes_on_at_once(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            request = PictureRequest(prompt="A red boat", quality=Quality.LOW)
            await pipeline.ended(await submitted(pipeline.db, user_id, request))
            await pipeline.db.queue.pause("hanako@example.jp", "a test")
            pipeline.db.notifier.notify(QUEUE_CHANNEL)
            generation = await submitted(pipeline.db, user_id, request)
            await asyncio.sleep(1)
            assert await pipeline.db._pool.fetchval("select count(*) from attempts") == 1
            await pipeline.db.queue.resume()
            pipeline.db.notifier.notify(QUEUE_CHANNEL)
            assert (await pipeline.ended(generation)).state is State.SUCCEEDED

    async def test_goes_to_the_second_painter_when_the_first_is_away(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db)
        async with run_studio() as away, run_studio() as second:
            await away.http.put("/studio/faults", json={"faults": [{"fault": "500"}]})
            told = {
                "OPENAI_BASE_URL": f"{away.url}/v1",
                "SECOND_PAINTER_BASE_URL": f"{second.url}/v1",
                "SECOND_PAINTER_API_KEY": "sk-second",
                "SECOND_PAINTER_MODELS": '{"gpt-image-2": "gpt-image-1-mini"}',
            }
            async with pipeline.running("outbox-relay"), pipeline.running("image-worker", **told):
                request = PictureRequest(prompt="A red boat", quality=Quality.LOW)
                generations = [await submitted(pipeline.db, user_id, request) for _ in range(4)]
                for generation in generations:
                    assert (await pipeline.ended(generation)).state is State.SUCCEEDED
            rows = await pipeline.db._pool.fetch("select provider, model, outcome::text from attempts order by 1, 3")
            attempts = {tuple(row) for row in rows}
            assert attempts == {("first", "gpt-image-2", "failed"), ("second", "gpt-image-1-mini", "succeeded")}
            assert {call["model"] for call in await second.calls()} == {"gpt-image-1-mini"}
        ((name, breaker),) = (await pipeline.db.painters.all()).items()
        assert name == ("first", "gpt-image-2")
        assert breaker.open_for is not None

    async def test_keeps_what_was_paid_for_however_it_comes(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db, credits=1000)
        names = sorted(set(ODDITIES) - {"fewer"})
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            asked = [
                await submitted(
                    pipeline.db, user_id, PictureRequest(prompt=f"[studio:odd={name}] a fox", quality=Quality.LOW)
                )
                for name in names
            ]
            ended = [await pipeline.ended(generation) for generation in asked]
        assert {name: one.state for name, one in zip(names, ended, strict=True)} == dict.fromkeys(
            names, State.SUCCEEDED
        )
        # Each was painted once, and each cost something.
        attempts = await pipeline.db._pool.fetch("select cost_micros from attempts")
        assert len(attempts) == len(names)
        assert all(0 < attempt["cost_micros"] < 100_000 for attempt in attempts)

    async def test_says_that_an_operator_has_to_act_and_goes_on_when_that_is_done(self, pipeline: Pipeline) -> None:
        user_id = await guest(pipeline.db, credits=100)
        request = PictureRequest(prompt="A red boat", quality=Quality.LOW)
        async with run_studio() as studio, pipeline.running("outbox-relay"):
            await studio.http.put("/studio/faults", json={"faults": [{"fault": "error", "value": "quota"}]})
            told = {"OPENAI_BASE_URL": f"{studio.url}/v1", "LONGEST_WAIT_FOR_ACCOUNT_SECONDS": "3"}
            async with pipeline.running("image-worker", **told):
                generation = await submitted(pipeline.db, user_id, request)
                await pipeline.has_outage("insufficient_quota")
                ended = await pipeline.ended(generation)
                assert (ended.state, ended.failure_code) == (State.FAILED, "painter_out_of_order")
                me = await pipeline.db.queries.me(user_id)
                assert me is not None
                assert (me.credits_available, me.credits_held, me.generations_queued) == (100, 0, 0)
                # The operator has paid; the next probe finds out.
                await studio.http.delete("/studio/faults")
                await pipeline.db._pool.execute("update painters set open_until = now()")
                pipeline.db.notifier.notify(PAINTERS_CHANNEL)
                again = await submitted(pipeline.db, user_id, request)
                assert (await pipeline.ended(again)).state is State.SUCCEEDED
                await pipeline.has_outage(None)

    async def test_ends_well_whatever_the_painter_does(self, pipeline: Pipeline) -> None:
        expected = {
            "refuse": (State.REFUSED, "prompt_refused"),
            "500": (State.FAILED, "painter_unavailable"),
            "garbage": (State.FAILED, "painter_gave_no_picture"),
            "flag=violence": (State.REFUSED, "picture_flagged"),
            "cut": (State.FAILED, "painter_timed_out"),
            "size": (State.FAILED, "painter_gave_no_picture"),
            "error=user": (State.REFUSED, "painter_refused_user"),
            "error=content-filter": (State.REFUSED, "prompt_refused"),
            "error=reference": (State.FAILED, "reference_rejected"),
        }
        users = {fault: await guest(pipeline.db, credits=100) for fault in expected}
        async with pipeline.running("outbox-relay"), pipeline.running("image-worker"):
            asked = [
                await submitted(
                    pipeline.db, user_id, PictureRequest(prompt=f"[studio:{fault}] a fox", quality=Quality.LOW)
                )
                for fault, user_id in users.items()
            ]
            ended = [await pipeline.ended(generation) for generation in asked]
        assert {fault: (one.state, one.failure_code) for fault, one in zip(users, ended, strict=True)} == expected
        for user_id in users.values():
            me = await pipeline.db.queries.me(user_id)
            assert me is not None
            assert (me.credits_available, me.credits_held) == (100, 0)

    async def test_moves_a_picture_that_is_taken_down_at_once(
        self, pipeline: Pipeline, service_database_url: Callable[[str], str]
    ) -> None:
        user_id = await guest(pipeline.db)
        async with (
            pipeline.running("outbox-relay"),
            pipeline.running("image-worker"),
            await Database.connect(service_database_url("admin-api"), service="admin-api") as admin,
        ):
            request = PictureRequest(prompt="A red boat on a blue sea", quality=Quality.LOW)
            generation = await submitted(pipeline.db, user_id, request)
            assert (await pipeline.ended(generation)).state is State.SUCCEEDED
            (picture,) = await pipeline.db.queries.pictures(user_id, before=None, limit=10)
            data = await pipeline.store.get(picture.object_key)
            await take_down_picture(
                admin,
                ACT,
                picture_id=picture.id,
                reason=ReportReason.HATE,
                decision=Decision.TAKEDOWN,
                now=datetime.now(UTC),
            )
            # Less than the time after which the worker would look by itself.
            async with asyncio.timeout(10):
                while True:
                    (takedown,) = await admin.takedowns.all(before=None, limit=1)
                    if takedown.moved_at is not None:
                        break
                    await asyncio.sleep(0.05)
        assert await pipeline.store.get(picture.object_key) is None
        assert await pipeline.store.get(picture.thumbnail_key) is None
        assert await pipeline.store.get(quarantine_key(picture.object_key)) == data
        assert await pipeline.db.queries.pictures(user_id, before=None, limit=10) == []
