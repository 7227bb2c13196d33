"""The loop that takes tickets: how many at a time, and what an error or an end does to those in use."""

import asyncio
from collections.abc import Sequence

import pytest

from tatemono.entrypoints.ticket_loop import TICKETS_AT_A_TIME, TicketLoop
from tatemono.usecases.generations.ports import Ticket


class MemoryQueue:
    """Gives the tickets that it was made with, then none for ever."""

    def __init__(self, count: int) -> None:
        self.waiting = [Ticket(f"receipt-{number}", str(number), 1) for number in range(count)]
        self.asked: list[int] = []

    async def receive(self, limit: int) -> list[Ticket]:
        self.asked.append(limit)
        if not self.waiting:
            await asyncio.Event().wait()
        given, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return given

    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        raise NotImplementedError

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        raise NotImplementedError

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        raise NotImplementedError


class Uses:
    """What is done with tickets: each use lasts until `let_end`."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.may_end = asyncio.Event()

    async def __call__(self, ticket: Ticket) -> None:
        self.begun.append(ticket.body)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.append(ticket.body)
            raise

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.begun) < count:  # noqa: ASYNC110 - nothing tells when a task has begun
                await asyncio.sleep(0)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class TestTicketLoop:
    @pytest.mark.parametrize("concurrency", [1, 3, 10, 25])
    async def test_uses_as_many_at_a_time_as_it_may(self, concurrency: int) -> None:
        uses, queue = Uses(), MemoryQueue(100)
        loop = TicketLoop(queue, uses, concurrency=concurrency)
        loop.start()
        await uses.until(concurrency)
        await settled()
        assert len(uses.begun) == len(loop.tickets) == concurrency
        assert max(queue.asked) <= TICKETS_AT_A_TIME
        uses.may_end.set()
        await uses.until(100)
        await loop.stop()
        await loop.cancel()

    async def test_goes_on_after_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        used: list[str] = []

        async def use(ticket: Ticket) -> None:
            used.append(ticket.body)
            raise ConnectionResetError

        loop = TicketLoop(MemoryQueue(3), use, concurrency=1)
        loop.start()
        async with asyncio.timeout(10):
            while len(used) < 3:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
        await settled()
        assert loop.tickets == []
        await loop.stop()

    async def test_takes_none_after_it_was_stopped_and_lets_those_in_use_end(self) -> None:
        uses, queue = Uses(), MemoryQueue(5)
        loop = TicketLoop(queue, uses, concurrency=2)
        loop.start()
        await uses.until(2)
        await loop.stop()
        uses.may_end.set()
        await loop.finish(10)
        assert uses.begun == ["0", "1"]
        assert loop.tickets == []
        assert len(queue.waiting) == 3

    async def test_waits_no_longer_than_told_and_then_cancels(self) -> None:
        uses = Uses()
        loop = TicketLoop(MemoryQueue(1), uses, concurrency=1)
        loop.start()
        await uses.until(1)
        await loop.stop()
        await loop.finish(0)
        assert len(loop.tickets) == 1
        await loop.cancel()
        assert uses.cancelled == ["0"]

    async def test_asks_for_nothing_until_it_is_open(self) -> None:
        is_open, uses, queue = asyncio.Event(), Uses(), MemoryQueue(1)

        async def until_open() -> None:
            await is_open.wait()

        loop = TicketLoop(queue, uses, concurrency=1, until_open=until_open)
        loop.start()
        await settled()
        assert queue.asked == []
        is_open.set()
        await uses.until(1)
        await loop.stop()
        await loop.cancel()
