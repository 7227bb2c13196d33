"""Puts each service together: one explicit function that opens all it needs, and closes it in the end.

What only one service needs is imported within its function: the painter's SDK alone takes half a second and 60 MB.
"""
# ruff: noqa: PLC0415 - the docstring says why

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.exports import EXPORTS
from tatemono.adapters.postgres.outbox import IMAGE_JOBS, MAIL, MAIL_EVENTS
from tatemono.domain.attempts import FIRST_PROVIDER, SECOND_PROVIDER, UnknownPolicy
from tatemono.domain.attestation import AttestationPolicy
from tatemono.domain.blocked_words import BlockedWords
from tatemono.domain.models import Registry
from tatemono.domain.money import MICROS_PER_DOLLAR, Terms
from tatemono.settings import (
    AdminApiSettings,
    ImageWorkerSettings,
    MailWorkerSettings,
    MobileApiSettings,
    OperatorsSettings,
    OutboxRelaySettings,
    WebSettings,
)
from tatemono.usecases.build_export import Builder
from tatemono.usecases.erase_accounts import Eraser
from tatemono.usecases.guard_generation import Guard, HashClassifier
from tatemono.usecases.identity_ports import AttestationVerifier, GuestIdentities
from tatemono.usecases.ports import (
    BLOCKED_WORDS_CHANNEL,
    QUEUE_CHANNEL,
    PictureStore,
    ReferenceCleaner,
    ReferenceStore,
    TicketQueue,
)
from tatemono.usecases.price_list import PriceList
from tatemono.usecases.reconcile import Reconciler
from tatemono.usecases.run_generation import Workshop
from tatemono.usecases.safety_ports import EdgeCache, PictureHasher
from tatemono.usecases.send_mail import PostOffice

if TYPE_CHECKING:
    from tatemono.adapters.admin_api import AdminApi
    from tatemono.adapters.c2pa_credentials import C2paCredentials
    from tatemono.adapters.cloudfront import CloudFrontSignedUrls
    from tatemono.adapters.cognito import CognitoMembers
    from tatemono.adapters.dpop import ProofChecker
    from tatemono.adapters.ecs_agent import EcsTaskProtection
    from tatemono.adapters.identifier_keys import IdentifierKeys
    from tatemono.adapters.merge_tokens import MergeTokens
    from tatemono.adapters.openai_images import OpenAIPainter
    from tatemono.adapters.openai_moderation import OpenAIModeration
    from tatemono.adapters.operator_pool import CognitoOperators
    from tatemono.adapters.operator_tokens import OperatorTokens
    from tatemono.adapters.postgres.event_feed import EventFeed
    from tatemono.adapters.postgres.revocations import Revocations
    from tatemono.adapters.postgres.watched import Watched
    from tatemono.adapters.s3 import S3Pictures
    from tatemono.adapters.s3_quarantine import S3Quarantine
    from tatemono.adapters.sealing import Sealing
    from tatemono.adapters.tokens import AccessTokens
    from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
    from tatemono.domain.queue import QueueControls

#: How long a worker that stops waits for a poll it broke off, to hand back what that may still bring.
_LAST_POLL_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Easel:
    """Where one of the painters paints.

    :ivar provider: its name in attempts and in `painters`
    :ivar workshop: with the model as this provider calls it
    """

    provider: str
    workshop: Workshop


@dataclass(frozen=True, slots=True)
class MailWorkerParts:
    db: Database
    queue: TicketQueue
    events: TicketQueue
    office: PostOffice


@dataclass(frozen=True, slots=True)
class TakedownParts:
    """What moves the bytes of pictures that were taken down."""

    quarantine: "S3Quarantine"
    hasher: PictureHasher
    edge: EdgeCache


@dataclass(frozen=True, slots=True)
class ImageWorkerParts:
    """:ivar easels: in the order in which they are preferred"""

    db: Database
    queue: TicketQueue
    store: "S3Pictures"
    easels: tuple[Easel, ...]
    protection: "EcsTaskProtection"
    export_queue: TicketQueue
    builder: Builder
    takedowns: TakedownParts


