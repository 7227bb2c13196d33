"""The edge of each HTTP application, and how it is served."""

import asyncio
import hmac
import re
import secrets
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, TypeVar

import asyncpg
import structlog
import uvloop
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tatemono.domain.errors import Refusal
from tatemono.entrypoints.http.languages import preferred_language
from tatemono.entrypoints.http.problems import (
    BodyTooLarge,
    DatabaseUnavailable,
    InternalError,
    OriginNotVerified,
    Problem,
    problem_of,
    refusal_of,
)
from tatemono.entrypoints.logs import log_request, start_logging
from tatemono.settings import HttpSettings

#: The plan has the same limit for the front door: no request needs more.
MAX_BODY_BYTES = 65_536
HEALTH_PATH = "/healthz"
ORIGIN_VERIFY_HEADER = b"x-origin-verify"
#: An open request has so long to finish when the service stops. Event streams end at once; phones resume elsewhere.
STOP_SECONDS = 5.0
#: As many requests and streams at the same time; granian makes further ones wait.
_MAX_CONCURRENT = 8192

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}").fullmatch
#: What asyncpg raises when the database does not answer.
DATABASE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    # When a connection is cut off while it is made.
    asyncpg.InternalClientError,
)

log = structlog.get_logger()

#: Makes the page of a problem, for a request with these headers and this id.
RefusalPage = Callable[[Problem, Mapping[bytes, bytes], str], Response]


class HttpEdge:
    """The outermost layer of every HTTP service, in one: request id, origin check, body limit, problems, access log.

    It stands in place of a stack of middlewares, each of which would cost every request.

    :ivar open: requests that are being answered
    """

    def __init__(
        self, app: ASGIApp, *, origin_verify: str, owner: Any = None, refusal_page: RefusalPage | None = None
    ) -> None:
        """:param owner: what `request.app` is to the application within
        :param refusal_page: shows a problem to a person, for a service that browsers call
        """
        self._app = app
        self.owner = owner
        self._refusal_page = refusal_page
        self._accepted = [value.strip().encode() for value in origin_verify.split(",") if value.strip()]
        self.open = 0
        self._emptied: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.open += 1
        exchange = _Exchange(scope, receive, send)
        scope["app"] = self.owner or self._app
        scope["request_id"] = exchange.request_id
        scope["header"] = exchange.headers
        try:
            self._admit(exchange)
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the last resort: any error becomes a problem
            await _refuse(exchange, error, self._refusal_page)
        finally:
            self.open -= 1
            if self._emptied is not None and not self.open:
                self._emptied.set()
            exchange.log()

    async def drain(self, timeout_seconds: float) -> None:
        """Wait until no request is open, but no longer than that."""
        self._emptied = asyncio.Event()
        if self.open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), timeout_seconds)

    def _admit(self, exchange: "_Exchange") -> None:
        if exchange.path != HEALTH_PATH:
            given = exchange.headers.get(ORIGIN_VERIFY_HEADER, b"")
            # All are compared, so that the time does not show which of them came close.
            if not sum([hmac.compare_digest(given, accepted) for accepted in self._accepted]):
                raise OriginNotVerified
        length = exchange.headers.get(b"content-length")
        if length is not None and (len(length) > 9 or not length.isdigit() or int(length) > MAX_BODY_BYTES):  # noqa: PLR2004 - digits
            raise BodyTooLarge(limit=MAX_BODY_BYTES)


class _Exchange:
    """One request and its response, on their way through the edge."""

    __slots__ = ("_receive", "_received", "_send", "_started", "headers", "method", "path", "request_id", "status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received = 0
        self._started = time.perf_counter()
        # Of several with one name, the first counts, as in Starlette.
        self.headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _SANE_REQUEST_ID(given) else secrets.token_hex(16)
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > MAX_BODY_BYTES:
                raise BodyTooLarge(limit=MAX_BODY_BYTES)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    @property
    def language(self) -> str:
        return preferred_language(self.headers.get(b"accept-language", b"").decode("latin-1"))

    def log(self) -> None:
        """Without query and headers, which may hold secrets."""
        log_request(
            self.method,
            self.path,
            self.status,
            round((time.perf_counter() - self._started) * 1000, 2),
            self.request_id,
        )


async def _refuse(exchange: _Exchange, error: Exception, page: RefusalPage | None) -> None:
    headers: dict[str, str] = {}
    if isinstance(error, Refusal):
        refusal: Refusal = error
    elif isinstance(error, HTTPException):
        refusal = refusal_of(error)
        headers = dict(error.headers or {})
    elif isinstance(error, DATABASE_ERRORS):
        log.warning("database_away", request_id=exchange.request_id, error=repr(error))
        refusal = DatabaseUnavailable()
    else:
        log.error("request_failed", request_id=exchange.request_id, exc_info=error)
        refusal = InternalError()
    if exchange.status:
        return  # The response is under way and cannot be taken back: it ends short.
    problem = problem_of(refusal, exchange.language)
    problem.headers.update(headers)
    if page:
        response = page(problem, exchange.headers, exchange.request_id)
    else:
        response = problem.response(exchange.request_id, exchange.language)
    await response({"type": "http"}, exchange.receive, exchange.send)


S = TypeVar("S", bound=HttpSettings)
#: Opens an application: gives its edge, and the function to call when the service begins to stop.
OpenApp = Callable[[S], AbstractAsyncContextManager[tuple[HttpEdge, Callable[[], None]]]]


def serve(open_app: OpenApp[S], settings: S) -> None:
    """Serve in this process until SIGTERM or SIGINT; then open requests have `STOP_SECONDS` to finish."""
    start_logging(settings.service_name, settings.log_level)
    uvloop.run(_serve(open_app, settings))


async def _serve(open_app: OpenApp[S], settings: S) -> None:
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 - tests of an application need no server
    from granian.log import LogLevels  # noqa: PLC0415 - as above
    from granian.server.embed import Server  # noqa: PLC0415 - as above

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with open_app(settings) as (edge, begin_to_stop):
        server = Server(
            edge,
            settings.host,
            settings.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=1024,
            backpressure=_MAX_CONCURRENT,
            log_level=LogLevels.error,
            log_dictconfig={"loggers": {"_granian": {"propagate": True}}, "handlers": {}, "formatters": {}},
        )
        serving = asyncio.create_task(server.serve())
        log.info("listening", host=settings.host, port=settings.port)
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        begin_to_stop()
        await edge.drain(STOP_SECONDS)
        server.stop()  # type: ignore[no-untyped-call]  # granian's is
        await serving
        log.info("stopped", open_requests=edge.open)
