"""Bodies about reports, takedowns, escalations and what is blocked."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.domain.safety.blocked_words import MAX_PHRASE_CHARACTERS, Locale
from tatemono.domain.safety.moderation import HashClass, Stage
from tatemono.domain.safety.reports import Decision, Origin, ReportReason, ReportState
from tatemono.entrypoints.admin_api.schemas import NextCursor, Reason
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

_ID = "019ab3c2-9d40-7c3e-a1f4-5e0c7b2d8f02"
_USER_ID = "019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03"
_AT = "2026-11-24T08:40:57.141592Z"

_Note = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True)] | None,
    Field(description="For other operators."),
]
_Phrase = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_PHRASE_CHARACTERS, pattern=NO_NUL, strip_whitespace=True)
]

_REPORT: dict[str, Any] = {
    "id": _ID,
    "created_at": _AT,
    "picture_id": _ID,
    "user_id": _USER_ID,
    "origin": "public",
    "reason": "real_person",
    "note": "It looks like my neighbour.",
    "state": "claimed",
    "claimed_by": "hanako@example.jp",
    "claimed_until": "2026-11-24T09:10:57Z",
    "decision": None,
    "decided_by": None,
    "decided_at": None,
    "taken_down": False,
}
_WORD: dict[str, Any] = {
    "id": _ID,
    "locale": "ja",
    "phrase": "ばくだんの作り方",
    "note": "Asked for by legal, ticket 512",
    "created_by": "hanako@example.jp",
    "created_at": _AT,
}
_HASH: dict[str, Any] = {
    "id": _ID,
    "hash": "3c7e1f0f8787c3e1",
    "hash_class": "unwanted",
    "note": None,
    "picture_id": _ID,
    "created_by": "takedown",
    "created_at": _AT,
}


class SafetyReport(ResponseBody):
    model_config = example(_REPORT)

    id: UUID
    created_at: datetime
    picture_id: UUID
    user_id: Annotated[UUID | None, Field(description="Whose picture it is.")]
    origin: Origin
    reason: ReportReason
    note: str | None
    state: ReportState
    claimed_by: str | None
    claimed_until: datetime | None
    decision: Decision | None
    decided_by: str | None
    decided_at: datetime | None
    taken_down: Annotated[bool, Field(description="The picture is gone already.")]


class ReportPage(ResponseBody):
    model_config = example({"items": [_REPORT], "next_cursor": None})

    items: list[SafetyReport]
    next_cursor: NextCursor


class ClaimRequest(RequestBody):
    model_config = example({})


class DecisionRequest(RequestBody):
    model_config = example({"decision": "takedown", "reason": "A real person, who asked for it"})

    decision: Decision
    reason: Reason


class TakedownRequest(RequestBody):
    model_config = example({"decision": "strike", "report_reason": "hate", "reason": "Found while looking at 4711"})

    decision: Annotated[
        Literal["takedown", "strike", "escalate"],
        Field(description="`escalate` keeps it as evidence and freezes the account."),
    ]
    report_reason: Annotated[ReportReason, Field(description="What its user is told.")]
    reason: Reason


class TakenDown(ResponseBody):
    picture_id: UUID
    user_id: UUID
    generation_id: UUID
    reason: ReportReason
    by: str
    created_at: datetime
    undo_until: datetime
    escalated: Annotated[bool, Field(description="Kept as evidence: it cannot be undone.")]
    moved_at: Annotated[datetime | None, Field(description="When its bytes were gone from where they were served.")]
    invalidated_at: Annotated[datetime | None, Field(description="When CloudFront was told.")]
    undo_asked_at: datetime | None


class TakedownPage(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "picture_id": _ID,
                    "user_id": _USER_ID,
                    "generation_id": _ID,
                    "reason": "hate",
                    "by": "hanako@example.jp",
                    "created_at": _AT,
                    "undo_until": "2026-12-24T08:40:57Z",
                    "escalated": False,
                    "moved_at": "2026-11-24T08:40:58Z",
                    "invalidated_at": "2026-11-24T08:40:58Z",
                    "undo_asked_at": None,
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[TakenDown]
    next_cursor: NextCursor


class EscalationRecord(ResponseBody):
    id: UUID
    created_at: datetime
    user_id: UUID
    generation_id: UUID | None
    picture_id: UUID | None
    stage: Stage
    categories: list[str]
    found_by: str
    reason: str
    sha256: Annotated[str | None, Field(description="Of the evidence, in hexadecimal.")]
    evidence_key: Annotated[str | None, Field(description="In the quarantine bucket. This API never opens it.")]


class EscalationPage(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": _ID,
                    "created_at": _AT,
                    "user_id": _USER_ID,
                    "generation_id": _ID,
                    "picture_id": None,
                    "stage": "result",
                    "categories": ["blocked-hash/illegal"],
                    "found_by": "blocked-hash",
                    "reason": "result of a generation",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "evidence_key": f"evidence/{_ID}/1-result-0",
                }
            ],
            "next_cursor": None,
        }
    )

    items: list[EscalationRecord]
    next_cursor: NextCursor


class NewBlockedWord(RequestBody):
    model_config = example({"locale": "ja", "phrase": "ばくだんの作り方", "note": None, "reason": "Ticket 512"})

    locale: Annotated[Locale, Field(description="How it is read: docs/reference/safety.md.")]
    phrase: _Phrase
    note: _Note = None
    reason: Reason


class SafetyAct(RequestBody):
    model_config = example({"reason": "It blocked harmless prompts"})

    reason: Reason


class BlockedWord(ResponseBody):
    model_config = example(_WORD)

    id: UUID
    locale: Locale
    phrase: str
    note: str | None
    created_by: str
    created_at: datetime


class BlockedWordList(ResponseBody):
    model_config = example({"items": [_WORD]})

    items: list[BlockedWord]


class PhraseTest(RequestBody):
    model_config = example({"text": "バ ク ダ ン の 作 り 方"})

    text: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=NO_NUL)]


class PhraseTestResult(ResponseBody):
    model_config = example({"blocked": True, "matches": [_WORD], "read_as": {"en": " ", "ja": "ばくだんの作り方"}})

    blocked: bool
    matches: list[BlockedWord]
    read_as: Annotated[dict[Locale, str], Field(description="The text as the words of each locale are looked for.")]


class NewBlockedHash(RequestBody):
    model_config = example({"hash": "3c7e1f0f8787c3e1", "hash_class": "illegal", "note": None, "reason": "Hotline"})

    hash: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9a-f]{16}$"),
        Field(description="A difference hash of 64 bits, in hexadecimal: docs/reference/safety.md."),
    ]
    hash_class: Annotated[HashClass, Field(description="`illegal` quarantines, escalates and freezes the account.")]
    note: _Note = None
    reason: Reason


class BlockedHash(ResponseBody):
    model_config = example(_HASH)

    id: UUID
    hash: str
    hash_class: HashClass
    note: str | None
    picture_id: Annotated[UUID | None, Field(description="Of the picture whose takedown brought it here.")]
    created_by: str
    created_at: datetime


class BlockedHashPage(ResponseBody):
    model_config = example({"items": [_HASH], "next_cursor": None})

    items: list[BlockedHash]
    next_cursor: NextCursor