@dataclass(frozen=True, slots=True)
class OutboxRelayParts:
    """:ivar identities: none: guests get none
    :ivar dead: of each queue that has one, its dead-letter queue
    """

    db: Database
    queues: dict[str, TicketQueue]
    eraser: Eraser
    reconciler: Reconciler
    identities: GuestIdentities | None = None
    dead: dict[str, TicketQueue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MobileApiBackend:
    """:ivar now: seconds since 1970"""

    db: Database
    feed: "EventFeed"
    tokens: "AccessTokens"
    proofs: "ProofChecker"
    identifiers: "IdentifierKeys"
    revocations: "Revocations"
    members: "CognitoMembers"
    merge_tokens: "MergeTokens"
    picture_urls: "CloudFrontSignedUrls"
    settings: MobileApiSettings
    attestations: AttestationVerifier
    unsubscribe_links: "UnsubscribeLinks"
    controls: "Watched[QueueControls]"
    uploads: ReferenceStore
    cleaner: ReferenceCleaner
    registry: Registry
    terms: Terms
    blocked_words: "Watched[BlockedWords]"
    now: Callable[[], float] = time.time

    @property
    def prices(self) -> PriceList:
        """What requests are held to."""
        return PriceList(self.registry, self.settings.image_model, self.terms, self._today)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.now(), UTC).date()


def _terms(settings: MobileApiSettings) -> Terms:
    return Terms(
        daily_credits=settings.daily_credits,
        user_day_micros=int(settings.user_day_budget_dollars * MICROS_PER_DOLLAR),
        environment_day_micros=int(settings.environment_day_budget_dollars * MICROS_PER_DOLLAR),
        time_zone=settings.day_time_zone,
    )


@dataclass(frozen=True, slots=True)
class AdminApiBackend:
    """:ivar now: seconds since 1970"""

    db: Database
    tokens: "OperatorTokens"
    settings: AdminApiSettings
    uploads: ReferenceStore
    pictures: PictureStore
    cleaner: ReferenceCleaner
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class WebParts:
    """:ivar now: seconds since 1970"""

    db: Database
    pool: "CognitoOperators"
    admin_api: "AdminApi"
    sealing: "Sealing"
    settings: WebSettings
    now: Callable[[], float] = time.time


@asynccontextmanager
async def mobile_api(settings: MobileApiSettings) -> AsyncIterator[MobileApiBackend]:
    from tatemono.adapters.cloudfront import CloudFrontSignedUrls
    from tatemono.adapters.cognito import cognito_members
    from tatemono.adapters.dpop import ProofChecker
    from tatemono.adapters.identifier_keys import IdentifierKeys
    from tatemono.adapters.merge_tokens import MergeTokens
    from tatemono.adapters.model_registry import read_registry
    from tatemono.adapters.pillow_references import PillowReferences
    from tatemono.adapters.postgres.event_feed import EventFeed
    from tatemono.adapters.postgres.revocations import Revocations
    from tatemono.adapters.postgres.watched import Watched
    from tatemono.adapters.s3_uploads import s3_uploads
    from tatemono.adapters.signing_keys import following_secret
    from tatemono.adapters.tokens import AccessTokens
    from tatemono.adapters.unsubscribe_links import UnsubscribeLinks

    tokens = AccessTokens(
        settings.token_signing_keys.get_secret_value(),
        issuer=settings.public_url,
        lifetime_seconds=settings.access_token_seconds,
    )
    picture_urls = CloudFrontSignedUrls(
        settings.public_url, settings.picture_url_key_id, settings.picture_url_key.get_secret_value()
    )
    identifiers = IdentifierKeys(settings.device_identifier_key.get_secret_value())
    key = settings.refresh_rotation_key.get_secret_value().encode()
    proofs, merge_tokens = ProofChecker(key), MergeTokens(key, issuer=settings.public_url)
    async with (
        await Database.connect(settings.database_url.get_secret_value(), service=settings.service_name) as db,
        EventFeed(db) as feed,
        Revocations(db, lifetime_seconds=settings.access_token_seconds) as revocations,
        Watched(db, QUEUE_CHANNEL, db.queue.controls) as controls,
        Watched(db, BLOCKED_WORDS_CHANNEL, lambda: _blocked_words(db)) as blocked_words,
        following_secret(settings.token_signing_keys_arn, tokens.take_keys)
        if settings.token_signing_keys_arn
        else nullcontext(),
        following_secret(settings.device_identifier_key_arn, identifiers.take_keys)
        if settings.device_identifier_key_arn
        else nullcontext(),
        cognito_members(
            settings.members_pool_id, settings.members_client_id, settings.members_client_secret.get_secret_value()
        ) as members,
        s3_uploads(settings.uploads_bucket, settings.uploads_url) as uploads,
    ):
        yield MobileApiBackend(
            db,
            feed,
            tokens,
            proofs,
            identifiers,
            revocations,
            members,
            merge_tokens,
            picture_urls,
            settings,
            _attestations(settings),
            UnsubscribeLinks(settings.unsubscribe_key.get_secret_value().encode(), public_url=settings.public_url),
            controls,
            uploads,
            PillowReferences(),
            read_registry(),
            _terms(settings),
            blocked_words,
        )


