# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""Wakes a waiting ReceiveMessage at once when a message may have become visible; MiniStack looks ten times a second."""

import asyncio
from typing import Any

from ministack.services import sqs

_MAKE_VISIBLE = ("SendMessage", "SendMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch")


class ReceiverWakeup:
    """Stands in for the module `asyncio` inside MiniStack's SQS, whose only wait is the one between two looks."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        """Wait until a message may be visible, at most `seconds`. Once closed, receivers get an error."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, waiter)
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
        if self._closed:
            raise sqs._Err("ServiceUnavailable", "The embedded cloud is stopping", 503)

    def wake_all(self) -> None:
        for waiter in self._waiters:
            _wake(waiter)

    def close(self) -> None:
        self._closed = True
        self.wake_all()


def wake_receivers() -> ReceiverWakeup:
    """Patch MiniStack's SQS in this process."""
    wakeup = ReceiverWakeup()
    sqs.asyncio = wakeup
    for action in _MAKE_VISIBLE:
        sqs._HANDLERS[action] = _waking(wakeup, sqs._HANDLERS[action])
    return wakeup


def _waking(wakeup: ReceiverWakeup, handler: Any) -> Any:
    def handle(data: dict[str, Any], queue_url: str) -> Any:
        result = handler(data, queue_url)
        wakeup.wake_all()
        return result

    return handle


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
