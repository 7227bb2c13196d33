"""How the HTTP services answer: JSON, in the language asked for."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tatemono.entrypoints.http.languages import preferred_language


def json_bytes(value: Any) -> bytes:
    # asyncpg has its own subclass of UUID, which orjson does not know.
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)


class _Json(Response):
    """Starlette's response, without its look at each header: ours are always the same few."""

    def __init__(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _Json(json_bytes(value), status, {"cache-control": "no-store", **(headers or {})})


def language_of(request: Request) -> str:
    return preferred_language(request.scope["header"].get(b"accept-language", b"").decode("latin-1"))


async def route_healthz(_request: Request) -> Response:
    """For load balancers: this process answers."""
    return json_response({"status": "ok"})
