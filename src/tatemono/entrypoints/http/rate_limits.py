"""How often a caller may sign in, guess, or have mail sent. The numbers are in the plan's section `limits`.

A route declares which limits are its own, and they count its caller's IP address at once, before the body is read.
As soon as the route knows what else to count by, it says so:

    @routes.post("/auth/device", …)
    async def route_sign_in_device(request: Request, limit: Annotated[Limited, limited("sign-in")], dpop: Dpop) -> …:
        proof = proven(request, dpop)
        limit.device(proof.thumbprint)

    @routes.post("/auth/forgot-password", …)
    async def route_forgot_password(limit: Annotated[Limited, limited("send-mail")], body: schemas.Address) -> …:
        await limit.address(body.email)

    @routes.post("/transfer-codes", …)
    async def route_issue_transfer_code(limit: Annotated[Limited, limited("issue-transfer-code")], caller: Caller) -> …:
        limit.account(caller.user_id)

Each raises `TooManyRequests`: 429, with `Retry-After`, `RateLimit-Policy` and `RateLimit`. The refusal is the same
whether an address belongs to a member or not. A kind without a rule for what the route counts by counts nothing there.

**By IP address, device and account** it is counted in the memory of each process, so n processes let through n times as
much at most, and a new process begins anew. That bounds the work of a process; it is not an exact quota. At most
`MAX_KEYS` callers are remembered, in about 9 MB; beyond that, the caller not seen for longest is forgotten, and begins
anew. The front door limits requests by address before they come here.

**By mail address** it is counted in PostgreSQL, in fixed windows, across all processes: no mailbox gets more mail in
a window than the plan says, and no more than twice as much in any time as long, around the end of one. Only requests
that were let through count, so an attacker cannot keep another person's address blocked beyond the window.
"""

import hashlib
import ipaddress
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from tatemono.domain.identity.rate_limits import Limit, TooManyRequests

#: The most callers that are remembered.
MAX_KEYS = 50_000
_DIGEST_BYTES = 16
#: The network that one household gets, with all its addresses (RFC 6177).
_IPV6_SUBSCRIBER_BITS = 64


class Counters(Protocol):
    """Counts across processes."""

    async def take(self, digest: bytes, *, requests: int, window: timedelta) -> float: ...


class Limits:
    """The limits of one process.

    :param rules: kind of request → limits
    :param clock: seconds, never going back
    """

    def __init__(
        self,
        rules: Mapping[str, Iterable[Limit]],
        counters: Counters,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._rules = {name: tuple(limits) for name, limits in rules.items()}
        self._counters = counters
        self._clock = clock
        self._max_keys = max_keys
        # When each caller has its whole limit again: the one number that a token bucket needs (GCRA, ITU-T I.371).
        self._idle_at: OrderedDict[bytes, float] = OrderedDict()

    def require(self, names: Iterable[str]) -> None:
        """:raises ValueError: the plan says nothing about one of them"""
        if missing := sorted(set(names) - self._rules.keys()):
            raise ValueError(f"The plan has no limits for {', '.join(missing)}")

    def take(self, name: str, by: str, value: str) -> None:
        """Count one request in this process.

        :raises TooManyRequests: it is one too many, and not counted
        """
        for limit in self._of(name, by):
            self._take(limit, _digest(limit, value)[:_DIGEST_BYTES])

    async def take_everywhere(self, name: str, by: str, value: str) -> None:
        """Count one request in all processes.

        :raises TooManyRequests: it is one too many
        """
        for limit in self._of(name, by):
            window = timedelta(seconds=limit.window_seconds)
            wait = await self._counters.take(_digest(limit, value), requests=limit.requests, window=window)
            if wait:
                raise TooManyRequests(limit, wait)

    def _of(self, name: str, by: str) -> list[Limit]:
        return [limit for limit in self._rules[name] if limit.by == by]

    def _take(self, limit: Limit, key: bytes) -> None:
        now = self._clock()
        pause = limit.window_seconds / limit.requests
        idle_at = max(self._idle_at.get(key, now), now) + pause
        # With a small tolerance: sums of pauses are not exact.
        if (wait := idle_at - now - limit.window_seconds) > pause * 1e-6:
            raise TooManyRequests(limit, wait)
        self._idle_at[key] = idle_at
        self._idle_at.move_to_end(key)
        if len(self._idle_at) > self._max_keys:
            self._idle_at.popitem(last=False)


class Limited:
    """The limits of one route, for one request."""

    __slots__ = ("_limits", "_name")

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits = limits
        self._name = name

    def device(self, key_thumbprint: str) -> None:
        """:raises TooManyRequests: this key came too often"""
        self._limits.take(self._name, "device", key_thumbprint)

    def account(self, user_id: UUID) -> None:
        """:raises TooManyRequests: this user came too often"""
        self._limits.take(self._name, "account", str(user_id))

    async def address(self, mail_address: str) -> None:
        """:raises TooManyRequests: this mail address was named too often, by all callers together"""
        plain = unicodedata.normalize("NFC", mail_address.strip()).lower()
        await self._limits.take_everywhere(self._name, "address", plain)


class _LimitedRoute:
    """Finds the limits of the application, and counts the IP address."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, request: Request) -> Limited:
        limits: Limits = request.app.state.limits
        limits.take(self.name, "ip", subscriber(request))
        return Limited(limits, self.name)


def limited(name: str) -> Any:
    """What a route is annotated with (see above); `name` is a kind of request in the plan."""
    return Depends(_LimitedRoute(name))


def limits_of(route: Any) -> list[str]:
    """The kinds of request that a route declares."""
    calls: Sequence[Any] = [inner.call for inner in route.dependant.dependencies]
    return [call.name for call in calls if isinstance(call, _LimitedRoute)]


def subscriber(request: Request) -> str:
    """The subscriber behind the caller's IP address: the address itself, or its network if it is IPv6.

    The address is the last hop of `X-Forwarded-For`, the only one that the caller cannot have written.
    """
    hops = [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    last = hops[-1].decode("latin-1").rpartition(",")[2].strip() if hops else ""
    if not last and request.client:
        last = request.client.host
    return _subscriber(last)


@lru_cache(maxsize=4096)
def _subscriber(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_SUBSCRIBER_BITS), strict=False))
    return str(address)


def _digest(limit: Limit, value: str) -> bytes:
    text = f"{limit.name}\0{limit.by}\0{limit.requests}/{limit.window_seconds}\0{value}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
