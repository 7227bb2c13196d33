"""Calls that come at the same time become one.

A caller that comes alone does not wait: the first of a burst goes at once, and the next gather while it is under way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

#: Of each kind so many statements at a time: while PostgreSQL works on the one, the results of the other are used.
_AT_A_TIME = 2
_MOST_TOGETHER = 50

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Calls of one function for one item each become calls of a function for several.

    `together` answers with one result for each item, in their order. What it raises, each of the callers gets.
    """

    def __init__(
        self,
        together: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int = _MOST_TOGETHER,
        at_a_time: int = _AT_A_TIME,
    ) -> None:
        self._together = together
        self._most = most
        self._free = at_a_time
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, item: T) -> R:
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._free and len(self._waiting) == 1:
            self._begin()
        return await future

    def _begin(self) -> None:
        self._free -= 1
        task = asyncio.create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        # The task begins after all that are ready in this turn of the loop: they come along.
        while self._waiting:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            callers = [(item, future) for item, future in taken if not future.done()]
            if not callers:
                continue
            if self._waiting and self._free:
                self._begin()
            try:
                results = await self._together([item for item, _ in callers])
            except Exception as error:  # noqa: BLE001 - it is theirs to handle
                for _, future in callers:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(callers, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        self._free += 1
