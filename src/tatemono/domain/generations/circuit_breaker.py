"""When a painter is left alone: what all workers learn of it together, and what follows.

A painter that says it has too much to do (429) gets no call until it wants to be asked again. One that fails so many
times in a row gets none for a while (the breaker is open), and then one, the probe: if that is answered all go on,
otherwise it is left alone for twice as long. One that refuses our account (its key, its credit) is left alone at once,
and tried as seldom, until an operator has put that right.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from tatemono.domain.generations.painting import Failure

#: So many failures in a row open the breaker.
OPENS_AFTER = 5
_FIRST_OPEN_SECONDS = 10.0
_LONGEST_OPEN_SECONDS = 300.0
_REFUSED_SECONDS = 60.0
_FIRST_BUSY_SECONDS = 1.0
_LONGEST_BUSY_SECONDS = 60.0
#: A painter that asks for more is asked again after so long all the same.
LONGEST_RETRY_AFTER_SECONDS = 600.0


class BreakerSignal(StrEnum):
    """What a call told about the painter, as opposed to the picture."""

    ANSWERED = "answered"
    FAILED = "failed"
    TURNED_AWAY = "turned_away"
    REFUSED_US = "refused_us"


class BreakerDecision(StrEnum):
    CALL = "call"
    PROBE = "probe"
    WAIT = "wait"


_NEWS = {
    Failure.RATE_LIMITED: BreakerSignal.TURNED_AWAY,
    Failure.UNAVAILABLE: BreakerSignal.FAILED,
    Failure.TIMED_OUT: BreakerSignal.FAILED,
    Failure.CUT_OFF: BreakerSignal.FAILED,
    Failure.ACCOUNT_REFUSED: BreakerSignal.REFUSED_US,
    Failure.REFUSED: BreakerSignal.ANSWERED,
    Failure.USER_REFUSED: BreakerSignal.ANSWERED,
    Failure.REFERENCE_REJECTED: BreakerSignal.ANSWERED,
    Failure.FLAGGED_RESULT: BreakerSignal.ANSWERED,
    Failure.RESULT_NOT_MODERATED: BreakerSignal.ANSWERED,
    Failure.BAD_REQUEST: BreakerSignal.ANSWERED,
    Failure.NO_PICTURE: BreakerSignal.ANSWERED,
    Failure.NOT_KEPT: BreakerSignal.ANSWERED,
}


def signal_of(failure: Failure | None) -> BreakerSignal | None:
    """What it tells about the painter that a call ended so (None: in a picture); none if it tells nothing."""
    return BreakerSignal.ANSWERED if failure is None else _NEWS.get(failure)


@dataclass(frozen=True, slots=True)
class Breaker:
    """One model at one provider. Times are seconds from now; 0 or less, or none: over.

    :ivar failures: in a row
    :ivar opened: how often in a row it was left alone without success
    :ivar turned_away: waits in a row that ended in another 429
    :ivar open_for: none: closed
    :ivar busy_for: until the painter wants to be asked again
    :ivar probe_for: until another probe may take the place of the one under way
    :ivar refused_because: why it refuses our account, in its own word; none: it does not
    """

    failures: int = 0
    opened: int = 0
    turned_away: int = 0
    open_for: float | None = None
    busy_for: float = 0.0
    probe_for: float = 0.0
    refused_because: str | None = None

    @property
    def is_closed(self) -> bool:
        """Nothing happened that an answer would have to wipe out."""
        return self == Breaker(busy_for=self.busy_for, probe_for=self.probe_for) and self.busy_for <= 0

    def later(self, seconds: float) -> "Breaker":
        """The same after so long."""
        return replace(
            self,
            open_for=None if self.open_for is None else self.open_for - seconds,
            busy_for=self.busy_for - seconds,
            probe_for=self.probe_for - seconds,
        )

    def decision(self) -> tuple[BreakerDecision, float]:
        """Whether it may be called now, and how long to wait if not."""
        if self.busy_for > 0:
            return BreakerDecision.WAIT, self.busy_for
        if self.open_for is None:
            return BreakerDecision.CALL, 0.0
        if self.open_for > 0:
            return BreakerDecision.WAIT, self.open_for
        return (BreakerDecision.WAIT, self.probe_for) if self.probe_for > 0 else (BreakerDecision.PROBE, 0.0)


def after(
    breaker: Breaker,
    signal: BreakerSignal,
    *,
    retry_after_seconds: float | None = None,
    jitter: float = 0.5,
    cause: str | None = None,
) -> Breaker:
    """The breaker after one more call.

    :param cause: the painter's word for why it refuses our account
    :param retry_after_seconds: what the painter asked for
    :param jitter: a random number from 0 to 1
    """
    match signal:
        case BreakerSignal.ANSWERED:
            return Breaker()
        case BreakerSignal.TURNED_AWAY:
            # Calls that were under way when the first was turned away tell nothing new.
            again = breaker.busy_for <= 0
            count = breaker.turned_away + again
            backoff = min(_FIRST_BUSY_SECONDS * 2 ** (count - 1) * (0.5 + jitter), _LONGEST_BUSY_SECONDS)
            asked = min(retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS)
            wait = max(asked, backoff if again else 0.0, breaker.busy_for)
            return Breaker(turned_away=count, busy_for=wait)
        case BreakerSignal.REFUSED_US:
            refused = replace(breaker, failures=breaker.failures + 1, refused_because=cause or "refused")
            return _left_alone(refused, _REFUSED_SECONDS, jitter)
        case BreakerSignal.FAILED:
            failed = replace(breaker, failures=breaker.failures + 1)
            closed = failed.open_for is None and failed.failures < OPENS_AFTER
            return failed if closed else _left_alone(failed, _FIRST_OPEN_SECONDS, jitter)


def _left_alone(breaker: Breaker, first_seconds: float, jitter: float) -> Breaker:
    """Open, for twice as long each time; as it is, if the call began before it opened."""
    if breaker.open_for is not None and breaker.open_for > 0:
        return breaker
    pause = min(first_seconds * 2**breaker.opened, _LONGEST_OPEN_SECONDS) * (0.9 + jitter / 5)
    return replace(breaker, opened=breaker.opened + 1, open_for=pause, probe_for=0.0)