async def _blocked_words(db: Database) -> BlockedWords:
    return BlockedWords(await db.blocked_words.all())


def _attestations(settings: MobileApiSettings) -> AttestationVerifier:
    from tatemono.adapters.attestations import PlatformAttestations

    ios = android = None
    if settings.device_attestation is not AttestationPolicy.OFF and settings.app_attest_app_id:
        from tatemono.adapters.app_attest import AppAttest

        ios = AppAttest(settings.app_attest_app_id, development=settings.app_attest_development)
    if settings.device_attestation is not AttestationPolicy.OFF and settings.play_package_name:
        from tatemono.adapters.play_integrity import PlayIntegrity

        android = PlayIntegrity(
            settings.play_package_name,
            decryption_key=settings.play_decryption_key.get_secret_value(),
            verification_key=settings.play_verification_key,
        )
    return PlatformAttestations(ios=ios, android=android)


@asynccontextmanager
async def admin_api(settings: AdminApiSettings) -> AsyncIterator[AdminApiBackend]:
    from tatemono.adapters.pillow_references import PillowReferences
    from tatemono.adapters.s3_uploads import s3_uploads

    async with (
        await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db,
        s3_uploads(settings.uploads_bucket, settings.uploads_url) as uploads,
        s3_uploads(settings.pictures_bucket, settings.uploads_url) as pictures,
    ):
        yield AdminApiBackend(db, _operator_tokens(settings), settings, uploads, pictures, PillowReferences())


def _operator_tokens(settings: OperatorsSettings) -> "OperatorTokens":
    from tatemono.adapters.operator_tokens import OperatorTokens, PublishedKeys

    return OperatorTokens(
        PublishedKeys(settings.operators_jwks_url, clock=time.monotonic),
        issuer=settings.operators_issuer,
        client_id=settings.operators_client_id,
    )


@asynccontextmanager
async def web(settings: WebSettings) -> AsyncIterator[WebParts]:
    import httpx

    from tatemono.adapters.admin_api import AdminApi
    from tatemono.adapters.operator_pool import CognitoOperators
    from tatemono.adapters.sealing import Sealing

    async with (
        httpx.AsyncClient(base_url=settings.operators_domain_url, timeout=5) as cognito,
        httpx.AsyncClient(base_url=settings.admin_api_url, timeout=10) as admin,
        await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db,
    ):
        pool = CognitoOperators(
            cognito,
            _operator_tokens(settings),
            client_id=settings.operators_client_id,
            client_secret=settings.operators_client_secret.get_secret_value(),
            public_url=settings.public_url,
        )
        # Either of two values is accepted while the secret is being rotated.
        origin_verify = settings.origin_verify.get_secret_value().partition(",")[0].strip()
        sealing = Sealing(settings.operator_sessions_key.get_secret_value())
        yield WebParts(db, pool, AdminApi(admin, origin_verify), sealing, settings)


