"""A phone without a screen: what the app does over HTTPS, for the demo, the journeys and the benchmarks."""

import asyncio
import json
import math
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2
from httpx2 import EventSource, SSEError

from tatemono_tools.laptop.demo.device_key import DeviceKey

_TIMEOUT = httpx2.Timeout(10, read=45)
_RECONNECT_SECONDS = 0.5
_RECONNECTS = 20
#: Share of its lifetime that is left when an access token is renewed.
_RENEWED_EARLY = 0.1
_FINAL = {"done", "failed", "cancelled"}


class PhoneRefused(Exception):
    """The API answered with a problem; the message is the one a person would see.

    :ivar problem: RFC 9457
    """

    def __init__(self, response: httpx2.Response) -> None:
        try:
            self.problem: dict[str, Any] = response.json()
        except ValueError:
            self.problem = {"title": response.reason_phrase}
        self.status = response.status_code
        super().__init__(self.problem.get("detail") or self.problem.get("title") or f"status {self.status}")


@dataclass(frozen=True)
class Event:
    name: str
    data: dict[str, Any]


class Phone:
    """One device and its user. Open it as a context manager; `sign_in` comes first.

    It stays signed in: an access token that is about to expire is renewed before it is sent.
    """

    def __init__(
        self,
        base_url: str,
        authority: Path | None,
        *,
        identifier: str | None = None,
        key: DeviceKey | None = None,
        clock: Callable[[], float] = time.time,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """
        :param base_url: of the front door, e.g. `https://localhost:8443`
        :param authority: the CA (PEM) that its certificate comes from; none: those that this machine trusts
        :param identifier: the platform's name of the device; a new one unless given
        :param clock: the phone's own, seconds since 1970
        :param transport: in place of the network
        """
        self.identifier = identifier or f"demo-{secrets.token_hex(16)}"
        self.key = key or DeviceKey()
        self._base_url = base_url
        self._clock = clock
        self._nonce: str | None = None
        self._refresh_token = ""
        self._renew_at = math.inf
        self._renewing = asyncio.Lock()
        trusting = ssl.create_default_context(cafile=authority and str(authority))
        # Two, since a signed URL is all that a picture needs: the access token goes to the API only.
        self._client = httpx2.AsyncClient(base_url=base_url, verify=trusting, timeout=_TIMEOUT, transport=transport)
        self.language = "en"
        self._plain = httpx2.AsyncClient(verify=trusting, timeout=_TIMEOUT, transport=transport)

    @property
    def language(self) -> str:
        """What the person reads, `en` or `ja`."""
        return self._client.headers["Accept-Language"]

    @language.setter
    def language(self, language: str) -> None:
        self._client.headers["Accept-Language"] = language

    @classmethod
    def kept(cls, file: Path, base_url: str, authority: Path | None) -> Self:
        """The phone of `file`, made there the first time: so that each demo is the same user, as on a real phone."""
        if not file.exists():
            file.touch(mode=0o600)
            identifier, key = f"demo-{secrets.token_hex(16)}", DeviceKey()
            file.write_text(json.dumps({"identifier": identifier, "key": key.private_jwk}))
        kept = json.loads(file.read_text())
        return cls(base_url, authority, identifier=kept["identifier"], key=DeviceKey.read(kept["key"]))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._plain.aclose()

    def proof(self, method: str, path: str) -> str:
        """A DPoP proof (RFC 9449) for one request, with the server's nonce once it has asked for one."""
        return self.key.proof(method, f"{self._base_url}{path}", at=self._clock(), nonce=self._nonce)

    async def sign_in(self) -> dict[str, Any]:
        """Sign in: the answer names the user, and says whether it is new."""
        body = {"platform": "ios", "device_identifier": self.identifier}
        return self._keep(await self._proven("/v1/api/auth/device", body))

    async def renew(self) -> None:
        """Go on with new tokens; should the refresh token not be good any more, sign in anew, as the same user."""
        async with self._renewing:
            if self._clock() < self._renew_at:
                return  # Another request was first.
            try:
                self._keep(await self._proven("/v1/api/auth/refresh", {"refresh_token": self._refresh_token}))
            except PhoneRefused as refused:
                if refused.status != httpx2.codes.UNAUTHORIZED:
                    raise
                await self.sign_in()

    async def _proven(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        """A call with a proof; made again with a nonce, if the server asks for one."""
        for last in (False, True):
            headers = {"DPoP": self.proof("POST", path)}
            response = await self._client.post(path, json=body, headers=headers)
            nonce = response.headers.get("DPoP-Nonce")
            if nonce is None or last:
                break
            self._nonce = nonce
        return _content(response)

    def _keep(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self._refresh_token = answer["refresh_token"]
        self._renew_at = self._clock() + answer["expires_in"] * (1 - _RENEWED_EARLY)
        return answer

    async def _renew_if_due(self) -> None:
        if self._clock() >= self._renew_at:
            await self.renew()

    async def submit(self, **request: Any) -> dict[str, Any]:
        """Ask for pictures, `prompt` and what else the API takes; the generation."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return await self.call("POST", "/v1/api/generations", json=request, headers=headers)

    async def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """One call of the API.

        :raises PhoneRefused: it answered with a problem
        """
        await self._renew_if_due()
        return _content(await self._client.request(method, path, **options))

    async def follow(self, generation_id: str) -> AsyncIterator[Event]:
        """The events of a generation to its end; a stream that breaks is resumed where it was."""
        last_id = ""
        for _ in range(_RECONNECTS):
            await self._renew_if_due()
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
            final: Event | None = None
            try:
                async with self._client.stream(
                    "GET", f"/v1/api/generations/{generation_id}/events", headers=headers
                ) as response:
                    if not response.is_success:
                        await response.aread()
                        raise PhoneRefused(response)
                    async for event in EventSource(response):
                        last_id = event.id or last_id
                        if not event.data:
                            continue  # a retry interval, or a heartbeat
                        found = Event(event.event, json.loads(event.data))
                        if found.name in _FINAL:
                            final = found  # yielded when the response has ended, so that its connection is kept
                        else:
                            yield found
            except (httpx2.TransportError, SSEError):
                pass
            if final is not None:
                yield final
                return
            await asyncio.sleep(_RECONNECT_SECONDS)
        raise TimeoutError(f"the events of {generation_id} broke off {_RECONNECTS} times")

    async def download(self, url: str) -> bytes:
        """The bytes behind a signed URL."""
        response = await self._plain.get(url)
        if not response.is_success:
            raise PhoneRefused(response)
        return response.content


def _content(response: httpx2.Response) -> dict[str, Any]:
    """:raises PhoneRefused: it is a problem"""
    if not response.is_success:
        raise PhoneRefused(response)
    answer: dict[str, Any] = response.json() if response.content else {}
    return answer
