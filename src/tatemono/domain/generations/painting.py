"""What is asked of a painter, and the ways in which painting fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Failure(StrEnum):
    """Why an attempt gave no picture."""

    RATE_LIMITED = "rate_limited"
    """429: the painter takes no request now. Nothing was painted."""
    UNAVAILABLE = "unavailable"
    """5xx, or no connection. Nothing was painted, as far as the painter says."""
    TIMED_OUT = "timed_out"
    """The connection gave no answer in time: the painter may have painted, and may charge for it."""
    CUT_OFF = "cut_off"
    """The answer broke off: the painter may have painted, and may charge for it."""
    ACCOUNT_REFUSED = "account_refused"
    """The painter refuses our account: its key, its rights, its credit, its model. Nothing was painted, and nothing
    will be until an operator acts."""
    REFUSED = "refused"
    """The painter's moderation refuses the prompt, the reference picture or what came out."""
    USER_REFUSED = "user_refused"
    """The painter paints no more for this user, whom it knows by the safety identifier."""
    REFERENCE_REJECTED = "reference_rejected"
    """The painter cannot read the reference picture."""
    BAD_REQUEST = "bad_request"
    """The painter does not take the request: a fault of ours."""
    NO_PICTURE = "no_picture"
    """The answer came, and what it holds is no such picture as was asked for."""
    NOT_KEPT = "not_kept"
    """The picture came, and the store did not take it."""
    LEASE_LOST = "lease_lost"
    """The worker vanished in mid-call: the painter may have painted, and may charge for it."""
    FLAGGED_PROMPT = "flagged_prompt"
    """Moderation refuses the prompt, before the painter is called. Nothing was painted."""
    FLAGGED_REFERENCE = "flagged_reference"
    """It refuses the reference picture; as above."""
    FLAGGED_RESULT = "flagged_result"
    """It refuses what was painted, which is on the bill all the same."""
    NOT_MODERATED = "not_moderated"
    """Moderation does not answer, before the painter is called. Nothing was painted."""
    RESULT_NOT_MODERATED = "result_not_moderated"
    """It does not answer about what was painted, which is on the bill all the same."""
    STOPPED = "stopped"
    """We hung up in mid-call, because the user cancelled or the worker had to go: as above."""
    NOT_CALLED = "not_called"
    """The job ended before the painter was called."""


#: Failures that are a refusal of what was asked for or of what came out, and final.
REFUSALS = frozenset(
    {
        Failure.REFUSED,
        Failure.USER_REFUSED,
        Failure.FLAGGED_PROMPT,
        Failure.FLAGGED_REFERENCE,
        Failure.FLAGGED_RESULT,
    }
)
#: Failures after which it is unknown whether the painter painted.
AMBIGUOUS = frozenset({Failure.TIMED_OUT, Failure.CUT_OFF, Failure.LEASE_LOST, Failure.STOPPED})


class PaintingFailed(Exception):
    """One call to the painter gave no picture.

    :ivar detail: for operators: cut, and without prompt or key
    :ivar cause: the painter's own word for it, such as an error code
    :ivar retry_after_seconds: what the painter asks for, if it says
    :ivar provider_request_id: the painter's name for the call, for its support
    :ivar painting: what the painter gave all the same, and has on its bill
    """

    def __init__(
        self,
        failure: Failure,
        detail: str,
        *,
        cause: str | None = None,
        retry_after_seconds: float | None = None,
        provider_request_id: str | None = None,
        painting: "Painting | None" = None,
    ) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail
        self.cause = cause
        self.retry_after_seconds = retry_after_seconds
        self.provider_request_id = provider_request_id
        self.painting = painting


@dataclass(frozen=True, slots=True)
class PaintRequest:
    """One call to a painter, in the words of the OpenAI images API.

    :ivar size: `WIDTHxHEIGHT` in pixels
    :ivar partial_images: how many unfinished pictures to show on the way, 0 to 3
    :ivar safety_identifier: a keyed hash of the user, which tells the painter who misbehaves without telling who it is
    :ivar client_request_id: ours, so that both call logs can be laid side by side
    :ivar extra: fields that not every painter knows
    :ivar references: pictures to change, as PNG or JPEG; none: paint from the words alone
    """

    model: str
    prompt: str
    size: str
    quality: str
    background: str
    output_format: str
    n: int
    partial_images: int
    safety_identifier: str
    client_request_id: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialPicture:
    """An unfinished picture: `index` counts up from 0 as it gets clearer."""

    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PainterUsage:
    """The tokens that the painter counts, and charges for; all 0: it does not say."""

    input_text_tokens: int
    input_image_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Painting:
    """What the painter gave in the end.

    :ivar pictures: the encoded bytes of each picture, at least one; as many as were asked for, or fewer
    """

    pictures: tuple[bytes, ...]
    usage: PainterUsage
    provider_request_id: str | None
