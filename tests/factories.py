"""Things that tests are about, as they are in production, with as few words as possible."""

import secrets
from datetime import date
from functools import partial
from uuid import UUID

from tatemono.adapters.attestations import PlatformAttestations
from tatemono.adapters.model_registry import read_registry
from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.budgets import Terms
from tatemono.domain.generations.generation import Generation, PictureRequest
from tatemono.domain.generations.painting import PainterUsage
from tatemono.domain.generations.queue import QueueControls
from tatemono.domain.identity.attestation import AttestationPolicy
from tatemono.domain.identity.devices import Platform
from tatemono.domain.safety.blocked_words import BlockedWords
from tatemono.usecases.generations.price_list import PriceList
from tatemono.usecases.generations.submit_generation import submit_generation
from tatemono.usecases.identity.sign_in_device import AttestationTerms
from tatemono.usecases.pictures.ports import KeptPicture, Miniature, VerifiedPicture

USAGE = PainterUsage(input_text_tokens=12, input_image_tokens=0, output_tokens=1056)
FOX = PictureRequest(prompt="A fox under the moon")
TODAY = date(2026, 11, 25)
#: Nothing is free, and nobody reaches a budget.
TERMS = Terms(daily_credits=0, user_day_micros=10**12, environment_day_micros=10**14, time_zone="Asia/Tokyo")
PRICES = PriceList(read_registry(), "gpt-image-2", TERMS, lambda: TODAY)
#: A submission while the queue is open and no word is blocked.
submit_openly = partial(submit_generation, controls=QueueControls(), words=BlockedWords(()))
#: What `FOX` comes to there.
COST = PRICES.model.cost(FOX, TODAY)

#: Terms of a sign-in where devices are not attested.
NO_ATTESTATION = AttestationTerms(AttestationPolicy.OFF, PlatformAttestations(ios=None, android=None), None, "", 0)


class Unsigned:
    """Content credentials of tests that are not about them: the bytes stay as they are."""

    async def sign(self, picture: bytes, _content_type: str, *, model: str) -> bytes:
        return picture


async def guest(db: Database, *, credits: int = 500) -> UUID:  # noqa: A002 - the word of the house
    device = await db.devices.create_guest(
        Platform.IOS,
        (secrets.token_bytes(32),),
        secrets.token_urlsafe(32),
        refresh_hash=secrets.token_bytes(32),
        welcome_credits=credits,
    )
    assert device is not None
    return device.user_id


async def submitted(db: Database, user_id: UUID, request: PictureRequest = FOX, *, key: str = "") -> Generation:
    key = key or secrets.token_hex(8)
    return (await submit_openly(db, PRICES, user_id=user_id, request=request, idempotency_key=key)).generation


def kept(claim: Claim, position: int = 0) -> KeptPicture:
    picture = VerifiedPicture(b"png" * 10, "image/png", 1024, 1024)
    stem = f"pictures/{claim.generation.user_id}/{claim.generation.id}/{claim.fence}-{position}"
    return KeptPicture(picture, b"s" * 32, Miniature(b"webp", b"thumbhash"), f"{stem}.png", f"{stem}-thumbnail.webp")
