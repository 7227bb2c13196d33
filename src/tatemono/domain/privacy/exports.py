"""Taking along: an archive with all that is a user's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import NotFound

#: The front door serves this folder of the bucket like the pictures' one.
FOLDER: Final = "exports"
#: A builder that shows no sign of life for so long has lost its export.
LEASE: Final = timedelta(seconds=120)
#: After so many builders have lost it, an export has failed.
MAX_ATTEMPTS: Final = 8


class NoSuchExport(NotFound):
    code = "no_such_export"
    texts: ClassVar[dict[str, str]] = {
        "en": "You have no export. Ask for one.",
        "ja": "エクスポートはありません。新しく作成してください。",
    }


class ExportState(StrEnum):
    QUEUED = "queued"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Export:
    """:ivar expires_at: the archive is erased then"""

    id: UUID
    state: ExportState
    object_key: str
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    size_bytes: int | None
    pictures: int | None


@dataclass(frozen=True, slots=True)
class ExportClaim:
    """The right to build one.

    :ivar fence: how often it was claimed; a builder with an older number has lost the right to write
    """

    id: UUID
    user_id: UUID
    object_key: str
    language: str
    fence: int


@dataclass(frozen=True, slots=True)
class ProfileDevice:
    platform: str
    created_at: datetime
    last_seen_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Profile:
    user_id: UUID
    kind: str
    email: str | None
    email_verified_at: datetime | None
    created_at: datetime
    credits_available: int
    credits_held: int
    credits_spent: int
    devices: list[ProfileDevice]


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    id: UUID
    generation_id: UUID
    position: int
    object_key: str
    size_bytes: int
    created_at: datetime

    @property
    def file_name(self) -> str:
        """In the archive: by day, and never the same twice."""
        extension = self.object_key.rpartition(".")[2]
        return f"pictures/{self.created_at:%Y-%m-%d}/{self.generation_id}-{self.position + 1}.{extension}"


@dataclass(frozen=True, slots=True)
class ExportedGeneration:
    id: UUID
    prompt: str
    style: str | None
    size: str
    quality: str
    output_format: str
    background: str
    n: int
    price_credits: int
    state: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExportedCredits:
    """:ivar number: where the next page begins; ours, not the user's"""

    number: int
    created_at: datetime
    out_of: str
    into: str
    credits: int
    generation_id: UUID | None


def export_key(user_id: UUID, random: str) -> str:
    """The key of an archive's object. It cannot be guessed, even from the user's id."""
    return f"{FOLDER}/{user_id}/{random}.zip"
