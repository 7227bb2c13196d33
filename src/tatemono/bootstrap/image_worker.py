"""What the image worker works with."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tatemono.adapters.aws import aws_clients
from tatemono.adapters.c2pa_credentials import C2paCredentials
from tatemono.adapters.cloudfront.invalidation import CloudFrontInvalidation, NoEdgeCache
from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono.adapters.ecs_agent import EcsTaskProtection
from tatemono.adapters.model_registry import read_registry
from tatemono.adapters.pillow.difference_hash import DifferenceHasher
from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.folders import S3Folders
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.s3.quarantine import S3Quarantine
from tatemono.adapters.sqs import SqsQueue
from tatemono.adapters.zip_archive import ZipArchive
from tatemono.bootstrap import LAST_POLL_SECONDS
from tatemono.domain.generations.attempts import FIRST_PROVIDER, SECOND_PROVIDER, UnknownPolicy
from tatemono.settings import ImageWorkerSettings
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.ports import TicketQueue
from tatemono.usecases.privacy.build_export import Builder
from tatemono.usecases.safety.moderate_generation import GenerationModeration, HashClassifier
from tatemono.usecases.safety.ports import EdgeCache, PictureHasher

if TYPE_CHECKING:
    from tatemono.adapters.openai.images import OpenAIPainter
    from tatemono.adapters.openai.moderation import OpenAIModeration


@dataclass(frozen=True, slots=True)
class ImageProvider:
    """A painter that can be called, with all that a generation needs there.

    :ivar name: its name in attempts and in `painters`
    :ivar dependencies: with the model as this provider calls it
    """

    name: str
    dependencies: GenerationDependencies


@dataclass(frozen=True, slots=True)
class TakedownDependencies:
    """What moves the bytes of pictures that were taken down."""

    quarantine: S3Quarantine
    hasher: PictureHasher
    edge: EdgeCache


@dataclass(frozen=True, slots=True)
class ImageWorkerDependencies:
    """:ivar providers: in the order in which they are preferred"""

    db: Database
    queue: TicketQueue
    store: S3Pictures
    providers: tuple[ImageProvider, ...]
    protection: EcsTaskProtection
    export_queue: TicketQueue
    builder: Builder
    takedowns: TakedownDependencies


@asynccontextmanager
async def image_worker(settings: ImageWorkerSettings) -> AsyncIterator[ImageWorkerDependencies]:
    async with AsyncExitStack() as stack:
        sqs, s3 = await stack.enter_async_context(aws_clients("sqs", "s3"))
        queue = SqsQueue(sqs, settings.image_jobs_queue_url)
        export_queue = SqsQueue(sqs, settings.exports_queue_url)
        store = S3Pictures(s3, settings.pictures_bucket)
        edge = await stack.enter_async_context(_edge_cache(settings))
        takedowns = TakedownDependencies(S3Quarantine(s3, settings.quarantine_bucket, store), DifferenceHasher(), edge)
        references = S3Pictures(s3, settings.uploads_bucket)
        registry = read_registry()
        for needed in (queue, export_queue, store, takedowns.quarantine):
            await needed.check()
        # The database comes last: a service that is connected to it has found all the rest (see `check_health`).
        db = await stack.enter_async_context(
            await Database.connect(settings.database_url.get_secret_value(), service=settings.service_name)
        )
        # The painter's SDK takes longer to load than all the rest. Health does not ask for it, and no lease is held
        # yet: so a start that waits for this service's health does not wait for it.
        painters = [await stack.enter_async_context(painter) for painter in _painters(settings)]
        for each in (queue, export_queue):
            stack.push_async_callback(each.close, within_seconds=LAST_POLL_SECONDS)
        dependencies = GenerationDependencies(
            db=db,
            painter=painters[0],
            inspector=PillowPictures(),
            store=store,
            model_id=settings.image_model,
            safety_identifier_key=settings.safety_identifier_key.get_secret_value().encode(),
            jitter=random.random,
            registry=registry,
            references=references,
            today=lambda: datetime.now(UTC).date(),
            unknown_policy=UnknownPolicy.parse(settings.unknown_policy),
            moderation=GenerationModeration(
                db=db,
                moderator=await stack.enter_async_context(_moderator(settings)),
                classifier=HashClassifier(db.blocked_hashes, takedowns.hasher),
                quarantine=takedowns.quarantine,
                references=references,
                when_down=settings.moderation_when_down,
            ),
            credentials=_content_credentials(settings),
            names=settings.painter_models,
        )
        providers = [ImageProvider(FIRST_PROVIDER, dependencies)]
        if len(painters) > 1:
            names = settings.second_painter_models
            providers.append(ImageProvider(SECOND_PROVIDER, replace(dependencies, painter=painters[1], names=names)))
        protection = EcsTaskProtection(settings.ecs_agent_uri)
        builder = _builder(settings, s3)
        yield ImageWorkerDependencies(db, queue, store, tuple(providers), protection, export_queue, builder, takedowns)


@asynccontextmanager
async def _edge_cache(settings: ImageWorkerSettings) -> AsyncIterator[EdgeCache]:
    if settings.distribution_id == "none":
        yield NoEdgeCache()
        return
    async with aws_clients("cloudfront", connections=2) as (cloudfront,):
        yield CloudFrontInvalidation(cloudfront, settings.distribution_id)


@asynccontextmanager
async def _moderator(settings: ImageWorkerSettings) -> "AsyncIterator[OpenAIModeration | None]":
    """None if the plan switches the provider's moderation off: what is known here is looked for all the same."""
    from tatemono.adapters.openai.moderation import OpenAIModeration  # noqa: PLC0415 - with the SDK, see above

    if settings.moderation_model == "off":
        yield None
        return
    key = settings.openai_api_key.get_secret_value()
    model, url = settings.moderation_model, settings.openai_base_url
    async with OpenAIModeration(api_key=key, base_url=url, model=model) as moderator:
        yield moderator


def _content_credentials(settings: ImageWorkerSettings) -> C2paCredentials:
    return C2paCredentials(settings.content_credentials.get_secret_value())


def _painters(settings: ImageWorkerSettings) -> "list[OpenAIPainter]":
    """Those that are configured, the preferred one first."""
    from tatemono.adapters.openai.images import OpenAIPainter  # noqa: PLC0415 - with the SDK, see above

    places = [(settings.openai_base_url, settings.openai_api_key)]
    if settings.second_painter_base_url != "off":
        places.append((settings.second_painter_base_url, settings.second_painter_api_key))
    return [
        OpenAIPainter(api_key=key.get_secret_value(), base_url=url, total_seconds=settings.painter_timeout_seconds)
        for url, key in places
    ]


def _builder(settings: ImageWorkerSettings, s3: Any) -> Builder:
    urls = CloudFrontSignedUrls(
        settings.public_url, settings.picture_url_key_id, settings.picture_url_key.get_secret_value()
    )
    return Builder(
        store=S3Folders(s3, settings.pictures_bucket),
        open_archive=ZipArchive,
        link=urls.sign,
        keep=timedelta(days=settings.export_days),
    )
