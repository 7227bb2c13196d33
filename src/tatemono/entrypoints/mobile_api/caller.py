"""What each route has: the API's prefix, the backend, and the caller."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request

from tatemono.adapters.jwt_text import MAX_TOKEN_CHARACTERS
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.identity.devices import Principal, Proof, TokenRejected
from tatemono.entrypoints.http.openapi import router_of

PREFIX = "/v1/api"


def router(tag: str) -> APIRouter:
    return router_of(PREFIX, tag)


def backend_of(request: Request) -> MobileApiBackend:
    found: MobileApiBackend = request.app.state.backend
    return found


def principal(request: Request) -> Principal:
    """:raises TokenRejected: no good access token came along, or its session is over
    :raises AccountSuspended: the user is
    """
    scheme, _, token = request.scope["header"].get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRejected
    backend = backend_of(request)
    now = backend.now()
    found = backend.tokens.verify(token, now=now)
    backend.revocations.check(found, now)
    return found


def proven(request: Request, dpop: str) -> Proof:
    """The key that the caller holds, by the DPoP header of this request. The use case that takes the proof records it.

    :raises ProofRejected: says why
    :raises ProofNeedsNonce: the phone's clock is off
    """
    backend = backend_of(request)
    url = backend.settings.public_url + request.scope["path"]
    return backend.proofs.verify(dpop, method=request.method, url=url, now=backend.now())


#: The header of a proof of possession.
Dpop = Annotated[str, Header(alias="DPoP", min_length=1, max_length=MAX_TOKEN_CHARACTERS)]
Backend = Annotated[MobileApiBackend, Depends(backend_of)]
Caller = Annotated[Principal, Depends(principal)]
