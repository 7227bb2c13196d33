"""First values of the plan's secrets, and what is derived from them."""

import base64
import hashlib
import json
import secrets
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

OFFLINE_API_KEY = "sk-studio-offline"
"""Stands where a person puts a provider's key on AWS; the studio takes any."""


def random_value() -> str:
    """32 random bytes, URL-safe."""
    return secrets.token_urlsafe(32)


def signing_keys() -> str:
    """A JWK set (RFC 7517) with one private P-256 key; its `kid` is the thumbprint of RFC 7638."""
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = private.public_numbers
    # RFC 7518, 6.2: coordinates keep their leading zeros, 32 bytes each.
    thumbed = {"crv": "P-256", "kty": "EC", "x": _base64url(public.x), "y": _base64url(public.y)}
    # RFC 7638, 3: the required members only, in order, without spaces.
    digest = hashlib.sha256(json.dumps(thumbed, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    key = thumbed | {"d": _base64url(private.private_value), "kid": kid, "alg": "ES256", "use": "sig"}
    return json.dumps({"keys": [key]})


def private_key_pem() -> str:
    """A private P-256 key, PKCS #8."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def public_key(private_pem: str) -> tuple[str, str]:
    """The id and the PEM of the public half.

    The id looks like CloudFront's (`K` and 13 characters) and follows from the key, so another key has another id.
    """
    key = serialization.load_pem_private_key(private_pem.encode(), password=None).public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, info)).digest()
    pem = key.public_bytes(serialization.Encoding.PEM, info).decode()
    return "K" + base64.b32encode(digest).decode()[:13], pem


def database_url(role: str, address: str, database: str, known: str | None) -> str:
    """The connection string of a service's role at `address` (host:port); the password of a `known` one is kept."""
    password = (known and urlsplit(known).password) or quote(random_value(), safe="")
    return f"postgresql://{database_role(role)}:{password}@{address}/{database}"


def database_role(role: str) -> str:
    """The plan's role as PostgreSQL calls it: a name that needs no quotes."""
    return role.replace("-", "_")


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
