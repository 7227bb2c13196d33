"""One call to the painter for a generation: the right to make it, how it ended, and what comes next."""

from dataclasses import dataclass
from enum import StrEnum

from tatemono.domain.generations import Generation, State
from tatemono.domain.painting import AMBIGUOUS, Failure

#: A generation is attempted so often at most.
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a generation until the lease ends.

    :ivar fence: the number of this claim; a write with an older one changes nothing
    :ivar attempt: how often the painter was or will be called for it, 1 the first time
    :ivar cancelled: its user has asked to cancel it
    :ivar prompt_suffix: what its style adds to the prompt
    """

    generation: Generation
    fence: int
    attempt: int
    cancelled: bool
    prompt_suffix: str | None

    @property
    def prompt(self) -> str:
        """What the painter is told."""
        prompt = self.generation.request.prompt
        return f"{prompt}\n{self.prompt_suffix}" if self.prompt_suffix else prompt


class Outcome(StrEnum):
    """How an attempt ended; unknown is one of which nobody can say whether the painter painted and charged."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, failure: Failure) -> "Outcome":
        if failure in AMBIGUOUS:
            return cls.UNKNOWN
        return cls.REFUSED if failure is Failure.REFUSED else cls.FAILED


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, not before so many seconds have passed."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It ends here, without pictures and without charge."""

    state: State
    failure_code: str


_FINAL = {
    Failure.REFUSED: GiveUp(State.REFUSED, "prompt_refused"),
    Failure.BAD_REQUEST: GiveUp(State.FAILED, "painter_rejected_request"),
}
CANCELLED = GiveUp(State.CANCELLED, "cancelled")
_GAVE_UP_CODE = {
    Failure.RATE_LIMITED: "painter_busy",
    Failure.UNAVAILABLE: "painter_unavailable",
    Failure.TIMED_OUT: "painter_timed_out",
    Failure.CUT_OFF: "painter_timed_out",
    Failure.LEASE_LOST: "painter_timed_out",
    Failure.STOPPED: "painter_timed_out",
    Failure.NOT_KEPT: "picture_not_kept",
    Failure.NO_PICTURE: "painter_gave_no_picture",
}
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 60.0


def plan_retry(failure: Failure, attempts: int, *, retry_after_seconds: float | None, jitter: float) -> Retry | GiveUp:
    """What to do after attempt number `attempts` (the first is 1) failed.

    :param retry_after_seconds: what the painter asked for; it is respected up to a minute
    :param jitter: a random number from 0 to 1, so that many workers do not come back at once
    """
    if failure in _FINAL:
        return _FINAL[failure]
    if attempts >= MAX_ATTEMPTS:
        return GiveUp(State.FAILED, _GAVE_UP_CODE[failure])
    backoff = _FIRST_DELAY_SECONDS * 2 ** (attempts - 1) * (0.5 + jitter)
    return Retry(min(max(backoff, retry_after_seconds or 0.0), _LONGEST_DELAY_SECONDS))