@asynccontextmanager
async def image_worker(settings: ImageWorkerSettings) -> AsyncIterator[ImageWorkerParts]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.difference_hash import DifferenceHasher
    from tatemono.adapters.ecs_agent import EcsTaskProtection
    from tatemono.adapters.model_registry import read_registry
    from tatemono.adapters.pillow_pictures import PillowPictures
    from tatemono.adapters.s3 import S3Pictures
    from tatemono.adapters.s3_quarantine import S3Quarantine
    from tatemono.adapters.sqs import SqsQueue

    async with AsyncExitStack() as stack:
        sqs, s3 = await stack.enter_async_context(aws_clients("sqs", "s3"))
        queue = SqsQueue(sqs, settings.image_jobs_queue_url)
        export_queue = SqsQueue(sqs, settings.exports_queue_url)
        store = S3Pictures(s3, settings.pictures_bucket)
        edge = await stack.enter_async_context(_edge_cache(settings))
        takedowns = TakedownParts(S3Quarantine(s3, settings.quarantine_bucket, store), DifferenceHasher(), edge)
        references = S3Pictures(s3, settings.uploads_bucket)
        registry = read_registry()
        for needed in (queue, export_queue, store, takedowns.quarantine):
            await needed.check()
        # The database comes last: a service that is connected to it has found all the rest (see `check_health`).
        db = await stack.enter_async_context(
            await Database.connect(settings.database_url.get_secret_value(), service=settings.service_name)
        )
        # The painter's SDK takes longer to load than all the rest. Nobody is asked whether it is there, and no lease is
        # held yet: so whoever waits for this service's health need not wait for it.
        painters = [await stack.enter_async_context(painter) for painter in _painters(settings)]
        for each in (queue, export_queue):
            stack.push_async_callback(each.close, within_seconds=_LAST_POLL_SECONDS)
        workshop = Workshop(
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
            guard=Guard(
                db=db,
                moderator=await stack.enter_async_context(_moderator(settings)),
                classifier=HashClassifier(db, takedowns.hasher),
                quarantine=takedowns.quarantine,
                references=references,
                when_down=settings.moderation_when_down,
                credentials=_content_credentials(settings),
            ),
        )
        easels = [Easel(FIRST_PROVIDER, workshop)]
        if len(painters) > 1:
            names = settings.second_painter_models
            easels.append(Easel(SECOND_PROVIDER, replace(workshop, painter=painters[1], names=names)))
        protection = EcsTaskProtection(settings.ecs_agent_uri)
        builder = _builder(settings, s3)
        yield ImageWorkerParts(db, queue, store, tuple(easels), protection, export_queue, builder, takedowns)


@asynccontextmanager
async def _edge_cache(settings: ImageWorkerSettings) -> AsyncIterator[EdgeCache]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.cloudfront_invalidation import CloudFrontInvalidation, NoEdgeCache

    if settings.distribution_id == "none":
        yield NoEdgeCache()
        return
    async with aws_clients("cloudfront", connections=2) as (cloudfront,):
        yield CloudFrontInvalidation(cloudfront, settings.distribution_id)


@asynccontextmanager
async def _moderator(settings: ImageWorkerSettings) -> "AsyncIterator[OpenAIModeration | None]":
    """None if the plan switches the provider's moderation off: what is known here is looked for all the same."""
    from tatemono.adapters.openai_moderation import OpenAIModeration

    if settings.moderation_model == "off":
        yield None
        return
    key = settings.openai_api_key.get_secret_value()
    model, url = settings.moderation_model, settings.openai_base_url
    async with OpenAIModeration(api_key=key, base_url=url, model=model) as moderator:
        yield moderator


def _content_credentials(settings: ImageWorkerSettings) -> "C2paCredentials":
    from tatemono.adapters.c2pa_credentials import C2paCredentials

    return C2paCredentials(settings.content_credentials.get_secret_value())


def _painters(settings: ImageWorkerSettings) -> "list[OpenAIPainter]":
    """Those that are configured, the preferred one first."""
    from tatemono.adapters.openai_images import OpenAIPainter

    places = [(settings.openai_base_url, settings.openai_api_key)]
    if settings.second_painter_base_url != "off":
        places.append((settings.second_painter_base_url, settings.second_painter_api_key))
    return [
        OpenAIPainter(api_key=key.get_secret_value(), base_url=url, total_seconds=settings.painter_timeout_seconds)
        for url, key in places
    ]


