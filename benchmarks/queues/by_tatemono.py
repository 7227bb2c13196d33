"""tatemono itself, all but the painter, the pictures' bytes and their store: those take no time here.

`submit N`; `work` takes tickets from SQS, which `work relay` sends there; `work alone` is both in one process, and
between the two a queue of this process instead of SQS.
"""

import asyncio
import json
import os
import secrets
import sys
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import uvloop
from benchmarks.queues import plain

from tatemono.adapters.aws import aws_clients
from tatemono.adapters.ecs_agent import EcsTaskProtection
from tatemono.adapters.model_registry import read_registry
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.outbox import IMAGE_JOBS
from tatemono.adapters.sqs import SqsQueue
from tatemono.bootstrap.image_worker import ImageProvider, ImageWorkerDependencies, TakedownDependencies
from tatemono.bootstrap.outbox_relay import OutboxRelayDependencies
from tatemono.domain.generations.attempts import FIRST_PROVIDER, UnknownPolicy
from tatemono.domain.generations.budgets import Terms
from tatemono.domain.generations.generation import PictureRequest, Quality
from tatemono.domain.generations.painting import PainterUsage, Painting, PaintRequest, PartialPicture
from tatemono.domain.generations.queue import QueueControls
from tatemono.domain.safety.blocked_words import BlockedWords
from tatemono.entrypoints.image_worker.worker import ImageWorker
from tatemono.entrypoints.logs import start_logging
from tatemono.entrypoints.outbox_relay.relay import OutboxRelay
from tatemono.settings import ImageWorkerSettings, OutboxRelaySettings
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.ports import Ticket, TicketQueue
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.generations.submit_generation import submit_generation
from tatemono.usecases.pictures.ports import ExpectedPicture, Miniature, SmallCopy, VerifiedPicture
from tatemono.usecases.safety.moderate_generation import Unmoderated

_URLS: dict[str, str] = json.loads(os.environ.get("ROLE_URLS", "{}"))
_PAINTED = Painting((plain.PICTURE,), PainterUsage(12, 0, 1056), "none")
_TERMS = Terms(daily_credits=0, user_day_micros=10**12, environment_day_micros=10**15, time_zone="Asia/Tokyo")
_PRICES = PriceList(read_registry(), "gpt-image-2", _TERMS, lambda: datetime.now(UTC).date())
_REQUEST = PictureRequest(prompt="A lighthouse at dawn, seen from the sea", quality=Quality.LOW)
_SMALL = SmallCopy(b"")
_MINIATURE = Miniature(b"", b"thumbhash")


