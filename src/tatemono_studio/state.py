"""What the studio keeps while it runs, and what its endpoints do alike."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from starlette.requests import Request

from tatemono_studio.calls import Call, CallLog
from tatemono_studio.errors import gateway_timeout, invalid, no_api_key, rate_limited, server_error
from tatemono_studio.faults import Fault, FaultInjector, FaultSyntaxError, Misbehaviour, parse_faults
from tatemono_studio.picture_cache import PictureCache
from tatemono_studio.provider_errors import ERRORS
from tatemono_studio.settings import StudioSettings

FAULT_HEADER = "X-Studio-Fault"
_GIVEN_KEPT = 16
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Studio:
    settings: StudioSettings
    faults: FaultInjector
    calls: CallLog
    pictures: PictureCache
    clock: Callable[[], datetime]
    #: The newest pictures that were given by their addresses.
    given: OrderedDict[str, tuple[bytes, str]] = field(default_factory=OrderedDict)

    def give(self, picture: bytes, media_type: str) -> str:
        """Keep it for a while. :returns: the path that it is fetched from"""
        name = uuid4().hex
        self.given[name] = picture, media_type
        while len(self.given) > _GIVEN_KEPT:
            self.given.popitem(last=False)
        return f"/studio/pictures/{name}"


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


def choose_misbehaviour(request: Request, endpoint: str, marker: str, prompt: str) -> Misbehaviour:
    """What to do wrong for this request: by its header, by its prompt's markers, by configuration.

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


async def raise_error_fault(request: Request, fault: Fault) -> None:
    """Does nothing for a fault that is not an error answer.

    :raises ApiError: 429, 500, 504 once a hang is over, or the error that is named
    """
    if fault.kind == "error":
        error = ERRORS[str(fault.value)]()
        raise error
    if fault.kind == "hang" and isinstance(fault.value, float):
        call_of(request).outcome = "hung"
        await asyncio.sleep(fault.value)
        raise gateway_timeout()
    if fault.kind == "429" and isinstance(fault.value, float):
        raise rate_limited(fault.value)
    if fault.kind == "500":
        raise server_error()


class CallerLeftError(Exception):
    """The connection closed before the answer was ready."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do the work; cancel it when the caller disconnects.

    :raises CallerLeftError: the caller disconnected
    """
    task = asyncio.ensure_future(work)
    disconnect = asyncio.ensure_future(_until_disconnect(request))
    try:
        await asyncio.wait((task, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if call_of(request).outcome == "running":
            call_of(request).outcome = "cancelled"
        raise CallerLeftError
    finally:
        task.cancel()
        disconnect.cancel()


async def _until_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
