"""JWTs as text: read strictly, before anybody has checked a signature."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

MAX_TOKEN_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Jwt:
    """:ivar signed: the bytes that the signature is over"""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def read_jwt(text: str) -> Jwt:
    """A JWT whose signature nobody has checked yet.

    :raises ValueError: it is too long, not canonical base64url, or its JSON repeats a name
    """
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise ValueError("too long")
    segments = text.split(".")
    if len(segments) != 3:  # noqa: PLR2004 - RFC 7515, 3.1
        raise ValueError("not three segments")
    header, claims, signature = map(decode, segments)
    signed = text[: -len(segments[2]) - 1].encode()
    return Jwt(_json_object(header), _json_object(claims), signed, signature)


def decode(segment: str) -> bytes:
    """:raises ValueError: it is not canonical base64url without padding"""
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if encode(data) != segment:
        raise ValueError("not canonical base64url")
    return data


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(public_jwk: dict[str, str]) -> str:
    """RFC 7638. `public_jwk` has only the members that make the key."""
    return encode(hashlib.sha256(json.dumps(public_jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("a name is repeated")
    return members


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _json_object(data: bytes) -> dict[str, Any]:
    value = _STRICT.decode(data.decode())
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
