"""Who may call: operators with a token of their pool, each operation for its roles."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from tatemono.bootstrap.admin_api import AdminApiBackend
from tatemono.domain.operators.roles import Act, Operation, Operator, OperatorTokenRejected
from tatemono.entrypoints.http.direct_route import DirectRoute, operation_id_of
from tatemono.entrypoints.http.openapi import router_of

PREFIX = "/v1/api/admin"


class AuthorizedRoute(DirectRoute):
    """A route that is an operation of the table in `roles.py`, open to the operators that the table names.

    Each route is checked, also if its endpoint does not take the caller; one that is not declared cannot be made.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        """:raises ValueError: the table has no such operation"""
        self.operation = Operation(operation_id_of(endpoint))
        super().__init__(path, endpoint, **options)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        operator = await _operator(request)
        operator.check(self.operation)
        scope["operator"] = operator
        await super()._answer(scope, receive, send)


async def _operator(request: Request) -> Operator:
    """:raises OperatorTokenRejected: no good access token came along"""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise OperatorTokenRejected
    backend = _backend(request)
    return await backend.tokens.verify(token, now=backend.now())


def _backend(request: Request) -> AdminApiBackend:
    found: AdminApiBackend = request.app.state.backend
    return found


def _caller(request: Request) -> Operator:
    found: Operator = request.scope["operator"]
    return found


Backend = Annotated[AdminApiBackend, Depends(_backend)]
Caller = Annotated[Operator, Depends(_caller)]


def router(tag: str) -> APIRouter:
    return router_of(PREFIX, tag, AuthorizedRoute)


#: The response of an act without a body.
DONE = {"description": "Done, and written down."}


def act_of(request: Request, operator: Operator, reason: str) -> Act:
    return Act(operator, reason, request.scope["request_id"], request.scope["client_address"])
