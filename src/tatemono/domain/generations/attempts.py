"""One call to the painter for a generation: the right to make it, how it ended, and what comes next."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from tatemono.domain.generations.generation import Generation, State
from tatemono.domain.generations.painting import AMBIGUOUS, REFUSALS, Failure

#: A generation is attempted so often at most, not counting those that the painter turned away unseen.
MAX_ATTEMPTS = 3
#: The painter may turn a generation away (429) so often.
MAX_TURNED_AWAY = 6
#: Bytes that are no picture are asked for again so often.
MAX_WITHOUT_PICTURE = 2
#: How attempts name the providers, in the order in which they are preferred.
FIRST_PROVIDER = "first"
SECOND_PROVIDER = "second"


@dataclass(frozen=True, slots=True)
class History:
    """How many attempts of a generation ended, and how.

    :ivar ended: all of them
    :ivar unknown: those that may have been painted, and charged
    :ivar without_picture: those whose answer was no picture
    :ivar turned_away: those that the painter did not look at
    :ivar account_refused: those for which an operator has to put our account at the painter right
    """

    ended: int = 0
    unknown: int = 0
    without_picture: int = 0
    turned_away: int = 0
    account_refused: int = 0

    def and_then(self, failure: Failure) -> "History":
        """With one more that ended in `failure`."""
        return replace(
            self,
            ended=self.ended + 1,
            unknown=self.unknown + (failure in AMBIGUOUS),
            without_picture=self.without_picture + (failure is Failure.NO_PICTURE),
            turned_away=self.turned_away + (failure is Failure.RATE_LIMITED),
            account_refused=self.account_refused + (failure is Failure.ACCOUNT_REFUSED),
        )

    @property
    def painted(self) -> int:
        """Those in which the painter, as far as is known, took the work on."""
        return self.ended - self.turned_away - self.account_refused


@dataclass(frozen=True, slots=True)
class UnknownPolicy:
    """What to do after an attempt that may or may not be on the bill.

    :ivar retries: so often such a generation is painted again, at our cost; 0: the credits go back at once
    """

    retries: int

    @classmethod
    def parse(cls, text: str) -> "UnknownPolicy":
        """`give-up`, or `retry:N`.

        :raises ValueError: it is neither
        """
        found = re.fullmatch(r"give-up|retry:([1-9])", text)
        if found is None:
            raise ValueError(f"{text!r} is neither give-up nor retry:1 to retry:9")
        return cls(int(found[1] or 0))


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a generation until the lease ends.

    :ivar fence: the number of this claim; a write with an older one changes nothing
    :ivar attempt: how often the painter was or will be called for it, 1 the first time
    :ivar cancelled: its user has asked to cancel it
    :ivar prompt_suffix: what its style adds to the prompt
    :ivar before: the attempts before this one
    :ivar taken_over: the last of them was cut off by the end of its lease, and nothing is decided yet
    """

    generation: Generation
    fence: int
    attempt: int
    cancelled: bool
    prompt_suffix: str | None
    before: History = History()
    taken_over: bool = False

    @property
    def prompt(self) -> str:
        """What the painter is told."""
        prompt = self.generation.request.prompt
        return f"{prompt}\n{self.prompt_suffix}" if self.prompt_suffix else prompt


class Outcome(StrEnum):
    """How an attempt ended; unknown is one that the painter may or may not have painted and charged."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, failure: Failure) -> "Outcome":
        if failure in AMBIGUOUS:
            return cls.UNKNOWN
        return cls.REFUSED if failure in REFUSALS else cls.FAILED


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
    Failure.FLAGGED_PROMPT: GiveUp(State.REFUSED, "prompt_flagged"),
    Failure.FLAGGED_REFERENCE: GiveUp(State.REFUSED, "reference_flagged"),
    Failure.FLAGGED_RESULT: GiveUp(State.REFUSED, "picture_flagged"),
    # To paint it again would cost again, and moderation may be away then, too.
    Failure.RESULT_NOT_MODERATED: GiveUp(State.FAILED, "picture_not_moderated"),
    Failure.BAD_REQUEST: GiveUp(State.FAILED, "painter_rejected_request"),
    Failure.USER_REFUSED: GiveUp(State.REFUSED, "painter_refused_user"),
    Failure.REFERENCE_REJECTED: GiveUp(State.FAILED, "reference_rejected"),
}
CANCELLED = GiveUp(State.CANCELLED, "cancelled")
#: While an operator has to put our account at every painter right, and the wait for it is over.
PAINTER_OUT_OF_ORDER = GiveUp(State.FAILED, "painter_out_of_order")
_GAVE_UP_CODE = {
    Failure.RATE_LIMITED: "painter_busy",
    Failure.UNAVAILABLE: "painter_unavailable",
    Failure.TIMED_OUT: "painter_timed_out",
    Failure.CUT_OFF: "painter_timed_out",
    Failure.LEASE_LOST: "painter_timed_out",
    Failure.STOPPED: "painter_timed_out",
    Failure.NOT_KEPT: "picture_not_kept",
    Failure.NO_PICTURE: "painter_gave_no_picture",
    Failure.NOT_CALLED: "painter_unavailable",
    Failure.NOT_MODERATED: "moderation_unavailable",
}
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 60.0
_ACCOUNT_DELAY_SECONDS = 1.0


def plan_retry(failure: Failure, history: History, policy: UnknownPolicy, *, jitter: float) -> Retry | GiveUp:
    """What to do after an attempt failed.

    How long the painter asked to be left alone is no matter of this generation: all of them wait (`circuit_breaker`).

    :param history: with this attempt
    :param jitter: a random number from 0 to 1, so that many workers do not come back at once
    """
    if failure in _FINAL:
        return _FINAL[failure]
    if failure is Failure.ACCOUNT_REFUSED:
        # The painter is left alone from now on: the next call goes to another one, or waits for an operator, and how
        # long it waits is no matter of this attempt (`end_what_waits_in_vain`).
        return Retry(_ACCOUNT_DELAY_SECONDS * (0.5 + jitter))
    if (
        history.painted >= MAX_ATTEMPTS
        or history.turned_away >= MAX_TURNED_AWAY
        or (failure is Failure.NO_PICTURE and history.without_picture >= MAX_WITHOUT_PICTURE)
        or (failure in AMBIGUOUS and history.unknown > policy.retries)
    ):
        return GiveUp(State.FAILED, _GAVE_UP_CODE[failure])
    doublings = max(history.painted, 1) - 1
    return Retry(min(_FIRST_DELAY_SECONDS * 2**doublings * (0.5 + jitter), _LONGEST_DELAY_SECONDS))
