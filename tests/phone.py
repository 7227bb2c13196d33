"""A phone, as tests of the mobile API need it: its key, its proofs, and the events that it follows."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
from starlette.types import ASGIApp, Message

from tatemono_tools.laptop.demo.device_key import DeviceKey

PUBLIC_URL = "https://pictures.example.jp"
ORIGIN = {"x-origin-verify": "second"}


class Clock:
    """:ivar now: seconds since 1970"""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Phone:
    """A device with its key. `client` sends its access token once it has signed in."""

    client: httpx2.AsyncClient
    clock: Clock
    identifier: str = field(default_factory=lambda: secrets.token_hex(8))
    key: DeviceKey = field(default_factory=DeviceKey)
    user_id: UUID | None = None
    refresh_token: str = ""

    def proof(self, path: str = "auth/device", **changes: Any) -> str:
        url = f"{PUBLIC_URL}/v1/api/{path}"
        return self.key.proof("POST", url, at=self.clock(), **changes)

    async def sign_in(self) -> dict[str, Any]:
        body = {"platform": "ios", "device_identifier": self.identifier}
        response = await self.client.post("/v1/api/auth/device", json=body, headers={"dpop": self.proof()})
        return self.keep(response)

    async def refresh(self, token: str | None = None, proof: str | None = None) -> httpx2.Response:
        """Ask for the next tokens, with the newest refresh token and a fresh proof unless others are given."""
        body = {"refresh_token": self.refresh_token if token is None else token}
        headers = {"dpop": proof or self.proof("auth/refresh")}
        return await self.client.post("/v1/api/auth/refresh", json=body, headers=headers)

    def keep(self, response: httpx2.Response) -> dict[str, Any]:
        """Use the tokens of an answer from now on."""
        assert response.status_code == 200, response.text
        return self.keep_tokens(response.json())

    def keep_tokens(self, signed_in: dict[str, Any]) -> dict[str, Any]:
        """As `keep`, of what the answer says."""
        self.refresh_token = signed_in["refresh_token"]
        self.client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        self.user_id = UUID(signed_in["user"]["id"])
        return signed_in

    async def ask(self, **request: Any) -> dict[str, Any]:
        """A new generation."""
        response = await self.client.post(
            "/v1/api/generations",
            json={"prompt": "a lighthouse", **request},
            headers={"idempotency-key": secrets.token_hex(8)},
        )
        assert response.status_code == 201, response.text
        generation: dict[str, Any] = response.json()
        return generation


@dataclass(frozen=True)
class Event:
    """One server-sent event. A comment is an event of kind `:`."""

    kind: str
    data: Any
    id: int | None


@dataclass
class Stream:
    """An event stream while it is open."""

    status: int
    headers: dict[str, str]
    _chunks: "asyncio.Queue[bytes | None]"
    _text: str = ""

    async def next(self) -> Event | None:
        """The next event; none when the stream has ended."""
        while "\n\n" not in self._text:
            chunk = await asyncio.wait_for(self._chunks.get(), 10)
            if chunk is None:
                return None
            self._text += chunk.decode()
        block, _, self._text = self._text.partition("\n\n")
        if block.startswith(":"):
            return Event(":", block[1:].strip(), None)
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "event" not in fields:
            return await self.next()
        number = int(fields["id"]) if "id" in fields else None
        return Event(fields["event"], json.loads(fields["data"]), number)

    async def until(self, kind: str) -> Event:
        """The next event of that kind; others are passed over."""
        while (event := await self.next()) is not None:
            if event.kind == kind:
                return event
        raise AssertionError(f"the stream ended without {kind}")

    async def rest(self) -> list[str]:
        """The kinds of all events to the end, without comments and positions."""
        kinds = []
        while (event := await self.next()) is not None:
            kinds.append(event.kind)
        return [kind for kind in kinds if kind not in (":", "position")]


@asynccontextmanager
async def open_stream(app: ASGIApp, phone: Phone, path: str, **headers: str) -> AsyncIterator[Stream]:
    """Follow events within the process. The phone goes away when the block ends."""
    path, _, query = path.partition("?")
    gone = asyncio.Event()
    begun: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            begun.set_result(message)
        else:
            chunks.put_nowait(message.get("body", b""))
            if not message.get("more_body"):
                chunks.put_nowait(None)

    all_headers = [(k.lower().encode(), v.encode()) for k, v in ({**phone.client.headers} | headers).items()]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": all_headers,
        "root_path": "",
    }
    answering = asyncio.ensure_future(app(scope, receive, send))
    start = await asyncio.wait_for(begun, 10)
    try:
        yield Stream(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, chunks)
    finally:
        gone.set()
        await asyncio.wait_for(answering, 10)
