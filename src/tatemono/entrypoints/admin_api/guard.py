"""Who comes in: from which address, with whose token, and in which role."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tatemono.bootstrap import AdminApiBackend
from tatemono.domain.operators import AddressNotAllowed, Operation, Operator, OperatorTokenRejected
from tatemono.entrypoints.described import router_below
from tatemono.entrypoints.direct_route import DirectRoute
from tatemono.entrypoints.http import HEALTH_PATH

PREFIX = "/v1/api/admin"


class AllowedAddresses:
    """Lets in who comes from one of these networks, as the gate does before: if the gate fails, this still stands.

    The address is the last hop of `X-Forwarded-For`, the only one that the caller cannot have written. So whatever
    stands between gate and service must add nothing: an ALB does so with `xff_header_processing.mode` `preserve`.
    """

    def __init__(self, app: ASGIApp, networks: str) -> None:
        """:param networks: separated by commas
        :raises ValueError: one of them is none
        """
        self._app = app
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(network.strip()) for network in networks.split(",") if network.strip()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != HEALTH_PATH:
            scope["client_address"] = self._checked(scope)
        await self._app(scope, receive, send)

    def _checked(self, scope: Scope) -> str:
        """:raises AddressNotAllowed: it is in none of the networks, or nobody says what it is"""
        hops = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        text = hops[-1].decode("latin-1").rpartition(",")[2].strip() if hops else ""
        try:
            address = ip_address(text)
        except ValueError:
            raise AddressNotAllowed from None
        # An IPv4 caller of a socket for both families.
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in self._networks):
            raise AddressNotAllowed
        return str(address)


class GuardedRoute(DirectRoute):
    """A route that is an operation of the declared table, and open to those operators only who may do it.

    Every route is checked, whatever its endpoint asks for; one that is not declared cannot be made.
    """

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        """:raises ValueError: no operation of the table is called like this"""
        self.operation = Operation(options["operation_id"])
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
    parts = _backend(request)
    return await parts.tokens.verify(token, now=parts.now())


def _backend(request: Request) -> AdminApiBackend:
    found: AdminApiBackend = request.app.state.backend
    return found


def _caller(request: Request) -> Operator:
    found: Operator = request.scope["operator"]
    return found


Backend = Annotated[AdminApiBackend, Depends(_backend)]
Caller = Annotated[Operator, Depends(_caller)]


def router(tag: str) -> APIRouter:
    return router_below(PREFIX, tag, GuardedRoute)
