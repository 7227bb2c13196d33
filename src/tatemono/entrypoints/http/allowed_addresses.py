"""The networks that operators may call from, for the services that are theirs."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from tatemono.domain.operators.roles import AddressNotAllowed
from tatemono.entrypoints.http.serving import HEALTH_PATH


class AllowedAddresses:
    """Refuses callers outside of these networks, as the front door does: should that fail, this still holds.

    The address is the last hop of `X-Forwarded-For`, the only one that the caller cannot have written. So a proxy
    between front door and service must add none: an ALB does so with `xff_header_processing.mode` `preserve`.
    """

    def __init__(self, app: ASGIApp, networks: str) -> None:
        """:param networks: separated by commas
        :raises ValueError: one of them is no network
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
        """:raises AddressNotAllowed: it is in none of the networks, or not known"""
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
