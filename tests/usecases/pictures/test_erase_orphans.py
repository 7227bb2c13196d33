"""Dead letters through real queues, and objects without a picture in a real store."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conftest import CloudEndpoint
from factories import USAGE, guest, kept, submitted
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.sqs import SqsQueue
from tatemono.domain.generations.attempts import Claim, Outcome
from tatemono.domain.generations.generation import PictureRequest
from tatemono.domain.generations.painting import Failure
from tatemono.domain.pictures.picture import keys_of_attempt
from tatemono.usecases.generations.collect_dead_letters import collect_dead_letters
from tatemono.usecases.generations.relay_outbox import relay_outbox
from tatemono.usecases.pictures.erase_orphans import erase_orphans, search_orphans

LEASE = timedelta(seconds=60)

pytest_plugins = ["services"]


@pytest.fixture
async def clients(aws_environment: CloudEndpoint) -> AsyncIterator[Any]:
    async with aws_clients("sqs", "s3") as opened:
        yield opened


@pytest.fixture
async def store(clients: Any, aws_environment: CloudEndpoint) -> S3Pictures:
    bucket = f"test-{secrets.token_hex(6)}"
    await clients[1].create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws_environment.region}
    )
    return S3Pictures(clients[1], bucket)


@pytest.fixture
async def queue(clients: Any) -> SqsQueue:
    """One whose messages die when they were received once and not deleted."""
    sqs, name = clients[0], f"test-{secrets.token_hex(6)}"
    dead = await sqs.create_queue(QueueName=f"{name}-dead")
    about = await sqs.get_queue_attributes(QueueUrl=dead["QueueUrl"], AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": about["Attributes"]["QueueArn"], "maxReceiveCount": 1}
    made = await sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy)})
    return SqsQueue(sqs, made["QueueUrl"])


async def die(queue: SqsQueue, body: str) -> None:
    await queue.send([body])
    await queue.extend(await queue.receive(1), 0)
    assert await queue.receive(1) == []


class TestCollectDeadLetters:
    async def test_moves_what_died_into_rows_and_sends_it_again_when_told(
        self, queue: SqsQueue, relay: Database, db: Database
    ) -> None:
        generation = await submitted(db, await guest(db))
        await db._pool.execute("delete from outbox")
        await die(queue, str(generation.id))
        dead = await queue.dead_letters()
        assert dead is not None
        assert await collect_dead_letters(relay, "image-jobs", dead) == 1
        assert await collect_dead_letters(relay, "image-jobs", dead) == 0
        (letter,) = await db.dead_letters.page(None, before=None, limit=9)
        assert (letter.body, letter.generation_id) == (str(generation.id), generation.id)
        assert letter.reason == "workers_could_not_claim"
        assert letter.receive_count >= 1
        assert letter.sent_at is not None
        async with db.transaction() as rows:
            await rows.dead_letters.redrive(await rows.dead_letters.choose("image-jobs", None, limit=9))
        assert await relay_outbox(relay, {"image-jobs": queue}) == 1
        (ticket,) = await queue.receive(1)
        assert ticket.body == str(generation.id)

    async def test_takes_what_no_ticket_can_hold(self, queue: SqsQueue, relay: Database) -> None:
        await die(queue, "<xml>\N{SNOWMAN}" + "x" * 10_000)
        dead = await queue.dead_letters()
        assert dead is not None
        await collect_dead_letters(relay, "image-jobs", dead)
        assert await relay._pool.fetchval("select length(body) from dead_letters") > 10_000

    async def test_has_nothing_to_do_for_a_queue_without_one(self, clients: Any) -> None:
        made = await clients[0].create_queue(QueueName=f"test-{secrets.token_hex(6)}")
        assert await SqsQueue(clients[0], made["QueueUrl"]).dead_letters() is None


async def stored(store: S3Pictures, claim: Claim) -> list[str]:
    """What a worker has stored before it records."""
    user, generation = claim.generation.user_id, claim.generation
    keys = keys_of_attempt(f"pictures/{user}/{generation.id}/{claim.fence}", generation.request.n, "png")
    for key in keys:
        await store.put(key, b"bytes", content_type="image/png")
    return keys


async def there(store: S3Pictures, keys: list[str]) -> list[str]:
    return [key for key in keys if await store.get(key) is not None]


class TestEraseOrphans:
    async def test_removes_what_a_lost_attempt_left_and_nothing_else(
        self, db: Database, worker: Database, store: S3Pictures
    ) -> None:
        await submitted(db, await guest(db), PictureRequest(prompt="Two foxes", n=2))
        lost = await worker.generations.claim(lease=timedelta(seconds=-1), max_running=4, model="m")
        assert lost is not None
        left = await stored(store, lost)
        again = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert again is not None
        good = await stored(store, again)
        await worker.generations.succeed(again, [kept(again, 0), kept(again, 1)], USAGE, None)
        assert await erase_orphans(worker, store) == 0
        assert await erase_orphans(worker, store, grace=timedelta(0)) == 1
        assert await there(store, left) == []
        assert await there(store, good) == good
        assert await erase_orphans(worker, store, grace=timedelta(0)) == 0

    async def test_leaves_attempts_alone_that_stored_nothing(
        self, db: Database, worker: Database, store: S3Pictures
    ) -> None:
        await submitted(db, await guest(db))
        claim = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        await worker.generations.retry(claim, Outcome.FAILED, Failure.RATE_LIMITED, timedelta(0), None)
        assert await erase_orphans(worker, store, grace=timedelta(0)) == 0


class TestSearchOrphans:
    async def test_removes_old_objects_without_a_row(self, db: Database, worker: Database, store: S3Pictures) -> None:
        user = await guest(db)
        await submitted(db, user)
        claim = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert claim is not None
        good = await stored(store, claim)
        await worker.generations.succeed(claim, [kept(claim)], USAGE, None)
        stray = f"pictures/{user}/{claim.generation.id}/9-0.png"
        await store.put(stray, b"bytes", content_type="image/png")
        # A frozen worker may wake up while its generation is painted again.
        await submitted(db, user)
        running = await worker.generations.claim(lease=LEASE, max_running=4, model="m")
        assert running is not None
        unrecorded = await stored(store, running)
        await store.put("elsewhere/key.png", b"bytes", content_type="image/png")
        now = datetime.now(UTC)
        assert await search_orphans(worker, store, now=now) == 0
        assert await search_orphans(worker, store, now=now + timedelta(days=2)) == 1
        assert await there(store, [stray, *good, *unrecorded, "elsewhere/key.png"]) == [
            *good,
            *unrecorded,
            "elsewhere/key.png",
        ]

    async def test_is_done_by_one_at_a_time(self, worker: Database, store: S3Pictures) -> None:
        async with worker.transaction() as rows:
            assert await rows.orphans.lock_search() == ""
            assert await search_orphans(worker, store, now=datetime.now(UTC)) == 0
