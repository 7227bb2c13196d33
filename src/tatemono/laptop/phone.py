"""A phone without a screen: what the app does over HTTPS, for the demo, the journeys and the benchmarks."""

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from httpx_sse import EventSource, SSEError
from jwt.algorithms import ECAlgorithm

_TIMEOUT = httpx.Timeout(10, read=45)
_RECONNECT_SECONDS = 0.5
_RECONNECTS = 20
_FINAL = {"done", "failed", "cancelled"}


class PhoneRefused(Exception):  # noqa: N818 - it says what happened
    """The API answered with a problem; the message is the one a person would see.

    :ivar problem: RFC 9457
    """

    def __init__(self, response: httpx.Response) -> None:
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
    """One device and its user. Open it as a context manager; `sign_in` comes first."""

    def __init__(
        self,
        base_url: str,
        authority: Path,
        *,
        identifier: str | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> None:
        """
        :param base_url: of the front door, e.g. `https://localhost:8443`
        :param authority: the CA (PEM) that its certificate comes from
        :param identifier: the platform's name of the device; a new one unless given
        """
        self.identifier = identifier or f"demo-{secrets.token_hex(16)}"
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self._base_url = base_url
        trusting = ssl.create_default_context(cafile=str(authority))
        # Two, since a signed URL is all that a picture needs: the access token goes to the API only.
        self._client = httpx.AsyncClient(base_url=base_url, verify=trusting, timeout=_TIMEOUT)
        self.language = "en"
        self._plain = httpx.AsyncClient(verify=trusting, timeout=_TIMEOUT)

    @property
    def language(self) -> str:
        """What the person reads, `en` or `ja`."""
        return self._client.headers["Accept-Language"]

    @language.setter
    def language(self, language: str) -> None:
        self._client.headers["Accept-Language"] = language

    @classmethod
    def kept(cls, file: Path, base_url: str, authority: Path) -> Self:
        """The phone of `file`, made there the first time: so that each demo is the same user, as on a real phone."""
        if not file.exists():
            fresh = cls(base_url, authority)
            jwk = json.loads(ECAlgorithm.to_jwk(fresh.key))
            file.touch(mode=0o600)
            file.write_text(json.dumps({"identifier": fresh.identifier, "key": jwk}))
        kept = json.loads(file.read_text())
        key = ECAlgorithm.from_jwk(kept["key"])
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(base_url, authority, identifier=kept["identifier"], key=key)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._plain.aclose()

    def proof(self, method: str, path: str) -> str:
        """A DPoP proof (RFC 9449) for one request."""
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"{self._base_url}{path}",
            "iat": int(time.time()),
        }
        jwk = json.loads(ECAlgorithm.to_jwk(self.key.public_key()))
        return jwt.encode(claims, self.key, "ES256", headers={"typ": "dpop+jwt", "jwk": jwk})

    async def sign_in(self) -> dict[str, Any]:
        """Be in: the answer names the user, and says whether it is new."""
        path = "/v1/api/auth/device"
        body = {"platform": "ios", "device_identifier": self.identifier}
        answer = await self.call("POST", path, json=body, headers={"DPoP": self.proof("POST", path)})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return answer

    async def submit(self, **request: Any) -> dict[str, Any]:
        """Ask for pictures, `prompt` and what else the API takes; the generation."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return await self.call("POST", "/v1/api/generations", json=request, headers=headers)

    async def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """One call of the API.

        :raises PhoneRefused: it answered with a problem
        """
        response = await self._client.request(method, path, **options)
        if not response.is_success:
            raise PhoneRefused(response)
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    async def follow(self, generation_id: str) -> AsyncIterator[Event]:
        """The events of a generation to its end; a stream that breaks is resumed where it was."""
        last_id = ""
        for _ in range(_RECONNECTS):
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
            final: Event | None = None
            try:
                async with self._client.stream(
                    "GET", f"/v1/api/generations/{generation_id}/events", headers=headers
                ) as response:
                    if not response.is_success:
                        await response.aread()
                        raise PhoneRefused(response)
                    async for event in EventSource(response).aiter_sse():
                        last_id = event.id or last_id
                        if not event.data:
                            continue  # how soon to come back, and signs of life
                        found = Event(event.event, event.json())
                        if found.name in _FINAL:
                            final = found  # told when the response has ended, so that its connection is kept
                        else:
                            yield found
            except (httpx.TransportError, SSEError):
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
