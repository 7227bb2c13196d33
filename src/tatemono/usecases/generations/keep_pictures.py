"""What a painter gave is checked, judged, signed and kept."""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed
from tatemono.domain.pictures.picture import object_key, thumbnail_key
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.pictures.ports import ExpectedPicture, KeptPicture, Miniature, SmallCopy, VerifiedPicture

T = TypeVar("T")


async def keep_pictures(dependencies: GenerationDependencies, claim: Claim, painting: Painting) -> list[KeptPicture]:
    """Check the pictures, have them judged, sign them and put them into the store. Fewer than asked for are kept, too.

    :raises PaintingFailed: they are not what was asked for, or moderation refuses them, or the store takes none
    """
    request = claim.generation.request
    if not 1 <= len(painting.pictures) <= request.n:
        raise PaintingFailed(
            Failure.NO_PICTURE,
            f"{len(painting.pictures)} pictures came, {request.n} were asked for",
            provider_request_id=painting.provider_request_id,
        )
    expected = ExpectedPicture(request.size.width, request.size.height, request.output_format)
    pictures = await _all(dependencies.inspector.verify(data, expected) for data in painting.pictures)
    copies = await _all(dependencies.inspector.shrink(picture) for picture in pictures)
    # Nothing is put where it could be seen before it is judged; all else there is to do is done meanwhile.
    moderation_copies = [copy.moderation_copy for copy in copies]
    judging = asyncio.ensure_future(dependencies.moderation.check_results(claim, painting, moderation_copies))
    whole = asyncio.ensure_future(_all(_signed_picture(dependencies, picture) for picture in pictures))
    small = asyncio.ensure_future(_all(_signed_miniature(dependencies, copy) for copy in copies))
    await _together([judging, whole, small])
    parts = zip(whole.result(), small.result(), strict=True)
    return await _all(_put(dependencies, _key(claim, position), *each) for position, each in enumerate(parts))


async def _all(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each of the steps gives; raises as `_together`."""
    first, *others = steps
    if not others:
        return [await first]  # most jobs are for one picture, and need no task for each step
    tasks = [asyncio.ensure_future(step) for step in (first, *others)]
    await _together(tasks)
    return [task.result() for task in tasks]


async def _together(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for all. The first that fails stops the others, and its error is raised as it is.

    No `TaskGroup`: it wraps errors, and what is raised out of an `except*` arrives as a group on Python before 3.11.4
    (https://github.com/python/cpython/issues/103590).
    """
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


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
    return await dependencies.credentials.sign(data, content_type, model=dependencies.model)
