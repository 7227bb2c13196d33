"""One request for pictures: what may be asked, what it costs, and what becomes of an attempt that fails."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Exhausted, Invalid, NotFound, Refusal, Unavailable
from tatemono.domain.generations.budgets import Account, ServiceBudgetReached, Terms, UserBudgetReached
from tatemono.domain.pictures.references import NoSuchReference

MAX_PROMPT_CHARACTERS = 4000
MAX_NEGATIVE_CHARACTERS = 500
MAX_SEED = 2**32 - 1
MAX_PICTURES = 4
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


class Size(str):
    """`WIDTHxHEIGHT` in pixels. Which sizes there are, each model says (`domain/generations/image_models.py`)."""

    __slots__ = ()

    @property
    def width(self) -> int:
        return int(self.split("x")[0])

    @property
    def height(self) -> int:
        return int(self.split("x")[1])


SQUARE = Size("1024x1024")


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


#: Credits for one picture of 1024x1024; larger ones cost more in proportion to their area, rounded up.
CREDITS_PER_PICTURE = {Quality.LOW: 2, Quality.MEDIUM: 8, Quality.HIGH: 32}
#: … and for a reference picture, however many pictures are made of it.
CREDITS_PER_REFERENCE = 2
_PIXELS_OF_THE_LIST = 1024 * 1024


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


class KeyInFlight(Conflict):
    code = "idempotency_key_in_flight"
    texts: ClassVar[dict[str, str]] = {
        "en": "The first request with this Idempotency-Key is still being answered. Send it again in a moment.",
        "ja": "同じ Idempotency-Key の最初のリクエストを処理しています。少し待ってからもう一度送ってください。",
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
    :ivar seed: 0 to `MAX_SEED`; the same one gives the same pictures, where the painter takes one
    :ivar negative_prompt: what they should not show
    :ivar reference_id: a checked picture of the user's that is to be changed
    """

    prompt: str
    style: str | None = None
    size: Size = SQUARE
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: int = 1
    seed: int | None = None
    negative_prompt: str | None = None
    reference_id: UUID | None = None

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise PromptIsEmpty
        if self.background is Background.TRANSPARENT and self.output_format is OutputFormat.JPEG:
            raise TransparentNeedsAlpha
        # The entrypoint bounds these with a better message; here they guard the ledger.
        if (
            not 1 <= self.n <= MAX_PICTURES
            or len(self.prompt) > MAX_PROMPT_CHARACTERS
            or len(self.negative_prompt or "") > MAX_NEGATIVE_CHARACTERS
            or not 0 <= (self.seed or 0) <= MAX_SEED
        ):
            raise ValueError("a picture request out of bounds")

    @property
    def price(self) -> int:
        """In credits."""
        area = max(self.size.width * self.size.height, _PIXELS_OF_THE_LIST)
        one = -(-CREDITS_PER_PICTURE[self.quality] * area // _PIXELS_OF_THE_LIST)
        return one * self.n + (CREDITS_PER_REFERENCE if self.reference_id else 0)

    @property
    def partial_pictures(self) -> int:
        """How many unfinished pictures the painter is asked for; it shows them of a single picture only."""
        return PARTIAL_PICTURES[self.quality] if self.n == 1 else 0

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the request: the same for the same request, however its JSON was written."""
        digest = hashlib.sha256()
        asked = [self.prompt, self.style or "", self.size, self.quality, self.output_format, self.background, self.n]
        # What came later counts only where it is said: a request that is repeated across a deploy stays the same.
        later = {"seed": self.seed, "negative_prompt": self.negative_prompt, "reference_id": self.reference_id}
        asked += [f"{name}={value}" for name, value in later.items() if value is not None]
        for value in asked:
            data = str(value).encode()
            # Its length keeps the end of one value from being read as the beginning of the next.
            digest.update(b"%d:%b" % (len(data), data))
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Generation:
    """One request for pictures and how far it is.

    :ivar price: credits held while it runs, spent when it succeeds, given back otherwise, and for each missing picture
    :ivar failure_code: why it ended without pictures; stable, part of the API
    :ivar expected_micros: micro-dollars that one call to the painter may come to, as it was known when it was asked for
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
    expected_micros: int = 0

    def refund(self, pictures: int) -> int:
        """The credits that go back when so many pictures came: those for the missing ones, rounded up."""
        return self.price - self.price * min(pictures, self.request.n) // self.request.n

    def as_accepted(self) -> "Generation":
        """As it was when it was accepted: what the first answer showed, and every repetition of it shows again."""
        if self.state is State.QUEUED and self.started_at is None:
            return self
        return replace(self, state=State.QUEUED, failure_code=None, started_at=None, finished_at=None)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission.

    :ivar generation: the new one, or the earlier one of the same key; none if it was not accepted
    :ivar fingerprint: of the request that `generation` came from
    :ivar new: this submission made it
    :ivar account: what the account has, where it was not accepted
    :ivar reference_ready: whether the reference picture is there, where it was not accepted
    """

    generation: Generation | None
    fingerprint: bytes | None
    new: bool
    account: Account
    reference_ready: bool = True


@dataclass(frozen=True, slots=True)
class Accepted:
    """:ivar repeated: it is the answer to an earlier request with the same key."""

    generation: Generation
    repeated: bool


def rejection_reason(account: Account, request: PictureRequest, reserved_micros: int, terms: Terms) -> Refusal | None:
    """Why the account may not ask for it now, if it may not."""
    available = account.available + account.free_credits
    if available < request.price:
        return OutOfCredits(price=request.price, available=available)
    if account.spent_micros + reserved_micros > terms.user_day_micros:
        return UserBudgetReached(time_zone=terms.time_zone)
    if account.environment_room_micros < reserved_micros:
        return ServiceBudgetReached()
    if account.waiting >= terms.max_waiting:
        return TooManyWaiting(waiting=account.waiting)
    return None


def accept_submission(submitted: Submitted, request: PictureRequest, reserved_micros: int, terms: Terms) -> Accepted:
    """What was accepted; what was accepted before, as it was then.

    :raises KeyUsedForAnother: it was accepted earlier, for another request
    :raises NoSuchReference: it was not accepted
    :raises OutOfCredits: it was not accepted
    :raises UserBudgetReached: it was not accepted
    :raises ServiceBudgetReached: it was not accepted
    :raises TooManyWaiting: it was not accepted
    """
    if submitted.generation is not None:
        if not submitted.new and submitted.fingerprint != request.fingerprint:
            raise KeyUsedForAnother
        return Accepted(submitted.generation.as_accepted(), repeated=not submitted.new)
    if not submitted.reference_ready:
        raise NoSuchReference
    raise rejection_reason(submitted.account, request, reserved_micros, terms) or TooManyWaiting(
        waiting=submitted.account.waiting
    )
