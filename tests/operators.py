"""A user pool of operators without Cognito: keys of its own, published over HTTP; and who comes with its tokens."""

import asyncio
import base64
import hashlib
import hmac
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jwt.algorithms import RSAAlgorithm

from tatemono.entrypoints.http.serving import HttpEdge

ISSUER = "https://cognito-idp.ap-northeast-1.amazonaws.com/ap-northeast-1_operators"
CLIENT_ID = "6k3q9operators"
EMAIL = "hanako@example.jp"
ADDRESS = "203.0.113.7"
ADDRESSES = "203.0.113.0/24, 2001:db8::/32"
BASE_URL = "https://pictures.example.jp/v1/api/admin"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def first_key() -> rsa.RSAPrivateKey:
    return new_key()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value: dict[str, Any]) -> str:
    return base64url(json.dumps(value).encode())


@dataclass
class PublishingPool:
    """:ivar keys: what it publishes
    :ivar asked: how often it was asked for them
    :ivar answers: whether it gives them out
    """

    keys: dict[str, rsa.RSAPrivateKey]
    url: str = ""
    asked: int = 0
    answers: bool = True

    def token(self, *roles: str, kid: str = "first", header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An access token; a change to None takes the claim out."""
        now = int(time.time())
        claims = {
            "sub": "b7a4da48-5011-70c9-6bd8-2d5a3a9e7a1f",
            "iss": ISSUER,
            "token_use": "access",
            "client_id": CLIENT_ID,
            "username": EMAIL,
            "scope": "openid",
            "iat": now,
            "exp": now + 900,
            "cognito:groups": list(roles),
        }
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        # By hand, since PyJWT refuses to write some of what has to be refused here.
        signed = f"{encoded({'alg': 'RS256', 'kid': kid, **(header or {})})}.{encoded(claims)}"
        signature = self.keys[kid].sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"

    def jwks(self) -> bytes:
        keys = []
        for kid, key in self.keys.items():
            public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append(public | {"kid": kid, "alg": "RS256", "use": "sig"})
        return json.dumps({"keys": keys}).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        status, body = (b"200 OK", self.jwks()) if self.answers else (b"503 Away", b"")
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        writer.write(head % (status, len(body)) + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def publishing_pool() -> AsyncIterator[PublishingPool]:
    pool = PublishingPool({"first": first_key()})
    server = await asyncio.start_server(pool.answer, "127.0.0.1", 0)
    async with server:
        pool.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
        yield pool


@dataclass(frozen=True)
class Desk:
    """Where operators sit: clients that say who they are."""

    edge: HttpEdge
    pool: PublishingPool

    def client(self, token: str | None, *, address: str = ADDRESS, origin: str = "first") -> httpx2.AsyncClient:
        headers = {"x-origin-verify": origin, "x-forwarded-for": address}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx2.ASGITransport(self.edge, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers)

    def operator(self, *roles: str) -> httpx2.AsyncClient:
        return self.client(self.pool.token(*roles))


def code_now(secret: str, *, late_by_seconds: int = 0) -> str:
    """What an authenticator app shows (RFC 6238)."""
    step = struct.pack(">Q", int(time.time() - late_by_seconds) // 30)
    mac = hmac.digest(base64.b32decode(secret), step, hashlib.sha1)
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
