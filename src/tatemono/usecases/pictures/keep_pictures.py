"""What a painter gave is checked, judged, signed and kept."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed
from tatemono.domain.pictures.picture import object_key, thumbnail_key
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.pictures.ports import ExpectedPicture, KeptPicture, Miniature, SmallCopy, VerifiedPicture
from tatemono.usecases.safety.moderate_generation import Notes, check_results

T = TypeVar("T")


async def keep_pictures(
    dependencies: GenerationDependencies, claim: Claim, painting: Painting, notes: Notes
) -> list[KeptPicture]:
    """Check the pictures, have them judged, sign them and put them into the store.

    :param notes: as of `check_request`
    :raises PaintingFailed: they are not what was asked for, or not everybody lets them pass, or the store takes none
    """
    request = claim.generation.request
    if len(painting.pictures) != request.n:
        raise PaintingFailed(
            Failure.NO_PICTURE,
            f"{len(painting.pictures)} pictures came, {request.n} were asked for",
            provider_request_id=painting.provider_request_id,
        )
    expected = ExpectedPicture(request.size.width, request.size.height, request.output_format)
    pictures = await _all(dependencies.inspector.verify(data, expected) for data in painting.pictures)
    copies = await _all(dependencies.inspector.shrink(picture) for picture in pictures)
    # Nothing is put where it could be seen before it is judged; whatever else there is to do is done meanwhile.
    async with _together() as group:
        if dependencies.moderation is not None:
            moderation_copies = [copy.moderation_copy for copy in copies]
            group.create_task(check_results(dependencies.moderation, claim, painting, moderation_copies, notes))
        whole = [group.create_task(_signed_picture(dependencies, picture)) for picture in pictures]
        small = [group.create_task(_signed_miniature(dependencies, copy)) for copy in copies]
    parts = zip((task.result() for task in whole), (task.result() for task in small), strict=True)
    return await _all(_put(dependencies, _key(claim, position), *each) for position, each in enumerate(parts))


async def _all(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each of them gives.

    :raises PaintingFailed: one of them did
    """
    async with _together() as group:
        tasks = [group.create_task(step) for step in steps]
    return [task.result() for task in tasks]


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Steps of which the first that fails stops the others.

    :raises PaintingFailed: one of them did
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except* PaintingFailed as failed:
        raise failed.exceptions[0] from None


def _key(claim: Claim, position: int) -> str:
    generation = claim.generation
    return object_key(generation.user_id, generation.id, claim.fence, position, generation.request.output_format)


async def _signed_picture(
    dependencies: GenerationDependencies, picture: VerifiedPicture
) -> tuple[VerifiedPicture, bytes]:
    """The picture as its signed file, and the SHA-256 of that."""
    signed = await _signed(dependencies, picture.data, picture.content_type)
    return replace(picture, data=signed), hashlib.sha256(signed).digest()


async def _signed_miniature(dependencies: GenerationDependencies, copy: SmallCopy) -> tuple[Miniature, bytes]:
    """And its signed file."""
    miniature = await dependencies.inspector.miniature(copy)
    return miniature, await _signed(dependencies, miniature.thumbnail, "image/webp")


async def _put(
    dependencies: GenerationDependencies, key: str, whole: tuple[VerifiedPicture, bytes], small: tuple[Miniature, bytes]
) -> KeptPicture:
    picture, sha256 = whole
    miniature, thumbnail = small
    await asyncio.gather(
        dependencies.store.put(key, picture.data, content_type=picture.content_type, sha256=sha256),
        dependencies.store.put(thumbnail_key(key), thumbnail, content_type="image/webp"),
    )
    return KeptPicture(picture, sha256, miniature, key, thumbnail_key(key))


async def _signed(dependencies: GenerationDependencies, data: bytes, content_type: str) -> bytes:
    if dependencies.moderation is None or dependencies.moderation.credentials is None:
        return data
    return await dependencies.moderation.credentials.sign(data, content_type, model=dependencies.model)
