"""The studio as an ASGI application: its routes, its moderation and its own pages under `/studio`."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tatemono_studio import images, moderations
from tatemono_studio.calls import CallLog
from tatemono_studio.errors import ApiError, invalid, server_error
from tatemono_studio.faults import Fault, FaultInjector, FaultSyntaxError, faults_from_json, parse_faults
from tatemono_studio.middleware import StudioMiddleware
from tatemono_studio.models import available, find
from tatemono_studio.picture_cache import PictureCache
from tatemono_studio.settings import StudioSettings
from tatemono_studio.state import CallerLeftError, Studio, require_key, studio_of

CALLS_SHOWN = 100


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def list_models(request: Request) -> Response:
    require_key(request)
    today = studio_of(request).clock().date()
    return _json({"object": "list", "data": [model.as_object() for model in available(today)]})


async def retrieve_model(request: Request) -> Response:
    require_key(request)
    return _json(find(request.path_params["model"], studio_of(request).clock().date()).as_object())


WELCOME = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Studio</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem}</style>
<h1>The studio</h1><p>A local stand-in for OpenAI's images and moderations API. It paints offline, from the prompt.</p>
<ul><li><a href="/studio/calls">/studio/calls</a>: what was asked of it</li>
<li><a href="/studio/faults">/studio/faults</a>: how it misbehaves (GET, PUT, DELETE)</li>
<li><a href="/studio/health">/studio/health</a></li></ul>
<p>Write <code>[studio:429]</code> or <code>[studio:latency=2s]</code> into a prompt to make it misbehave once.
Every fault is listed in docs/reference/studio.md.</p></html>"""


async def welcome(_: Request) -> Response:
    return Response(WELCOME, media_type="text/html")


async def health(request: Request) -> Response:
    studio = studio_of(request)
    return _json({"status": "ok", "calls": studio.calls.total, "cached_bytes": studio.pictures.size_bytes})


async def calls(request: Request) -> Response:
    """Newest first; `?limit=` and `?client_request_id=` choose among them."""
    text = request.query_params.get("limit", str(CALLS_SHOWN))
    if not (text.isascii() and text.isdigit() and len(text) < 7):  # noqa: PLR2004 - far above what is kept
        raise invalid("limit", f"Invalid 'limit': {text!r} is no whole number.")
    chosen = studio_of(request).calls.newest(int(text), request.query_params.get("client_request_id"))
    return _json({"data": [call.as_object() for call in chosen], "total": studio_of(request).calls.total})


async def show_faults(request: Request) -> Response:
    injector = studio_of(request).faults
    return _json({"faults": [fault.as_object() for fault in injector.configured], "seed": injector.seed})


def _read_faults(body: str, current_seed: int) -> tuple[list[Fault], int]:
    value: Any = orjson.loads(body) if body.lstrip().startswith(("{", "[")) else {"faults": body}
    wrapped = value if isinstance(value, dict) and "faults" in value else {"faults": value}
    requested, seed = wrapped["faults"], wrapped.get("seed", current_seed)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise FaultSyntaxError("seed", "write a whole number")
    return parse_faults(requested) if isinstance(requested, str) else faults_from_json(requested), seed


async def put_faults(request: Request) -> Response:
    """Takes `{"faults": […] or "429,p=0.5;…", "seed": 7}`, a bare list, or the compact form as plain text."""
    body = (await request.body()).decode("utf-8", "replace")
    injector = studio_of(request).faults
    try:
        faults, seed = _read_faults(body, injector.seed)
    except orjson.JSONDecodeError as error:
        raise invalid("faults", f"Invalid studio fault, the body is no JSON: {error}", "invalid_studio_fault") from None
    except FaultSyntaxError as error:
        raise invalid(error.field, f"Invalid studio fault, {error}", "invalid_studio_fault") from None
    injector.configure(faults, seed)
    return await show_faults(request)


async def delete_faults(request: Request) -> Response:
    studio_of(request).faults.clear()
    return await show_faults(request)


async def given_picture(request: Request) -> Response:
    picture, media_type = studio_of(request).given.get(request.path_params["name"], (b"", ""))
    return Response(picture, media_type=media_type) if picture else Response(status_code=404)


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    if error.is_page:
        return Response(error.message, error.status, media_type="text/html")
    return Response(
        orjson.dumps(error.envelope()), error.status, headers=dict(error.headers), media_type="application/json"
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        text = f"Invalid URL ({request.method} {request.url.path})"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        text = f"Not allowed to {request.method} on {request.url.path}"
    else:
        text = str(error.detail)
    return await _api_error(request, ApiError(error.status_code, text))


async def _unexpected(request: Request, _: Exception) -> Response:
    return await _api_error(request, server_error())


async def _caller_left(_: Request, __: Exception) -> Response:
    # nginx's number for it; the caller does not read this answer.
    return Response(status_code=499)


def make_app(settings: StudioSettings, clock: Callable[[], datetime]) -> StudioMiddleware:
    """:param clock: the present moment, with its time zone"""
    app = Starlette(
        routes=[
            Route("/", welcome),
            Route("/v1/images/generations", images.generations, methods=["POST"]),
            Route("/v1/images/edits", images.edits, methods=["POST"]),
            Route("/v1/moderations", moderations.moderations, methods=["POST"]),
            Route("/v1/models", list_models),
            Route("/v1/models/{model}", retrieve_model),
            Route("/studio/health", health),
            Route("/studio/calls", calls),
            Route("/studio/pictures/{name}", given_picture),
            Route("/studio/faults", show_faults, methods=["GET"]),
            Route("/studio/faults", put_faults, methods=["PUT"]),
            Route("/studio/faults", delete_faults, methods=["DELETE"]),
        ],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            CallerLeftError: _caller_left,
            Exception: _unexpected,
        },
    )
    app.state.studio = Studio(
        settings=settings,
        faults=FaultInjector(list(settings.faults), settings.seed),
        calls=CallLog(settings.calls_kept),
        pictures=PictureCache(settings.cache_bytes, settings.painters),
        clock=clock,
    )
    return StudioMiddleware(app, lambda: uuid4().hex)
