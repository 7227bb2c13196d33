"""Things that tests are about, as they are in production, with as few words as possible."""

import secrets
from uuid import UUID

from tatemono.adapters.postgres.database import Database
from tatemono.domain.attempts import Claim
from tatemono.domain.devices import Platform
from tatemono.domain.generations import Generation, PictureRequest
from tatemono.domain.painting import PainterUsage
from tatemono.usecases.ports import KeptPicture, Miniature, VerifiedPicture
from tatemono.usecases.submit_generation import submit_generation

USAGE = PainterUsage(input_text_tokens=12, input_image_tokens=0, output_tokens=1056)
FOX = PictureRequest(prompt="A fox under the moon")


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
    return await submit_generation(db, user_id=user_id, request=request, idempotency_key=key or secrets.token_hex(8))


def kept(claim: Claim, position: int = 0) -> KeptPicture:
    picture = VerifiedPicture(b"png" * 10, "image/png", 1024, 1024, b"s" * 32)
    stem = f"pictures/{claim.generation.user_id}/{claim.generation.id}/{claim.fence}-{position}"
    return KeptPicture(picture, Miniature(b"webp", b"thumbhash"), f"{stem}.png", f"{stem}-thumbnail.webp")
