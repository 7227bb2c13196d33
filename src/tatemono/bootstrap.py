"""Puts each service together: one explicit function that opens all it needs, and closes it in the end.

What only one service needs is imported within its function: the painter's SDK alone takes half a second and 60 MB.
"""
# ruff: noqa: PLC0415 - the docstring says why

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tatemono.adapters.postgres.database import Database
from tatemono.settings import ImageWorkerSettings, MobileApiSettings, OutboxRelaySettings
from tatemono.usecases.ports import TicketQueue
from tatemono.usecases.run_generation import Workshop

if TYPE_CHECKING:
    from tatemono.adapters.cloudfront import CloudFrontSignedUrls
    from tatemono.adapters.postgres.event_feed import EventFeed
    from tatemono.adapters.tokens import AccessTokens

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


@dataclass(frozen=True, slots=True)
class MobileApiBackend:
    """:ivar now: seconds since 1970"""

    db: Database
    feed: "EventFeed"
    tokens: "AccessTokens"
    picture_urls: "CloudFrontSignedUrls"
    settings: MobileApiSettings
    now: Callable[[], float] = time.time


@asynccontextmanager
async def mobile_api(settings: MobileApiSettings) -> AsyncIterator[MobileApiBackend]:
    from tatemono.adapters.cloudfront import CloudFrontSignedUrls
    from tatemono.adapters.postgres.event_feed import EventFeed
    from tatemono.adapters.tokens import AccessTokens

    tokens = AccessTokens(
        settings.token_signing_keys.get_secret_value(),
        issuer=settings.public_url,
        lifetime_seconds=settings.access_token_seconds,
    )
    picture_urls = CloudFrontSignedUrls(
        settings.public_url, settings.picture_url_key_id, settings.picture_url_key.get_secret_value()
    )
    async with (
        await Database.connect(settings.database_url.get_secret_value(), service=settings.service_name) as db,
        EventFeed(db) as feed,
    ):
        yield MobileApiBackend(db, feed, tokens, picture_urls, settings)


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
