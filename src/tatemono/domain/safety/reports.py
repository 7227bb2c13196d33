"""Reports of pictures, what operators decide about them, and takedowns."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import Conflict, NotFound

#: How long a takedown can be undone; then the quarantined bytes are erased.
UNDO_FOR: Final = timedelta(days=30)
MAX_NOTE_CHARACTERS: Final = 1000
#: An operator who claims a report has it so long; then others may.
CLAIM_FOR: Final = timedelta(minutes=30)


class ReportReason(StrEnum):
    SEXUAL = "sexual"
    MINORS = "minors"
    VIOLENCE = "violence"
    HATE = "hate"
    REAL_PERSON = "real_person"
    COPYRIGHT = "copyright"
    PRIVACY = "privacy"
    OTHER = "other"


#: Reason → English, Japanese. What reporters choose from, and what people are told about their strikes.
REASONS: Final = {
    ReportReason.SEXUAL: ("Sexual content", "性的な内容"),
    ReportReason.MINORS: ("Sexual content or abuse of minors", "未成年者に対する性的な内容や虐待"),
    ReportReason.VIOLENCE: ("Violence or gore", "暴力的または残虐な内容"),
    ReportReason.HATE: ("Hate or harassment", "差別や嫌がらせ"),
    ReportReason.REAL_PERSON: ("A real person, without consent", "実在の人物（同意のないもの）"),
    ReportReason.COPYRIGHT: ("Copyright or trademark", "著作権や商標の侵害"),
    ReportReason.PRIVACY: ("Private information", "個人情報"),
    ReportReason.OTHER: ("Something else", "その他"),
}


def reason_text(reason: str, language: str) -> str:
    english, japanese = REASONS[ReportReason(reason)]
    return japanese if language == "ja" else english


class Origin(StrEnum):
    """Who reports: the picture's own user, or a person from outside."""

    OWNER = "owner"
    PUBLIC = "public"


class Decision(StrEnum):
    """What an operator decides about a report.

    :cvar DISMISS: nothing is wrong with the picture
    :cvar TAKEDOWN: it goes, and can be brought back for a while
    :cvar STRIKE: it goes, and counts against its user
    :cvar ESCALATE: it may be illegal: it is kept as evidence and its account frozen
    """

    DISMISS = "dismiss"
    TAKEDOWN = "takedown"
    STRIKE = "strike"
    ESCALATE = "escalate"

    @property
    def takes_down(self) -> bool:
        return self is not Decision.DISMISS


class ReportState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    DECIDED = "decided"


class NoSuchReport(NotFound):
    code = "no_such_report"
    texts: ClassVar[dict[str, str]] = {"en": "There is no such report.", "ja": "該当する通報がありません。"}


class ReportTaken(Conflict):
    code = "report_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "Another operator has claimed this report, or it is decided.",
        "ja": "ほかのオペレーターが対応中か、すでに判断済みの通報です。",
    }


class NotClaimed(Conflict):
    code = "report_not_claimed"
    texts: ClassVar[dict[str, str]] = {
        "en": "Claim the report first, and decide within 30 minutes.",
        "ja": "先に通報を担当してください。判断は 30 分以内に行ってください。",
    }


class NoSuchTakedown(NotFound):
    code = "no_such_takedown"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no such takedown.",
        "ja": "該当する公開停止がありません。",
    }


class CannotUndo(Conflict):
    code = "takedown_cannot_be_undone"
    texts: ClassVar[dict[str, str]] = {
        "en": "This takedown cannot be undone: it is kept as evidence, its time is over, its picture's bytes were "
        "never found, or the account is gone.",
        "ja": "この公開停止は取り消せません。証拠として保全中か、期限切れか、画像またはアカウントが存在しません。",
    }


@dataclass(frozen=True, slots=True)
class Report:
    """:ivar user_id: whose picture it is; none: no such picture was known, or its user is gone
    :ivar taken_down: the picture is gone already
    """

    id: UUID
    created_at: datetime
    picture_id: UUID
    user_id: UUID | None
    origin: Origin
    reason: ReportReason
    note: str | None
    state: ReportState
    claimed_by: str | None
    claimed_until: datetime | None
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    taken_down: bool


@dataclass(frozen=True, slots=True)
class Takedown:
    """A picture that was taken down.

    :ivar moved_at: when its bytes were in quarantine, and gone from where they were served
    :ivar invalidated_at: when CloudFront was told
    :ivar escalated: it is kept as evidence, and stays
    :ivar undo_asked_at: when an operator asked for it back; it comes back when its bytes are
    """

    picture_id: UUID
    user_id: UUID
    generation_id: UUID
    reason: str
    by: str
    created_at: datetime
    undo_until: datetime
    escalated: bool
    moved_at: datetime | None
    invalidated_at: datetime | None
    undo_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovingPicture:
    """The objects of a picture that go into quarantine, or come back from there."""

    picture_id: UUID
    object_key: str
    thumbnail_key: str
    content_type: str
    escalated: bool


def quarantine_key(object_key: str) -> str:
    """Where a picture's object is in the quarantine bucket."""
    return f"takedowns/{object_key}"


def evidence_key(generation_id: UUID, fence: int, name: str) -> str:
    """Where something that was never shown is kept in the quarantine bucket."""
    return f"evidence/{generation_id}/{fence}-{name}"
