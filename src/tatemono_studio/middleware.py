"""What is done around every request: its id, OpenAI's headers, size limits, the call's outcome, and a quick stop."""

import asyncio
import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tatemono_studio.calls import Call
from tatemono_studio.errors import too_large
from tatemono_studio.settings import MEGABYTE

EDIT_BODY_LIMIT = 16 * 50 * MEGABYTE + 8 * MEGABYTE
BODY_LIMIT = 32 * MEGABYTE
API_VERSION = b"2020-10-01"


class CutAnswerError(Exception):
    """Raised in the middle of an answer: the server then drops the connection, as the fault `cut` asks."""


class StudioMiddleware:
    """ASGI middleware around the whole studio."""

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id
        self._running: set[asyncio.Task[Any]] = set()

    def cancel_all(self) -> int:
        """Cancel every running request, so that a stop does not wait for streams. Returns how many there were."""
        for task in self._running:
            task.cancel()
        return len(self._running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        started = perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = f"req_{self._new_id()}"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                milliseconds = round((perf_counter() - started) * 1000)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"openai-processing-ms", str(milliseconds).encode()),
                    (b"openai-version", API_VERSION),
                ]
                _record_status(state.get("call"), message["status"])
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), send_with_headers)
        except CutAnswerError:
            _record_outcome(state.get("call"), "cut")
            raise
        except asyncio.CancelledError:
            _record_outcome(state.get("call"), "cancelled")
            raise
        finally:
            self._running.discard(task)
            _finish_call(state.get("call"), perf_counter() - started)


def _limited(scope: Scope, receive: Receive) -> Receive:
    limit = EDIT_BODY_LIMIT if scope["path"].endswith("/images/edits") else BODY_LIMIT
    received = 0

    async def receive_within_limit() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise too_large(limit)
        return message

    return receive_within_limit


def _record_status(call: Call | None, status: int) -> None:
    if call is not None:
        call.status = status


def _record_outcome(call: Call | None, outcome: str) -> None:
    if call is not None and call.outcome == "running":
        call.outcome = outcome


def _finish_call(call: Call | None, seconds: float) -> None:
    if call is None:
        return
    call.duration_seconds = round(seconds, 4)
    if call.outcome == "running":
        status = call.status or 500
        call.outcome = "succeeded" if status < 400 else "rejected" if status < 500 else "failed"  # noqa: PLR2004 - HTTP's classes


class CutLogFilter(logging.Filter):
    """Keeps deliberate cuts, and requests cancelled at a stop, out of the server's error log."""

    def filter(self, record: logging.LogRecord) -> bool:
        # The server formats the traceback into the message; its last line names the exception.
        last_line = record.getMessage().rstrip().rpartition("\n")[2]
        return CutAnswerError.__name__ not in last_line and asyncio.CancelledError.__name__ not in last_line
