"""The loop that takes tickets from a queue, which all workers share."""

import asyncio
from collections.abc import Awaitable, Callable
from math import ceil

import structlog

from tatemono.entrypoints.process import run_periodically
from tatemono.usecases.generations.ports import Ticket, TicketQueue

#: SQS gives at most so many tickets in one answer.
TICKETS_AT_A_TIME = 10

log = structlog.get_logger()


class TicketLoop:
    """Uses up to `concurrency` tickets at a time, each in a task of its own.

    An error of one use is logged and ends nothing else: the ticket becomes visible again by itself, for another try.
    """

    def __init__(
        self,
        queue: TicketQueue,
        use: Callable[[Ticket], Awaitable[None]],
        *,
        concurrency: int,
        until_open: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """
        :param use: gives the ticket up (deletes it, or hands it back) when it is done with it
        :param until_open: is awaited before the queue is asked
        """
        self._queue = queue
        self._use = use
        self._concurrency = concurrency
        self._until_open = until_open
        self._tasks: dict[asyncio.Task[None], Ticket] = {}
        self._receiving: list[asyncio.Task[None]] = []
        #: How many tickets the queue is asked for at the moment.
        self._asked = 0
        self._changed = asyncio.Event()

    @property
    def tickets(self) -> list[Ticket]:
        """Those that are in use."""
        return list(self._tasks.values())

    def start(self) -> None:
        # One answer holds few tickets: a worker of many jobs asks several times at once.
        for _ in range(ceil(self._concurrency / TICKETS_AT_A_TIME)):
            self._receiving.append(asyncio.create_task(run_periodically(self._receive, 0)))

    async def stop(self) -> None:
        """Take no more tickets. Those in use stay in use."""
        for task in self._receiving:
            task.cancel()
        await asyncio.gather(*self._receiving, return_exceptions=True)

    async def finish(self, within_seconds: float) -> None:
        """Wait until no ticket is in use, but no longer than that."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=max(within_seconds, 0))

    async def cancel(self) -> None:
        """Cancel every use, and wait until each has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        if self._until_open is not None:
            await self._until_open()
        asked = min(self._concurrency - len(self._tasks) - self._asked, TICKETS_AT_A_TIME)
        if asked <= 0:
            self._changed.clear()
            await self._changed.wait()
            return
        self._asked += asked
        try:
            tickets = await self._queue.receive(asked)
        finally:
            self._asked -= asked
            self._changed.set()
        for ticket in tickets:
            task = asyncio.create_task(self._try_to_use(ticket))
            self._tasks[task] = ticket
            task.add_done_callback(self._forget)

    async def _try_to_use(self, ticket: Ticket) -> None:
        try:
            await self._use(ticket)
        except Exception:
            log.exception("ticket_left", ticket=ticket.body, received_count=ticket.received_count)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._changed.set()
