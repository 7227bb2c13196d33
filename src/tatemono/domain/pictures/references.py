"""Pictures that people bring along to be changed: uploaded straight to S3, checked, cleaned, and erased again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Exhausted, Invalid, NotFound

#: What an upload may have: iPhones save up to 24 megapixels by default.
MAX_UPLOAD_BYTES = 15 * 2**20
MAX_PIXELS = 25_000_000
MIN_SIDE_PIXELS = 64
#: The painter looks at no more; the clean copy is made so small.
CLEAN_SIDE_PIXELS = 2048
#: How long a form for the upload is good.
UPLOAD_SECONDS = 600
#: When it is erased, unless a generation that is not finished needs it.
LIFE = timedelta(hours=24)
#: A user has so many at a time.
MAX_REFERENCES = 20

_INCOMING = "incoming"
_CLEAN = "clean"


class NoSuchReference(NotFound):
    code = "no_such_reference"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no such reference picture of yours, or it was not completed, or it is erased already.",
        "ja": "その参照画像は見つかりません。確認が済んでいないか、すでに削除されています。",
    }


class NotUploaded(Conflict):
    code = "reference_not_uploaded"
    texts: ClassVar[dict[str, str]] = {
        "en": "Nothing has been uploaded yet. Send the form first.",
        "ja": "まだアップロードされていません。先にフォームを送信してください。",
    }


class TooManyReferences(Exhausted):
    code = "too_many_references"
    texts: ClassVar[dict[str, str]] = {
        "en": "You have {count} reference pictures already. The oldest are erased after a day.",
        "ja": "参照画像はすでに {count} 枚あります。古いものは 1 日で削除されます。",
    }


class NotAPicture(Invalid):
    code = "reference_is_no_picture"
    texts: ClassVar[dict[str, str]] = {
        "en": "This is no PNG, JPEG or WebP picture that can be read.",
        "ja": "読み取れる PNG、JPEG、WebP の画像ではありません。",
    }


class PictureTooLarge(Invalid):
    code = "reference_too_large"
    texts: ClassVar[dict[str, str]] = {
        "en": "The picture is {width}x{height}; it may have {pixels} pixels and no side below {side}.",
        "ja": "画像が {width}x{height} です。合計 {pixels} 画素以下、各辺 {side} 画素以上にしてください。",
    }


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What a presigned POST consists of: a form with these fields, and the file in a field `file` after them."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference picture. `clean_key` is of the copy that was made when it was checked; none before."""

    id: UUID
    user_id: UUID
    created_at: datetime
    clean_key: str | None
    width: int | None
    height: int | None

    @property
    def ready(self) -> bool:
        return self.clean_key is not None

    @property
    def expires_at(self) -> datetime:
        return self.created_at + LIFE


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture made anew from the decoded pixels of another: nothing of its metadata is left."""

    data: bytes
    content_type: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        return "png" if self.content_type == "image/png" else "jpeg"


def incoming_key(user_id: UUID, reference_id: UUID) -> str:
    """Where the upload goes. Only the check reads it."""
    return f"{_INCOMING}/{user_id}/{reference_id}"


def clean_key(user_id: UUID, reference_id: UUID, extension: str) -> str:
    """Where the clean copy is. No form allows to write there, so it cannot be swapped after the check."""
    return f"{_CLEAN}/{user_id}/{reference_id}.{extension}"
