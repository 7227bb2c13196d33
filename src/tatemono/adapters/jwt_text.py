"""JWTs as text: read strictly, before a signature is checked; and written."""

import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from tatemono.adapters import es256

MAX_TOKEN_CHARACTERS: Final = 4096
# Twice as quick as `base64`. What only the other alphabet has, and padding, become a character that neither has.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Segments:
    """The three parts of a JWT, of which only the number and the length are known to be right."""

    header: str
    claims: str
    signature: str

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return f"{self.header}.{self.claims}".encode()


def segments(text: str) -> Segments:
    """:raises ValueError: it is too long, or there are not three"""
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise ValueError("too long")
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515, 3.1
        raise ValueError("not three segments")
    return Segments(*parts)


@dataclass(frozen=True, slots=True)
class Jwt:
    """:ivar signed: the bytes that the signature is over"""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def read_jwt(text: str) -> Jwt:
    """A JWT whose signature is not checked yet.

    :raises ValueError: it is too long, not canonical base64url, or its JSON repeats a name
    :raises TypeError: its JSON is no object
    """
    parts = segments(text)
    return Jwt(json_object(parts.header), json_object(parts.claims), parts.signed, decode(parts.signature))


def write_jwt(header: str, claims: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    """A JWT signed with ES256.

    :param header: its segment, as `encode_json` makes it
    """
    signed = f"{header}.{encode_json(claims)}"
    return f"{signed}.{encode(es256.sign(key, signed.encode()))}"


def encode_json(value: dict[str, Any]) -> str:
    """A segment."""
    return encode(orjson.dumps(value))


def decode(segment: str) -> bytes:
    """:raises ValueError: it is not canonical base64url without padding"""
    text = segment.encode().translate(_FROM_URL) + b"=" * (-len(segment) % 4)
    data = binascii.a2b_base64(text)
    if binascii.b2a_base64(data, newline=False) != text:
        raise ValueError("not canonical base64url")
    return data


def encode(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode()


def thumbprint(public_jwk: dict[str, str]) -> str:
    """RFC 7638. `public_jwk` has only the members that make the key."""
    return encode(hashlib.sha256(json.dumps(public_jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("a name is repeated")
    return members


#: orjson would be quicker, and takes a name twice.
_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique)


def json_object(segment: str) -> dict[str, Any]:
    """The object of a segment.

    :raises ValueError: it is not canonical base64url, or no JSON, or repeats a name
    :raises TypeError: it is no object
    """
    value = _STRICT.decode(decode(segment).decode())
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
