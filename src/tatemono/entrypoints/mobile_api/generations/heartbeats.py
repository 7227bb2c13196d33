"""Heartbeats of open streams, with one timer for all of them."""

import asyncio
from collections.abc import Awaitable, Callable

#: Streams are in so many groups, whose turns come one after another: they do not all write at once.
_GROUPS = 15

Beat = Callable[[], None]


class Heartbeats:
    """Calls each stream's `beat` once in a period, as long as it is a member."""

    def __init__(self, period_seconds: float, after_round: Callable[[], Awaitable[None]]) -> None:
        """:param after_round: called when each group has had its turn"""
        self._pause_seconds = period_seconds / _GROUPS
        self._after_round = after_round
        self._groups: list[set[Beat]] = [set() for _ in range(_GROUPS)]
        self._group_of: dict[Beat, int] = {}
        self._turn = 0
        self._timer: asyncio.Task[None] | None = None

    def add(self, beat: Beat) -> None:
        """The first beat comes after a whole period."""
        self._group_of[beat] = self._turn
        self._groups[self._turn].add(beat)
        if self._timer is None:
            self._timer = asyncio.create_task(self._run())

    def remove(self, beat: Beat) -> None:
        self._groups[self._group_of.pop(beat)].discard(beat)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def _run(self) -> None:
        try:
            while self._group_of:
                await asyncio.sleep(self._pause_seconds)
                self._turn = (self._turn + 1) % _GROUPS
                for beat in self._groups[self._turn]:
                    beat()
                if self._turn == 0:
                    await self._after_round()
        finally:
            self._timer = None
