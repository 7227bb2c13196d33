"""Puts each service together: one explicit function that opens all it needs, and closes it in the end.

What only one service needs is imported within its function: the painter's SDK alone takes half a second and 60 MB.
"""
# ruff: noqa: PLC0415 - the docstring says why

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tatemono.adapters.postgres.database import Database
from tatemono.settings import ImageWorkerSettings, OutboxRelaySettings
from tatemono.usecases.ports import TicketQueue
from tatemono.usecases.run_generation import Workshop

#: The plan's name of the queue that image jobs go through.
IMAGE_JOBS = "image-jobs"

#: How long a worker that stops waits for a poll it broke off, to hand back what that may still bring.
_LAST_POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class ImageWorkerParts:
    db: Database
    queue: TicketQueue
    workshop: Workshop


@dataclass(frozen=True, slots=True)
class OutboxRelayParts:
    db: Database
    queues: dict[str, TicketQueue]


@asynccontextmanager
async def image_worker(settings: ImageWorkerSettings) -> AsyncIterator[ImageWorkerParts]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.openai_images import OpenAIPainter
    from tatemono.adapters.pillow_pictures import PillowPictures
    from tatemono.adapters.s3 import S3Pictures
    from tatemono.adapters.sqs import SqsQueue

    async with aws_clients("sqs", "s3") as (sqs, s3):
        queue = SqsQueue(sqs, settings.image_jobs_queue_url)
        store = S3Pictures(s3, settings.pictures_bucket)
        await queue.check()
        await store.check()
        painter = OpenAIPainter(
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            total_seconds=settings.painter_timeout_seconds,
        )
        # The database comes last: a service that is connected to it has found all the rest (see `check_health`).
        async with (
            painter,
            await Database.connect(settings.database_url.get_secret_value(), service=settings.service_name) as db,
        ):
            parts = ImageWorkerParts(
                db=db,
                queue=queue,
                workshop=Workshop(
                    db=db,
                    painter=painter,
                    inspector=PillowPictures(),
                    store=store,
                    model=settings.image_model,
                    safety_identifier_key=settings.safety_identifier_key.get_secret_value().encode(),
                    jitter=random.random,
                ),
            )
            try:
                yield parts
            finally:
                await queue.close(within_seconds=_LAST_POLL_SECONDS)


@asynccontextmanager
async def outbox_relay(settings: OutboxRelaySettings) -> AsyncIterator[OutboxRelayParts]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.sqs import SqsQueue

    async with aws_clients("sqs") as (sqs,):
        queue = SqsQueue(sqs, settings.image_jobs_queue_url)
        await queue.check()
        async with await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db:
            yield OutboxRelayParts(db=db, queues={IMAGE_JOBS: queue})
