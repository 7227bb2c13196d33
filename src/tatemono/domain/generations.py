"""One request for pictures: what may be asked, what it costs, and what becomes of an attempt that fails."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable

MAX_PROMPT_CHARACTERS = 4000
MAX_PICTURES = 4
#: A guest who has so many generations waiting must let some of them finish first.
MAX_WAITING = 100
#: So many generations of one user are painted at the same time, however many workers are idle.
MAX_RUNNING = 4


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset({State.SUCCEEDED, State.FAILED, State.REFUSED, State.CANCELLED})


class Size(StrEnum):
    SQUARE = "1024x1024"
    PORTRAIT = "1024x1536"
    LANDSCAPE = "1536x1024"

    @property
    def width(self) -> int:
        return int(self.split("x")[0])

    @property
    def height(self) -> int:
        return int(self.split("x")[1])


class Quality(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class OutputFormat(StrEnum):
    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class Background(StrEnum):
    AUTO = "auto"
    TRANSPARENT = "transparent"
    OPAQUE = "opaque"


#: Credits for one square picture, in proportion to the painter's output tokens; other sizes cost half as much again.
CREDITS_PER_PICTURE = {Quality.LOW: 2, Quality.MEDIUM: 8, Quality.HIGH: 32}


#: Unfinished pictures on the way, 3 at most. The painter charges 100 output tokens for each, and needs 272 for a
#: low square picture, 1,056 for a medium and 4,160 for a high one, and as much longer.
PARTIAL_PICTURES = {Quality.LOW: 1, Quality.MEDIUM: 2, Quality.HIGH: 3}


class PromptIsEmpty(Invalid):
    code = "prompt_is_empty"
    texts: ClassVar[dict[str, str]] = {
        "en": "The prompt is empty. Say what the picture should show.",
        "ja": "プロンプトが空です。何の絵にするかを書いてください。",
    }


class TransparentNeedsAlpha(Invalid):
    code = "transparent_needs_alpha"
    texts: ClassVar[dict[str, str]] = {
        "en": "A JPEG cannot be transparent. Choose png or webp as output_format, or another background.",
        "ja": "JPEG は透明にできません。output_format を png か webp にするか、background を変えてください。",
    }


class OutOfCredits(Exhausted):
    code = "out_of_credits"
    texts: ClassVar[dict[str, str]] = {
        "en": "This costs {price} credits and {available} are left.",
        "ja": "{price} クレジット必要ですが、残りは {available} です。",
    }


class TooManyWaiting(Exhausted):
    code = "too_many_waiting"
    texts: ClassVar[dict[str, str]] = {
        "en": "{waiting} requests of yours are waiting already. Let some of them finish first.",
        "ja": "すでに {waiting} 件が順番待ちです。いくつか終わってからもう一度お試しください。",
    }


class KeyUsedForAnother(Invalid):
    code = "idempotency_key_reused"
    texts: ClassVar[dict[str, str]] = {
        "en": "This Idempotency-Key belongs to another request. Use a new key for a new request.",
        "ja": "この Idempotency-Key は別のリクエストで使われています。新しいリクエストには新しいキーを使ってください。",
    }


class AccountBusy(Unavailable):
    code = "account_busy"
    texts: ClassVar[dict[str, str]] = {
        "en": "Too much happens to this account at once. Try again in a moment.",
        "ja": "このアカウントへの操作が集中しています。少し待ってからもう一度お試しください。",
    }


class NoSuchGeneration(NotFound):
    code = "no_such_generation"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no such generation among yours.",
        "ja": "その生成リクエストは見つかりません。",
    }


class AlreadyFinished(Conflict):
    code = "already_finished"
    texts: ClassVar[dict[str, str]] = {
        "en": "It is finished already ({state}), so it cannot be cancelled.",
        "ja": "すでに終了しているため({state})、キャンセルできません。",
    }


class NoSuchStyle(Invalid):
    code = "no_such_style"
    texts: ClassVar[dict[str, str]] = {
        "en": "There is no style {style!r}. GET /v1/api/styles lists them.",
        "ja": "スタイル {style!r} はありません。GET /v1/api/styles で一覧を取得できます。",
    }


@dataclass(frozen=True, slots=True)
class PictureRequest:
    """What a person asks for.

    :ivar style: id of a style preset, or none
    :ivar n: how many pictures, 1 to `MAX_PICTURES`
    """

    prompt: str
    style: str | None = None
    size: Size = Size.SQUARE
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: int = 1

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise PromptIsEmpty
        if self.background is Background.TRANSPARENT and self.output_format is OutputFormat.JPEG:
            raise TransparentNeedsAlpha
        # The entrypoint bounds these with a better message; here they guard the ledger.
        if not 1 <= self.n <= MAX_PICTURES or len(self.prompt) > MAX_PROMPT_CHARACTERS:
            raise ValueError("a picture request out of bounds")

    @property
    def price(self) -> int:
        """In credits."""
        one = CREDITS_PER_PICTURE[self.quality]
        if self.size is not Size.SQUARE:
            one += one // 2
        return one * self.n

    @property
    def partial_pictures(self) -> int:
        """How many unfinished pictures the painter is asked for; it shows them of a single picture only."""
        return PARTIAL_PICTURES[self.quality] if self.n == 1 else 0

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the request: the same for the same request, whatever its JSON looked like."""
        digest = hashlib.sha256()
        asked = (self.prompt, self.style or "", self.size, self.quality, self.output_format, self.background, self.n)
        for value in asked:
            data = str(value).encode()
            # Its length keeps the end of one value from being read as the beginning of the next.
            digest.update(b"%d:%b" % (len(data), data))
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Generation:
    """One request for pictures and how far it is.

    :ivar price: credits held while it runs, spent when it succeeds, given back otherwise
    :ivar failure_code: why it ended without pictures; stable, part of the API
    """

    id: UUID
    user_id: UUID
    request: PictureRequest
    state: State
    price: int
    failure_code: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission.

    :ivar generation: the new one, or the earlier one of the same key; none if it was not accepted
    :ivar fingerprint: of the request that `generation` came from
    :ivar available: credits, where it was not accepted
    :ivar waiting: generations of the user that wait, where it was not accepted
    """

    generation: Generation | None
    fingerprint: bytes | None
    available: int
    waiting: int


def judge_submission(submitted: Submitted, request: PictureRequest) -> Generation:
    """The generation that was accepted.

    :raises KeyUsedForAnother: it was accepted earlier, for another request
    :raises OutOfCredits: it was not
    :raises TooManyWaiting: it was not
    """
    if submitted.generation is not None:
        if submitted.fingerprint != request.fingerprint:
            raise KeyUsedForAnother
        return submitted.generation
    if submitted.available < request.price:
        raise OutOfCredits(price=request.price, available=submitted.available)
    raise TooManyWaiting(waiting=submitted.waiting)
