"""How often a password or a code may be wrong, as Cognito counts it.

The fifth wrong one locks for a second, each further one for twice as long, up to 15 minutes. What is tried meanwhile is
not checked. 15 quiet minutes, or both factors right, clear the count.
https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html#authentication-flow-lockout-behavior
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

LOCKING_ATTEMPT = 5
LONGEST_SECONDS = 900
_MAX_NAMES = 10_000


@dataclass
class _Failures:
    count: int = 0
    last_at: float = 0
    locked_until: float = 0


class Lockout:
    """Counts by the names that are tried, whether there is such a user or not.

    A right password alone does not clear it: its owner could otherwise guess codes for ever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def seconds(self, pool_id: str, name: str) -> int:
        """How long the name is still locked; 0 if it is not."""
        found = self._failures.get((pool_id, name))
        return 0 if found is None else max(0, ceil(found.locked_until - self._clock()))

    def failed(self, pool_id: str, name: str) -> None:
        now = self._clock()
        found = self._failures.pop((pool_id, name), None)
        if found is None or now - max(found.last_at, found.locked_until) >= LONGEST_SECONDS:
            found = _Failures()
        found.count, found.last_at = found.count + 1, now
        if found.count >= LOCKING_ATTEMPT:
            found.locked_until = now + min(2 ** (found.count - LOCKING_ATTEMPT), LONGEST_SECONDS)
        self._failures[pool_id, name] = found
        if len(self._failures) > _MAX_NAMES:
            self._failures.popitem(last=False)

    def succeeded(self, pool_id: str, name: str) -> None:
        self._failures.pop((pool_id, name), None)
