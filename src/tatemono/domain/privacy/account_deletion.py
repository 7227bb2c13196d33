"""Account deletion: an account that its user deletes, the days in which that can be undone, and the receipt in the end.

The order of the erasure is what makes it safe to stop anywhere and begin again:

1. the erasure begins, in one transaction with a note of the user's id and Cognito `sub`: from here on it is not undone,
   and a confirmation of Cognito that is still under way cannot bring the member back;
2. what waits or runs comes to its end;
3. the objects in the store go;
4. the member in Cognito's user pool goes, then the guests' identities;
5. all rows, the receipt and the last mail are one transaction. The address is in that mail until it was sent, and
   nowhere else.

A user that was merged into the account is the same person, and goes with it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import Conflict, Forbidden, Invalid, NotFound


class DeletionPending(Forbidden):
    """:ivar erase_at: until then, and a little longer, it can be undone"""

    code = "deletion_pending"
    texts: ClassVar[dict[str, str]] = {
        "en": "You have asked to delete this account. It is erased on {day} (UTC). Until then you can undo that.",
        "ja": "このアカウントは削除手続き中です。{day} (UTC) に完全に消去されます。それまでは取り消せます。",
    }

    def __init__(self, erase_at: datetime) -> None:
        self.erase_at = erase_at
        super().__init__()

    def text(self, language: str) -> str:
        moment = self.erase_at.astimezone(UTC)
        day = f"{moment:%Y年%m月%d日 %H:%M}" if language == "ja" else f"{moment:%Y-%m-%d %H:%M}"
        return self.texts.get(language, self.texts["en"]).format(day=day)


class NoDeletionPending(Conflict):
    code = "no_deletion_pending"
    texts: ClassVar[dict[str, str]] = {
        "en": "Nobody has asked to delete this account. Sign in.",
        "ja": "このアカウントに削除の申請はありません。サインインしてください。",
    }


class DeletionBegun(Conflict):
    code = "deletion_begun"
    texts: ClassVar[dict[str, str]] = {
        "en": "It is too late: the account is being erased.",
        "ja": "すでに消去が始まっているため、取り消せません。",
    }


class PasswordNeeded(Invalid):
    code = "password_needed"
    texts: ClassVar[dict[str, str]] = {
        "en": "This account is a member's. Send its address and password.",
        "ja": "会員アカウントです。メールアドレスとパスワードを送信してください。",
    }


class NoSuchReceipt(NotFound):
    code = "no_such_receipt"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no deletion with this id. It may have been undone.",
        "ja": "この番号の削除記録はありません。取り消された可能性があります。",
    }


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion that was asked for.

    :ivar id: the receipt's id: 122 random bits, which open it
    """

    id: UUID
    user_id: UUID
    erase_at: datetime
    language: str


#: What a receipt counts, in its order.
COUNTED: Final = ("objects", "pictures", "generations", "devices", "exports", "mails", "members", "identities", "users")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased, in numbers: nothing in it says whose it was.

    :ivar mac: HMAC-SHA-256 of all the rest: shows that we gave it out. None while the erasure is still to come
    """

    id: UUID
    erase_at: datetime
    erased_at: datetime | None
    counts: Mapping[str, int]
    mac: bytes | None = None

    def signed(self, key: bytes) -> bytes:
        """The `mac` that belongs to it."""
        moment = "" if self.erased_at is None else self.erased_at.astimezone(UTC).isoformat(timespec="microseconds")
        counts = ",".join(f"{name}={self.counts.get(name, 0)}" for name in COUNTED)
        return hmac.digest(key, f"deletion-receipt\0{self.id}\0{moment}\0{counts}".encode(), hashlib.sha256)

    def check(self, key: bytes) -> None:
        """:raises NoSuchReceipt: it is not ours"""
        if self.erased_at is not None and not hmac.compare_digest(self.signed(key), self.mac or b""):
            raise NoSuchReceipt
