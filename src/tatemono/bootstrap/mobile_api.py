"""What the mobile API works with."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tatemono.adapters.attestations import PlatformAttestations
from tatemono.adapters.cloudfront.signed_urls import CloudFrontSignedUrls
from tatemono.adapters.cognito.members import CognitoMembers, cognito_members
from tatemono.adapters.dpop import ProofChecker
from tatemono.adapters.identifier_keys import IdentifierKeys
from tatemono.adapters.merge_tokens import MergeTokens
from tatemono.adapters.model_registry import read_registry
from tatemono.adapters.pillow.references import PillowReferences
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.generations.event_feed import EventFeed
from tatemono.adapters.postgres.identity.revocations import Revocations
from tatemono.adapters.postgres.notified_cache import NotifiedCache
from tatemono.adapters.s3.uploads import s3_uploads
from tatemono.adapters.signing_keys import following_secret
from tatemono.adapters.tokens import AccessTokens
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.generations.budgets import MICROS_PER_DOLLAR, Terms, shards_for
from tatemono.domain.generations.image_models import Registry
from tatemono.domain.generations.queue import QueueControls
from tatemono.domain.identity.attestation import AttestationPolicy
from tatemono.domain.safety.blocked_words import BlockedWords
from tatemono.settings import MobileApiSettings
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.identity.ports import AttestationVerifier
from tatemono.usecases.pictures.ports import ReferenceCleaner, ReferenceStore
from tatemono.usecases.ports import BLOCKED_WORDS_CHANNEL, QUEUE_CHANNEL


@dataclass(frozen=True, slots=True)
class MobileApiBackend:
    """:ivar now: seconds since 1970"""

    db: Database
    feed: EventFeed
    tokens: AccessTokens
    proofs: ProofChecker
    identifiers: IdentifierKeys
    revocations: Revocations
    members: CognitoMembers
    merge_tokens: MergeTokens
    picture_urls: CloudFrontSignedUrls
    settings: MobileApiSettings
    attestations: AttestationVerifier
    unsubscribe_links: UnsubscribeLinks
    controls: NotifiedCache[QueueControls]
    uploads: ReferenceStore
    cleaner: ReferenceCleaner
    registry: Registry
    terms: Terms
    blocked_words: NotifiedCache[BlockedWords]
    now: Callable[[], float] = time.time

    @property
    def prices(self) -> PriceList:
        """What requests are held to."""
        return PriceList(self.registry, self.settings.image_model, self.terms, self._today)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.now(), UTC).date()


def _terms(settings: MobileApiSettings) -> Terms:
    environment_day_micros = int(settings.environment_day_budget_dollars * MICROS_PER_DOLLAR)
    return Terms(
        daily_credits=settings.daily_credits,
        user_day_micros=int(settings.user_day_budget_dollars * MICROS_PER_DOLLAR),
        environment_day_micros=environment_day_micros,
        time_zone=settings.day_time_zone,
        shards=shards_for(environment_day_micros),
    )


@asynccontextmanager
async def mobile_api(settings: MobileApiSettings) -> AsyncIterator[MobileApiBackend]:
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
        NotifiedCache(db, QUEUE_CHANNEL, db.queue.controls) as controls,
        NotifiedCache(db, BLOCKED_WORDS_CHANNEL, lambda: _blocked_words(db)) as blocked_words,
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
    ios = android = None
    if settings.device_attestation is not AttestationPolicy.OFF and settings.app_attest_app_id:
        from tatemono.adapters.app_attest import AppAttest  # noqa: PLC0415 - 5 MB that few need

        ios = AppAttest(settings.app_attest_app_id, development=settings.app_attest_development)
    if settings.device_attestation is not AttestationPolicy.OFF and settings.play_package_name:
        from tatemono.adapters.play_integrity import PlayIntegrity  # noqa: PLC0415

        android = PlayIntegrity(
            settings.play_package_name,
            decryption_key=settings.play_decryption_key.get_secret_value(),
            verification_key=settings.play_verification_key,
        )
    return PlatformAttestations(ios=ios, android=android)