def _builder(settings: ImageWorkerSettings, s3: Any) -> Builder:
    from tatemono.adapters.cloudfront import CloudFrontSignedUrls
    from tatemono.adapters.s3_folders import S3Folders
    from tatemono.adapters.zip_archive import ZipArchive

    urls = CloudFrontSignedUrls(
        settings.public_url, settings.picture_url_key_id, settings.picture_url_key.get_secret_value()
    )
    return Builder(
        store=S3Folders(s3, settings.pictures_bucket),
        open_archive=ZipArchive,
        link=urls.sign,
        keep=timedelta(days=settings.export_days),
    )


@asynccontextmanager
async def mail_worker(settings: MailWorkerSettings) -> AsyncIterator[MailWorkerParts]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.letters import Letters
    from tatemono.adapters.ses import SesSender
    from tatemono.adapters.sqs import SqsQueue
    from tatemono.adapters.unsubscribe_links import UnsubscribeLinks

    links = UnsubscribeLinks(settings.unsubscribe_key.get_secret_value().encode(), public_url=settings.public_url)
    # A mail cannot be taken back: the SDK must not call SES a second time by itself.
    async with aws_clients("sqs") as (sqs,), aws_clients("sesv2", attempts=1) as (ses,):
        queue, events = SqsQueue(sqs, settings.mail_queue_url), SqsQueue(sqs, settings.mail_events_queue_url)
        await queue.check()
        await events.check()
        sender = SesSender(ses, sender=settings.mail_sender, configuration_set=settings.mail_configuration_set)
        async with await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name
        ) as db:
            office = PostOffice(db, Letters(links), sender, jitter=random.random, clock=time.monotonic)
            try:
                yield MailWorkerParts(db, queue, events, office)
            finally:
                await asyncio.gather(*(each.close(within_seconds=_LAST_POLL_SECONDS) for each in (queue, events)))


@asynccontextmanager
async def outbox_relay(settings: OutboxRelaySettings) -> AsyncIterator[OutboxRelayParts]:
    from tatemono.adapters.aws import aws_clients
    from tatemono.adapters.cognito_directory import CognitoDirectory
    from tatemono.adapters.cognito_identity import CognitoIdentities
    from tatemono.adapters.s3_folders import S3Folders
    from tatemono.adapters.sqs import SqsQueue

    async with aws_clients("sqs", "s3", "cognito-idp", "cognito-identity") as (sqs, s3, cognito_idp, cognito):
        pool_id = settings.guests_identity_pool_id
        queues = {
            IMAGE_JOBS: SqsQueue(sqs, settings.image_jobs_queue_url),
            MAIL: SqsQueue(sqs, settings.mail_queue_url),
            # Nothing of ours is sent there; its dead letters are.
            MAIL_EVENTS: SqsQueue(sqs, settings.mail_events_queue_url),
            EXPORTS: SqsQueue(sqs, settings.exports_queue_url),
        }
        for queue in queues.values():
            await queue.check()
        async with await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db:
            identities = CognitoIdentities(cognito, pool_id) if pool_id else None
            store = S3Folders(s3, settings.pictures_bucket)
            members = CognitoDirectory(cognito_idp, settings.members_pool_id)
            key = settings.receipt_key.get_secret_value().encode()
            margin = timedelta(hours=settings.reconcile_margin_hours)
            dead = {name: found for name, queue in queues.items() if (found := await queue.dead_letters()) is not None}
            try:
                yield OutboxRelayParts(
                    db=db,
                    queues=dict(queues),
                    eraser=Eraser(store, members, identities, key),
                    reconciler=Reconciler(store, members, identities, margin),
                    identities=identities,
                    dead=dict(dead),
                )
            finally:
                await asyncio.gather(*(each.close(within_seconds=_LAST_POLL_SECONDS) for each in dead.values()))