class NoPainter:
    async def paint(self, _request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        yield _PAINTED


class NoInspector:
    async def verify(self, data: bytes, expected: ExpectedPicture) -> VerifiedPicture:
        return VerifiedPicture(data, "image/png", expected.width, expected.height)

    async def shrink(self, _picture: VerifiedPicture) -> SmallCopy:
        return _SMALL

    async def miniature(self, _small: SmallCopy) -> Miniature:
        return _MINIATURE

    async def preview(self, data: bytes) -> bytes:
        return data


class NoStore:
    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """It takes no time."""

    async def delete(self, keys: Sequence[str]) -> None:
        """As above."""

    async def keys_after(self, _prefix: str, _after_key: str, _limit: int) -> list[Any]:
        return []


class NoCredentials:
    async def sign(self, picture: bytes, _content_type: str, *, model: str) -> bytes:
        """It takes no time, and gives the picture as it is."""
        del model
        return picture


class QueueInMemory:
    """A stand-in for SQS, within this process. It hands nothing out twice."""

    def __init__(self) -> None:
        self._bodies: deque[str] = deque()
        self._come = asyncio.Event()

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:  # noqa: ARG002 - the port's
        self._bodies.extend(bodies)
        self._come.set()
        return []

    async def receive(self, limit: int) -> list[Ticket]:
        while not self._bodies:
            self._come.clear()
            await self._come.wait()
        return [Ticket(body, body, 1) for _ in range(min(limit, len(self._bodies))) if (body := self._bodies.popleft())]

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        """They are gone already."""

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        if not visibility_seconds:
            await self.send([ticket.body for ticket in tickets])


async def submit(jobs: int) -> None:
    async with await Database.connect(_URLS["mobile-api"], service="mobile-api", max_connections=8) as db:

        async def one(number: int) -> None:
            await submit_generation(
                db,
                _PRICES,
                controls=QueueControls(),
                words=BlockedWords(()),
                user_id=plain.user(number),
                request=_REQUEST,
                idempotency_key=secrets.token_hex(8),
            )

        await plain.each(jobs, one)


async def relay(queue: TicketQueue, stopping: asyncio.Event) -> None:
    url = _URLS["outbox-relay"]
    told = {
        "service_name": "outbox-relay",
        "database_url": url,
        "image_jobs_queue_url": "none",
        "mail_queue_url": "none",
        "mail_events_queue_url": "none",
        "exports_queue_url": "none",
        "pictures_bucket": "none",
        "members_pool_id": "none",
        "receipt_key": "none",
    }
    # Nothing is erased or reconciled here.
    idle: Any = None
    async with await Database.connect(url, service="outbox-relay", max_connections=4) as db:
        dependencies = OutboxRelayDependencies(db=db, queues={IMAGE_JOBS: queue}, eraser=idle, reconciler=idle)
        await OutboxRelay(dependencies, OutboxRelaySettings.model_validate(told)).work(stopping)


async def paint(queue: TicketQueue, stopping: asyncio.Event) -> None:
    url = _URLS["image-worker"]
    settings = ImageWorkerSettings.model_validate(
        {
            "service_name": "image-worker",
            "database_url": url,
            "image_jobs_queue_url": "none",
            "exports_queue_url": "none",
            "pictures_bucket": "none",
            "uploads_bucket": "none",
            "quarantine_bucket": "none",
            "distribution_id": "none",
            "moderation_model": "none",
            "moderation_when_down": "closed",
            "content_credentials": "none",
            "openai_api_key": "none",
            "openai_base_url": "http://127.0.0.1:1",
            "image_model": _PRICES.model_id,
            "safety_identifier_key": "key",
            "picture_url_key": "none",
            "picture_url_key_id": "none",
            "public_url": "https://localhost:8443",
            "concurrency": plain.CONCURRENCY,
        }
    )
    # Nothing is exported or taken down here, and nobody sends a picture along.
    idle: Any = None
    nothing = TakedownDependencies(idle, idle, idle)
    async with await Database.connect(url, service="image-worker") as db:
        dependencies = GenerationDependencies(
            db=db,
            painter=NoPainter(),
            inspector=NoInspector(),
            store=NoStore(),
            model_id=_PRICES.model_id,
            registry=_PRICES.registry,
            references=idle,
            today=_PRICES.today,
            safety_identifier_key=b"key",
            jitter=lambda: 0.5,
            unknown_policy=UnknownPolicy.parse("retry:1"),
            moderation=Unmoderated(),
            credentials=NoCredentials(),
        )
        providers = (ImageProvider(FIRST_PROVIDER, dependencies),)
        worker_dependencies = ImageWorkerDependencies(
            db, queue, cast("Any", NoStore()), providers, EcsTaskProtection(""), idle, idle, nothing
        )
        await ImageWorker(worker_dependencies, settings).work(stopping)


async def work(how: str) -> None:
    start_logging("benchmark", "info")
    stopping = asyncio.Event()
    if how == "alone":
        shared = QueueInMemory()
        await asyncio.gather(relay(shared, stopping), paint(shared, stopping))
    async with aws_clients("sqs") as (sqs,):
        queue = SqsQueue(sqs, os.environ["JOBS_QUEUE_URL"])
        await (relay if how == "relay" else paint)(queue, stopping)


if __name__ == "__main__":
    plain.main(lambda jobs: uvloop.run(submit(jobs)), lambda: uvloop.run(work(sys.argv[-1])))
