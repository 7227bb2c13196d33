"""A call that is repeated gets the answer of the first: an emulator that lost a connection made the thing all the same.

AWS bears this for most calls; emulators do not, and say that the security group or the parameter exists already. The
SDKs number each call, and its repetitions carry the number of the first: `amz-sdk-invocation-id`,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any

Environ = dict[str, Any]
Application = Callable[..., Iterable[bytes]]

_KEPT_ANSWERS = 1_000
#: How long a repetition waits for the first to be done.
_WAIT_SECONDS = 120
_READING = {"GET", "HEAD"}


@dataclass(frozen=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class IdempotentWsgi:
    """A WSGI application (PEP 3333) around another.

    :ivar repeated: how many calls were answered from memory
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._answers: OrderedDict[str, Future[_Answer]] = OrderedDict()
        self._lock = Lock()
        self.repeated = 0

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        number = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if not number or environ["REQUEST_METHOD"] in _READING:
            return self._application(environ, start_response)
        with self._lock:
            answer = self._answers.get(number)
            first = answer is None
            if answer is None:
                answer = self._answers[number] = Future()
                if len(self._answers) > _KEPT_ANSWERS:
                    self._answers.popitem(last=False)
        if first:
            self._ask(environ, number, answer)
        else:
            self.repeated += 1
            # What is not read would be taken for the next request of this connection.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        known = answer.result(timeout=_WAIT_SECONDS)
        start_response(known.status, known.headers)
        return [known.body]

    def _ask(self, environ: Environ, number: str, answer: "Future[_Answer]") -> None:
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], None]:
            head[:] = [status, headers]
            return pieces.append

        pieces: list[bytes] = []
        try:
            found = self._application(environ, start_response)
            try:
                pieces.extend(found)
            finally:
                if close := getattr(found, "close", None):
                    close()
        except BaseException as error:
            answer.set_exception(error)
            self._forget(number)
            raise
        done = _Answer(head[0], head[1], b"".join(pieces))
        answer.set_result(done)
        if done.status.startswith("5"):
            self._forget(number)

    def _forget(self, number: str) -> None:
        """A failure of the emulator is not kept: repeated, the call may succeed."""
        with self._lock:
            self._answers.pop(number, None)


class IdempotentAsgi:
    """The same for an ASGI application (version 3), in one event loop."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application
        self._answers: OrderedDict[bytes, asyncio.Future[list[Any]]] = OrderedDict()
        self.repeated = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        number = dict(scope.get("headers", ())).get(b"amz-sdk-invocation-id")
        if scope["type"] != "http" or not number or scope["method"] in _READING:
            await self._application(scope, receive, send)
            return
        answer = self._answers.get(number)
        if answer is None:
            answer = self._answers[number] = asyncio.get_running_loop().create_future()
            if len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
            # The caller may be gone; the call is done all the same.
            await asyncio.shield(asyncio.ensure_future(self._ask(scope, receive, number, answer)))
        else:
            self.repeated += 1
            while (await receive()).get("more_body"):
                pass
        async with asyncio.timeout(_WAIT_SECONDS):
            known = await asyncio.shield(answer)
        for message in known:
            await send(message)

    async def _ask(self, scope: Any, receive: Any, number: bytes, answer: "asyncio.Future[list[Any]]") -> None:
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)

        try:
            await self._application(scope, receive, keep)
        except Exception as error:
            answer.set_exception(error)
            # It is raised below; without a repetition that waits, asyncio would complain that it was not retrieved.
            answer.exception()
            self._answers.pop(number, None)
            raise
        answer.set_result(messages)
        if messages[0]["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._answers.pop(number, None)
