"""What the use cases need of the outside world to paint, look at and keep pictures."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tatemono.domain.generations.painting import Painting, PaintRequest, PartialPicture
from tatemono.domain.pictures.references import CleanPicture, Reference, UploadForm
from tatemono.usecases.ports import Transactions


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

    :ivar moderation_copy: what moderation looks at: JPEG, or WebP if the picture is partly transparent
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
    """The bucket of uploads and of the clean copies that were made of them, to use and to erase."""

    async def get(self, key: str) -> bytes | None:
        """The bytes of an object; none if there is no such object."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class ReferenceStore(ReferenceCopies, Protocol):
    async def form(self, key: str, *, content_type: str, max_bytes: int, seconds: int) -> UploadForm:
        """A presigned POST that lets its holder upload one object: this key, this type, so many bytes at most."""
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


class Pictures(Protocol):
    async def mark_deleted(self, user_id: UUID, picture_id: UUID) -> bool:
        """Make a picture invisible at once; `lock_deleted` finds it.

        :returns: whether the user has such a picture, deleted before or not
        """
        ...

    async def lock_deleted(self, limit: int) -> list[DeletedPicture]:
        """Pictures whose objects are to be erased, locked until the transaction ends."""
        ...

    async def erase(self, ids: Sequence[UUID]) -> None:
        """Remove the rows."""
        ...


class References(Protocol):
    async def add(self, user_id: UUID, *, at_most: int) -> Reference:
        """A new one that waits for its upload.

        :raises TooManyReferences: the user has so many
        """
        ...

    async def find(self, reference_id: UUID, user_id: UUID | None = None) -> Reference | None:
        """One of the user's, or with no user given, of any user."""
        ...

    async def mark_ready(self, reference_id: UUID, *, clean_key: str, width: int, height: int) -> Reference | None:
        """Its clean copy is kept. Once it is ready it stays as it is; none if it is gone."""
        ...

    async def forget_copy(self, reference_id: UUID) -> None:
        """Its clean copy is gone: it cannot be used any more."""
        ...

    async def lock_old(self, *, older_than: timedelta, limit: int) -> list[Reference]:
        """Those of that age which no unfinished generation needs, locked until the transaction ends."""
        ...

    async def erase(self, ids: Sequence[UUID]) -> None:
        """Remove the rows."""
        ...


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """One that may have left objects in the store, whose keys begin with `object_stem`."""

    generation_id: UUID
    fence: int
    object_stem: str
    pictures: int
    extension: str


class Orphans(Protocol):
    """Objects that no picture names."""

    async def lock_lost_attempts(self, *, older_than: timedelta, limit: int) -> list[LostAttempt]:
        """Attempts that may have left objects behind, locked until the transaction ends."""
        ...

    async def mark_erased(self, attempts: Sequence[LostAttempt]) -> None: ...

    async def lock_search(self) -> str | None:
        """The key after which the search goes on, locked until the transaction ends; none if another searches."""
        ...

    async def move_search(self, after_key: str) -> None: ...

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that belong to a picture, deleted or not."""
        ...

    async def unfinished(self, generation_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the generations that may still be painted."""
        ...


class PicturesRows(Protocol):
    @property
    def orphans(self) -> Orphans: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def references(self) -> References: ...


class PicturesDatabase(PicturesRows, Transactions[PicturesRows], Protocol): ...
