"""How often something may be done, and what a caller who does it more often is told."""

import math
from dataclasses import dataclass
from typing import ClassVar

from tatemono.domain.errors import Exhausted


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in `window_seconds`, for each value of what it counts `by`.

    :ivar name: of the kind of request, e.g. `sign-in`
    :ivar by: `ip`, `device`, `account` or `address`
    """

    name: str
    by: str
    requests: int
    window_seconds: int

    @property
    def policy(self) -> str:
        """Its name in the answer to a caller that it stops."""
        return f"{self.name}-{self.by}"


class TooManyRequests(Exhausted):
    """:ivar retry_after_seconds: whole seconds, rounded up, at least 1"""

    code = "too_many_requests"
    texts: ClassVar[dict[str, str]] = {
        "en": "That was too often. Try again in {seconds} seconds.",
        "ja": "回数の上限を超えました。{seconds} 秒後にもう一度お試しください。",
    }

    def __init__(self, limit: Limit, wait_seconds: float) -> None:
        self.limit = limit
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(seconds=self.retry_after_seconds)
