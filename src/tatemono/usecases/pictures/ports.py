"""What the use cases need of the outside world to paint, look at and keep pictures."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tatemono.domain.generations.painting import Painting, PaintRequest, PartialPicture
from tatemono.domain.pictures.references import CleanPicture, UploadForm


class Painter(Protocol):
    def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        """Paint; yields partial pictures as they come, and the painting last, exactly once.

        Closing the generator early hangs up.

        :raises PaintingFailed: at any step
        """
        ...


@dataclass(frozen=True, slots=True)
class ExpectedPicture:
    """What was asked for: the bytes must be just that. `output_format` is `png`, `jpeg` or `webp`."""

    width: int
    height: int
    output_format: str

    @property
    def content_type(self) -> str:
        return f"image/{self.output_format}"


@dataclass(frozen=True, slots=True)
class VerifiedPicture:
    """A picture whose bytes are what they claim to be.

    :ivar pixels: what they decode to, in the inspector's own form
    """

    data: bytes
    content_type: str
    width: int
    height: int
    pixels: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class SmallCopy:
    """A picture at thumbnail's size.

    :ivar moderation_copy: what those who judge it look at: JPEG, or WebP if something shines through
    :ivar pixels: in the inspector's own form
    """

    moderation_copy: bytes
    pixels: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Miniature:
    """
    :ivar thumbnail: WebP, longest side at most 512 pixels
    :ivar thumbhash: https://evanw.github.io/thumbhash/, about 25 bytes
    """

    thumbnail: bytes
    thumbhash: bytes


class PictureInspector(Protocol):
    async def verify(self, data: bytes, expected: ExpectedPicture) -> VerifiedPicture:
        """Decode the whole picture, and compare it with what was asked for.

        :raises PaintingFailed: `Failure.NO_PICTURE`, saying what is wrong with the bytes
        """
        ...

    async def shrink(self, picture: VerifiedPicture) -> SmallCopy:
        """Make a picture small, once: its pixels are used up."""
        ...

    async def miniature(self, small: SmallCopy) -> Miniature:
        """Make the thumbnail and the placeholder, which takes longer than making it small."""
        ...

    async def preview(self, data: bytes) -> bytes:
        """A small WebP (longest side at most 320 pixels) of a partial picture.

        :raises PaintingFailed: `Failure.NO_PICTURE`
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """:ivar modified_at: by the store's clock"""

    key: str
    modified_at: datetime


class PictureStore(Protocol):
    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """Keep an object; the same key and bytes again change nothing. With `sha256` the store checks what arrived.

        :raises PaintingFailed: `Failure.NOT_KEPT`, after the store's own retries
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class SearchableStore(PictureStore, Protocol):
    async def keys_after(self, prefix: str, after_key: str, limit: int) -> list[StoredObject]:
        """The next objects below `prefix` in the order of their keys, at most 1,000."""
        ...


class ReferenceCopies(Protocol):
    """The bucket of uploads and of the copies that were made of them, for those who only use and erase."""

    async def get(self, key: str) -> bytes | None:
        """The bytes of an object; none if there is no such object."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class ReferenceStore(ReferenceCopies, Protocol):
    async def form(self, key: str, *, content_type: str, max_bytes: int, seconds: int) -> UploadForm:
        """A presigned POST that lets whoever has it upload one object: this key, this type, so many bytes at most."""
        ...

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """Keep an object.

        :raises PaintingFailed: `Failure.NOT_KEPT`, after the store's own retries
        """
        ...


class ReferenceCleaner(Protocol):
    async def clean(self, data: bytes, *, longest_side: int) -> CleanPicture:
        """Decode the whole picture and make it anew, upright, without metadata, no larger than `longest_side`.

        :raises NotAPicture: it does not decode
        :raises PictureTooLarge: it has too many pixels, or too few
        """
        ...


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture whose objects are in the store already.

    :ivar sha256: of `picture.data`, the bytes that are in the store
    """

    picture: VerifiedPicture
    sha256: bytes
    miniature: Miniature
    object_key: str
    thumbnail_key: str


@dataclass(frozen=True, slots=True)
class DeletedPicture:
    id: UUID
    object_key: str
    thumbnail_key: str
