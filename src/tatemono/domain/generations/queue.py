"""The queue as a whole: what operators tell it, whose turn comes first, and how long it takes."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import ClassVar

from tatemono.domain.errors import Conflict, NotFound, Unavailable


class Priority(IntEnum):
    """Whose turn comes first; within one, turns go round among the users."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


class QueueDraining(Unavailable):
    code = "queue_draining"
    retry_after_seconds = 60
    texts: ClassVar[dict[str, str]] = {
        "en": "No new pictures are taken on for the moment; what was asked for is still painted. Try again later.",
        "ja": "現在、新規の受け付けを停止しています。受付済みの画像は作成されます。しばらくしてからお試しください。",
    }


class NothingWaiting(NotFound):
    code = "nothing_waiting"
    texts: ClassVar[dict[str, str]] = {
        "en": "Nothing of that waits in the queue.",
        "ja": "順番待ちのリクエストがありません。",
    }


class AlreadySo(Conflict):
    code = "queue_already_so"
    texts: ClassVar[dict[str, str]] = {
        "en": "The queue is that way already.",
        "ja": "キューはすでにその状態です。",
    }


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator told the queue, and why."""

    since: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class QueueControls:
    """:ivar paused: nothing is begun; what runs is finished
    :ivar draining: nothing is taken on; what waits is painted
    """

    paused: Order | None = None
    draining: Order | None = None

    def check_open(self) -> None:
        """:raises QueueDraining: nothing is taken on"""
        if self.draining is not None:
            raise QueueDraining


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the queue moved when it was last measured, and how wrong the last forecasts were.

    :ivar running: attempts at the same time
    :ivar samples: the newest attempts that ended, which took `mean_seconds`
    :ivar age_seconds: how long ago that was
    :ivar forecasts: so many came true lately. Of 100, 3 were wrong by less than `low_error` and 3 by more than
        `high_error`: shares of what was foretold and one step more
    """

    running: int
    samples: int
    mean_seconds: float
    age_seconds: float
    forecasts: int = 0
    low_error: float = 0.0
    middle_error: float = 0.0
    high_error: float = 0.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long until the painter begins: between `least` and `most` in 9 cases of 10. In seconds."""

    seconds: float
    least_seconds: float
    most_seconds: float


#: From fewer ends nothing is concluded, nor from older measurements.
_FEWEST_SAMPLES = 8
_LONGEST_AGE_SECONDS = 60.0
#: Until so many forecasts came true these stand for the errors: half as long, or three times.
_FEWEST_FORECASTS = 40
_ERRORS_AT_FIRST = (-0.8, 0.0, 2.0)


def estimate_waiting(position: int, pace: Pace) -> Waiting | None:
    """How long the generation at this place waits (1 is next); none if too little was measured to say.

    `running` attempts of `mean` seconds each end every `mean / running` seconds (Little's law): a step. What that
    leaves out, and above all those who come later and whose turn is sooner, is in the errors of the last forecasts.
    How far the running ones are is unknown: a step more.
    """
    if pace.running < 1 or pace.samples < _FEWEST_SAMPLES or pace.age_seconds > _LONGEST_AGE_SECONDS:
        return None
    measured = pace.low_error, pace.middle_error, pace.high_error
    low, middle, high = measured if pace.forecasts >= _FEWEST_FORECASTS else _ERRORS_AT_FIRST
    step = pace.mean_seconds / pace.running
    expected = position * step
    least, likely, most = (expected + error * (expected + step) for error in (low, middle, high))
    return Waiting(max(likely, 0.0), max(least - step, 0.0), most + step)
