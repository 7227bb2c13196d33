"""What a supervisor must know of a part: how to start it, when it is ready, how to stop it."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass


class PartFailed(Exception):
    """A part cannot be made to run. `detail` says why, `log` holds the last lines that it wrote."""

    def __init__(self, part: str, detail: str, log: Sequence[str] = ()) -> None:
        super().__init__(f"{part} {detail}")
        self.part = part
        self.detail = detail
        self.log = list(log)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A command that stays in the foreground, and its whole environment: the child process inherits nothing else."""

    argv: Sequence[str]
    environment: Mapping[str, str]


async def always_ready() -> bool:
    """The probe of a part that cannot be asked: it is ready when it runs."""
    return True


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the building.

    `launch` does what must be done before each start and says what to run; None means that the work is done with it and
    that there is no process (provisioning). `ready` is asked again and again until it returns true; PartFailed says
    that it never will be. Parts with the same `stop_order` stop together, smaller numbers first.
    """

    name: str
    launch: Callable[[], Awaitable[Launch | None]]
    ready: Callable[[], Awaitable[bool]] = always_ready
    needs: frozenset[str] = frozenset()
    address: str = ""
    stop_order: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 10


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """When to start a part again, and when to give up: at the `max_failures`-th failure within `within_seconds`."""

    max_failures: int = 5
    within_seconds: float = 60
    first_delay_seconds: float = 0.25
    longest_delay_seconds: float = 8
    start_timeout_seconds: float = 60
    probe_seconds: float = 0.03

    def delay_seconds(self, failure: int) -> float:
        """How long to wait after the `failure`-th recent failure (the first is 1)."""
        return min(self.first_delay_seconds * 2.0 ** (failure - 1), self.longest_delay_seconds)
