"""A small world in which time passes only when nothing is left to do: machines, a network, what is at its other end.

Each machine has an event loop of its own, which runs the real code of a worker. All of it happens in one thread, in an
order that a seed decides: the same seed is the same universe. Machines are stopped (SIGSTOP), killed and started again,
their monotonic clocks begin anywhere and run a little fast or slow, requests and answers take their time or get lost.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

#: How long an answer that got lost is waited for.
_PATIENCE_SECONDS = 3.0
#: At one moment. What really happens takes a few dozen.
_MOST_TURNS = 2_000


class Standstill(Exception):
    """Code that never waits: time cannot pass."""


class Lost(ConnectionError):
    """No answer came: whether the request did, nobody knows."""


class _Never:
    """What a loop asks whether anything came from outside. Nothing does."""

    def select(self, _timeout: float | None) -> list[Any]:
        return []


class MachineLoop(asyncio.BaseEventLoop):
    """Runs what is due at the universe's time, and never waits."""

    _ready: Any
    _scheduled: Any

    def __init__(self, universe: "Universe") -> None:
        super().__init__()
        self.set_exception_handler(lambda _loop, _context: None)  # what a killed machine leaves behind
        self._selector = _Never()
        self._universe = universe

    def time(self) -> float:
        return self._universe.now

    def _process_events(self, _events: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    @property
    def next_at(self) -> float:
        """When there is something to do, as far as the machine knows."""
        if self._ready:
            return self._universe.now
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        return float(self._scheduled[0]._when) if self._scheduled else float("inf")

    def turn(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()


class Machine:
    """:ivar thawed_at: when it last went on after standing still"""

    def __init__(self, universe: "Universe", name: str) -> None:
        self.universe = universe
        self.name = name
        self.loop = MachineLoop(universe)
        self.dead = self.frozen = False
        self.thawed_at = universe.now
        self._began_at = universe.chance.uniform(0, 10_000)
        self._pace = universe.chance.uniform(0.9995, 1.0005)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not self.dead and (error := task.exception()):
            self.universe.complaints.append(f"{self.name}: {error!r}")

    def clock(self) -> float:
        """Its monotonic clock, which goes on while it stands still."""
        return self._began_at + self.universe.now * self._pace

    def start(self, *work: Coroutine[Any, Any, None]) -> None:
        for each in work:
            self.loop.create_task(each).add_done_callback(self._ended)

    def freeze(self, seconds: float) -> None:
        self.frozen = True

        def thaw() -> None:
            self.frozen, self.thawed_at = False, self.universe.now

        self.universe.after(seconds, thaw)

    def kill(self) -> None:
        """Nothing of it reaches anybody any more, whatever its code still does to clean up."""
        self.dead, self.frozen = True, False
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for _ in range(100):
            if not asyncio.all_tasks(self.loop):
                break
            self.loop.turn()
        self.loop.close()

    async def call(self, serve: Callable[[], T]) -> T:
        """Have something done at the other end of the network, at one moment.

        :raises Lost: the request, or the answer
        """
        if self.dead:
            raise asyncio.CancelledError
        universe = self.universe
        answer: asyncio.Future[T] = self.loop.create_future()

        def hand_over(tell: Callable[[Any], None], what: Any) -> None:
            def told() -> None:
                if not answer.done():
                    tell(what)

            if not self.dead:
                self.loop.call_soon(told)

        def arrives() -> None:
            if universe.cut:
                universe.after(_PATIENCE_SECONDS, lambda: hand_over(answer.set_exception, Lost()))
                return
            try:
                result = serve()
            except Exception as error:  # noqa: BLE001 - it is the caller's
                wrong = error
                universe.after(universe.latency(), lambda: hand_over(answer.set_exception, wrong))
                return
            if universe.chance.random() < universe.loss:
                universe.after(_PATIENCE_SECONDS, lambda: hand_over(answer.set_exception, Lost()))
            else:
                universe.after(universe.latency(), lambda: hand_over(answer.set_result, result))

        universe.after(universe.latency(), arrives)
        return await answer


class Universe:
    """:ivar loss: the share of answers that get lost
    :ivar cut: nothing reaches the other end of the network
    :ivar complaints: about work of a machine that ended in an exception
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
        self.now = 0.0
        self.loss = 0.0
        self.cut = False
        self.machines: list[Machine] = []
        self.complaints: list[str] = []
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def latency(self) -> float:
        return self.chance.choice((0.001, 0.005, self.chance.uniform(0, 0.2)))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), act))

    def run(self, until: float) -> None:
        """Until that time, or until nothing is left that could ever happen."""
        while True:
            self._do_what_is_due()
            following = min([self._events[0][0] if self._events else float("inf"), *self._due()])
            if following > until:
                self.now = until
                return
            self.now = following
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()

    def end(self) -> None:
        for machine in self.machines:
            if not machine.dead:
                machine.kill()

    def _due(self) -> list[float]:
        return [each.loop.next_at for each in self.machines if not (each.dead or each.frozen)]

    def _do_what_is_due(self) -> None:
        turns = 0
        while able := [
            each for each in self.machines if not (each.dead or each.frozen) and each.loop.next_at <= self.now
        ]:
            turns += 1
            if turns > _MOST_TURNS:
                raise Standstill(f"{_MOST_TURNS:,} turns, and it is still {self.now} s")
            with suppress(asyncio.CancelledError):
                self.chance.choice(able).loop.turn()
