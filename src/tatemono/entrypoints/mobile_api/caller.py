"""What a route is given: the backend, and whoever calls."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from tatemono.bootstrap import MobileApiBackend
from tatemono.domain.devices import Principal, TokenRejected


def backend(request: Request) -> MobileApiBackend:
    found: MobileApiBackend = request.app.state.backend
    return found


def principal(request: Request) -> Principal:
    """:raises TokenRejected: no good access token came along"""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRejected
    parts = backend(request)
    return parts.tokens.verify(token, now=parts.now())


Backend = Annotated[MobileApiBackend, Depends(backend)]
Caller = Annotated[Principal, Depends(principal)]
