"""What may be spent: budgets in money, the daily allowance of free credits, and what a request will cost.

Money is in whole micro-dollars (a millionth of a dollar). A day begins at midnight in the service's time zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tatemono.domain.errors import Exhausted, Unavailable

MICROS_PER_DOLLAR = 1_000_000

#: The environment's budget of a day is kept in so many rows at most, so that submissions do not wait for one another.
BUDGET_SHARDS = 32
#: What a row should hold at least: one request may set aside dollars, and goes into one row.
_LEAST_ROW_MICROS = 5 * MICROS_PER_DOLLAR


class UserBudgetReached(Exhausted):
    code = "daily_budget_reached"
    texts: ClassVar[dict[str, str]] = {
        "en": "You have asked for as much as one day allows. Try again after midnight ({time_zone}).",
        "ja": "1 日に作成できる上限に達しました。日付が変わってから({time_zone})もう一度お試しください。",
    }


class ServiceBudgetReached(Unavailable):
    code = "service_budget_reached"
    texts: ClassVar[dict[str, str]] = {
        "en": "No more pictures can be made today. It cost nothing; try again tomorrow.",
        "ja": "本日の画像作成の受付は終了しました。クレジットは消費されていません。明日もう一度お試しください。",
    }


@dataclass(frozen=True, slots=True)
class Terms:
    """What every submission is held to.

    :ivar daily_credits: on each day that an account asks for something, its credits are filled up to so many first
    :ivar user_day_micros: what may be spent for one user in a day
    :ivar environment_day_micros: … and for all of them together
    :ivar time_zone: IANA name; where a day begins
    :ivar shards: how many rows the environment's budget is kept in
    :ivar max_waiting: a user with so many generations waiting must let some of them finish first
    """

    daily_credits: int
    user_day_micros: int
    environment_day_micros: int
    time_zone: str
    max_waiting: int = 100
    shards: int = BUDGET_SHARDS

    @property
    def shard_micros(self) -> int:
        """What one row of the environment's budget may come to. All rows together never exceed the budget."""
        return self.environment_day_micros // self.shards


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request may come to, in micro-dollars.

    :ivar expected: one call to the painter, at most
    :ivar reserved: all calls that may be made for it; set aside until it ends
    """

    expected: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request would cost its user now, and whether it would be accepted.

    :ivar free_credits: what today's allowance would add
    :ivar obstacle: the code of what stands in the way, if anything does
    """

    price: int
    available: int
    free_credits: int
    obstacle: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """What an account has today.

    :ivar available: credits, without `free_credits`
    :ivar spent_micros: reserved and spent today
    :ivar environment_room_micros: the most that a row of the environment's budget has left today
    """

    available: int
    free_credits: int
    waiting: int
    spent_micros: int
    environment_room_micros: int


def shards_for(environment_day_micros: int) -> int:
    """In how many rows a budget is kept: a small one in few, or nothing would fit into any of them."""
    return max(1, min(BUDGET_SHARDS, environment_day_micros // _LEAST_ROW_MICROS))


def shards_from(seed: bytes) -> Sequence[int]:
    """All rows of the environment's budget, in an order that `seed` decides."""
    start = int.from_bytes(seed[:4], "big")
    return [(start + step) % BUDGET_SHARDS for step in range(BUDGET_SHARDS)]
