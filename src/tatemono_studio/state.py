"""What the studio holds while it runs, and what every endpoint asks of it first."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from starlette.requests import Request

from tatemono_studio.calls import Call, CallLog
from tatemono_studio.errors import ApiError, invalid, no_api_key
from tatemono_studio.faults import Fault, FaultBook, FaultSyntaxError, Misbehaviour, parse_faults
from tatemono_studio.picture_cache import Gallery
from tatemono_studio.settings import StudioSettings

FAULT_HEADER = "X-Studio-Fault"
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Studio:
    settings: StudioSettings
    faults: FaultBook
    calls: CallLog
    gallery: Gallery
    clock: Callable[[], datetime]


def studio_of(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


def call_of(request: Request) -> Call:
    call: Call = request.scope["state"]["call"]
    return call


def open_call(request: Request, endpoint: str) -> Call:
    studio = studio_of(request)
    call = Call(
        request_id=request.scope["state"]["request_id"],
        at=studio.clock(),
        endpoint=endpoint,
        client_request_id=request.headers.get("x-client-request-id", "")[:200] or None,
    )
    request.scope["state"]["call"] = call
    return studio.calls.open(call)


def require_key(request: Request) -> None:
    """:raises ApiError: 401, unless there is a bearer token; any will do"""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise no_api_key()


def misbehaviour(request: Request, endpoint: str, marker: str, prompt: str) -> Misbehaviour:
    """What this request shall suffer: by its header, by its prompt's markers, by configuration.

    :raises ApiError: 400 naming the header or the prompt and the field that is wrong
    """
    header = request.headers.get(FAULT_HEADER, "")
    requested = _read(FAULT_HEADER, header) + _read("prompt", marker)
    chosen = studio_of(request).faults.choose(endpoint, requested, f"{header}\0{marker}\0{prompt}")
    names = [str((chosen.latency and f"latency={chosen.latency}") or ""), chosen.fault.kind if chosen.fault else ""]
    call_of(request).fault = ";".join(filter(None, names)) or None
    return chosen


def _read(param: str, text: str) -> list[Fault]:
    try:
        return parse_faults(text)
    except FaultSyntaxError as error:
        raise invalid(param, f"Invalid studio fault, {error}", "invalid_studio_fault") from None


class CallerLeftError(Exception):
    """The connection closed before the answer was ready."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do the work, unless the caller goes away first.

    :raises CallerLeftError: nobody waits for the answer any more
    """
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_until_disconnect(request))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if call_of(request).outcome == "running":
            call_of(request).outcome = "cancelled"
        raise CallerLeftError
    finally:
        task.cancel()
        leaving.cancel()


async def _until_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def error_for_hang() -> ApiError:
    """What a gateway answers once it, too, lost patience."""
    return ApiError(504, "The server took too long to answer.", type="server_error", code="gateway_timeout")
