"""What must not be made or shown: what is found about prompts and pictures, and what follows from it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import Conflict, Invalid, NotFound
from tatemono.domain.generations.painting import Failure

#: Categories of OpenAI's moderation (https://platform.openai.com/docs/guides/moderation) that may be a crime to keep.
ILLEGAL_CATEGORIES: Final = frozenset({"sexual/minors"})
#: Named so where a blocked hash says it.
BLOCKED_HASH: Final = "blocked-hash"
ILLEGAL_HASH: Final = "blocked-hash/illegal"
#: Pictures whose difference hashes differ in no more bits are taken for the same.
SAME_PICTURE_BITS: Final = 6
# A plain surface has a hash of nothing but zeros or ones, and so have all others.
_LEAST_STRUCTURE_BITS: Final = 8
_HASH_BITS: Final = 64


class Stage(StrEnum):
    """What was looked at."""

    PROMPT = "prompt"
    REFERENCE = "reference"
    RESULT = "result"
    TAKEDOWN = "takedown"


class HashClass(StrEnum):
    """Why a picture must not come back."""

    UNWANTED = "unwanted"
    ILLEGAL = "illegal"


class WhenDown(StrEnum):
    """What happens to what cannot be moderated because the provider's moderation does not answer.

    :cvar CLOSED: nothing is painted or shown
    :cvar CLOSED_FOR_REFERENCES: nothing with a reference picture is; words alone were checked here, and the painter
        has a moderation of its own
    :cvar OPEN: everything is
    """

    CLOSED = "closed"
    CLOSED_FOR_REFERENCES = "closed-for-references"
    OPEN = "open"

    def lets_through(self, *, with_reference: bool) -> bool:
        return self is WhenDown.OPEN or (self is WhenDown.CLOSED_FOR_REFERENCES and not with_reference)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one thing.

    :ivar categories: the provider's, or those of blocked hashes; none: nothing is wrong with it
    """

    stage: Stage
    categories: tuple[str, ...]

    @property
    def flagged(self) -> bool:
        return bool(self.categories)

    @property
    def suspected_illegal(self) -> bool:
        """Whether it may be a crime to keep or to pass on."""
        return any(category in ILLEGAL_CATEGORIES or category == ILLEGAL_HASH for category in self.categories)

    @property
    def freezes_account(self) -> bool:
        """A picture that may be illegal stops the account until an operator has looked; words alone do not."""
        return self.suspected_illegal and self.stage is not Stage.PROMPT

    @property
    def failure(self) -> Failure:
        """How the attempt ends for it."""
        return _FAILURES[self.stage]


_FAILURES = {
    Stage.PROMPT: Failure.FLAGGED_PROMPT,
    Stage.REFERENCE: Failure.FLAGGED_REFERENCE,
    Stage.RESULT: Failure.FLAGGED_RESULT,
}


def category_of(hash_class: HashClass) -> str:
    return ILLEGAL_HASH if hash_class is HashClass.ILLEGAL else BLOCKED_HASH


def is_telling(difference_hash: int) -> bool:
    """Whether a hash tells a picture from others: a plain surface has none."""
    ones = difference_hash.bit_count()
    return _LEAST_STRUCTURE_BITS <= ones <= _HASH_BITS - _LEAST_STRUCTURE_BITS


class HashNotTelling(Invalid):
    code = "hash_not_telling"
    texts: ClassVar[dict[str, str]] = {
        "en": "This hash is that of a nearly plain surface: it would block many others. Give 16 hexadecimal digits of "
        "a picture with structure.",
        "ja": "ほぼ無地の画像のハッシュです。ほかの画像も多数ブロックされるため登録できません。",
    }


class HashExists(Conflict):
    code = "hash_exists"
    texts: ClassVar[dict[str, str]] = {
        "en": "This hash is blocked already.",
        "ja": "このハッシュはすでに登録されています。",
    }


class NoSuchHash(NotFound):
    code = "no_such_hash"
    texts: ClassVar[dict[str, str]] = {"en": "There is no such blocked hash.", "ja": "該当するハッシュがありません。"}


@dataclass(frozen=True, slots=True)
class Strike:
    """:ivar reason: a `ReportReason`, or `moderation`"""

    reason: str
    created_at: datetime
    expires_at: datetime


#: How long a strike counts, how many are too many, and for how long the account is suspended then.
STRIKE_COUNTS_FOR: Final = timedelta(days=90)
STRIKES_TO_SUSPENSION: Final = 3
STRIKE_SUSPENSION: Final = timedelta(days=14)
STRIKE_SUSPENSION_REASON: Final = "規約違反の警告が重なったため / several strikes for content that is not allowed"
FREEZE_REASON: Final = "安全上の確認のため / under review for safety"


def suspended_until(strikes: Collection[Strike], now: datetime) -> datetime | None:
    """Until when the account is suspended for its strikes, if there are too many that still count."""
    counting = sum(strike.expires_at > now for strike in strikes)
    return now + STRIKE_SUSPENSION if counting >= STRIKES_TO_SUSPENSION else None


@dataclass(frozen=True, slots=True)
class Escalation:
    """What may be illegal, written down for those who decide about it. It is never changed.

    :ivar found_by: `moderation`, `blocked-hash`, or the operator's address
    :ivar evidence_key: of the object in the quarantine bucket; none for words
    :ivar sha256: of that object, or of the prompt
    """

    id: UUID
    created_at: datetime
    user_id: UUID
    generation_id: UUID | None
    picture_id: UUID | None
    stage: Stage
    categories: tuple[str, ...]
    found_by: str
    reason: str
    sha256: bytes | None
    evidence_key: str | None
