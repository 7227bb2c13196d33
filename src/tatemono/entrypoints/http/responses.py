"""How the HTTP services answer: JSON, in the language asked for."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any
from uuid import UUID

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


def next_cursor(found: Sequence[Any], limit: int, key: Callable[[Any], UUID] = attrgetter("id")) -> UUID | None:
    """Where the next page begins.

    :param found: one more than the limit, if there is a next page
    """
    return key(found[limit - 1]) if len(found) > limit else None


def page_response(
    found: Sequence[Any],
    limit: int,
    show: Callable[[Any], dict[str, Any]] = asdict,
    key: Callable[[Any], UUID] = attrgetter("id"),
) -> Response:
    """One page.

    :param found: one more than the limit, if there is a next page
    :param key: what the cursor of the next page is made of
    """
    items = [show(each) for each in found[:limit]]
    return json_response({"items": items, "next_cursor": next_cursor(found, limit, key)})


def language_of(request: Request) -> str:
    return preferred_language(request.scope["header"].get(b"accept-language", b"").decode("latin-1"))


async def route_healthz(_request: Request) -> Response:
    """For load balancers: this process answers."""
    return json_response({"status": "ok"})
