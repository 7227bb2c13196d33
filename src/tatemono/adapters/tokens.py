"""Access tokens that we sign, and the proofs of possession that phones sign."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

import jwt
from jwt.algorithms import ECAlgorithm
from jwt.types import Options

from tatemono.domain.devices import Principal, ProofFault, ProofRejected, SignedInDevice, TokenRejected, UserKind

AUDIENCE: Final = "tatemono-mobile-api"
#: RFC 9068 names it: an access token is never taken for another kind of JWT, nor the other way.
_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - not a secret
MAX_TOKEN_CHARACTERS: Final = 4096
#: Clocks of servers differ by less.
_CLOCK_SKEW_SECONDS: Final = 60
_REMEMBERED_TOKENS: Final = 10_000

#: A proof may be so old, and so much ahead of our clock.
PROOF_WINDOW_SECONDS: Final = 60
_PROOF_ID_CHARACTERS: Final = range(16, 129)
_COORDINATE_BYTES: Final = 32


class AccessTokens:
    """JWTs (ES256) that say for whom a request speaks.

    A token that was verified is remembered by its exact text, since verifying costs 120 µs. The text is canonical by
    then: JWT libraries read several texts as the same token, and each would be remembered.

    :raises ValueError: `signing_keys` is no JWKS with private P-256 keys and a `kid` for each
    """

    def __init__(self, signing_keys: str, *, issuer: str, lifetime_seconds: int) -> None:
        jwks = json.loads(signing_keys)["keys"]
        if not jwks:
            raise ValueError("The token signing keys hold no key")
        self._kid: str = jwks[0]["kid"]
        self._signing_key = _private_key(jwks[0])
        self._verifying_keys = {jwk["kid"]: _private_key(jwk).public_key() for jwk in jwks}
        self._issuer = issuer
        self.lifetime_seconds = lifetime_seconds
        self._verified: dict[str, tuple[Principal, int]] = {}

    def issue(self, device: SignedInDevice, *, key_thumbprint: str, now: float) -> str:
        """:param key_thumbprint: RFC 7638, of the device's key, to which the token is bound (RFC 9449, 6.1)"""
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(device.user_id),
            "sid": str(device.device_id),
            "iat": int(now),
            "exp": int(now) + self.lifetime_seconds,
            "jti": secrets.token_urlsafe(16),
            "cnf": {"jkt": key_thumbprint},
            "user_kind": device.user_kind,
        }
        return jwt.encode(claims, self._signing_key, "ES256", {"kid": self._kid, "typ": _TOKEN_TYPE})

    def verify(self, token: str, *, now: float) -> Principal:
        """:raises TokenRejected: it is not one of ours, or not one for now"""
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token, now)
            if len(self._verified) >= _REMEMBERED_TOKENS:
                del self._verified[next(iter(self._verified))]
            self._verified[token] = known
        principal, expires_at = known
        if now >= expires_at:
            raise TokenRejected
        return principal

    def _verify(self, token: str, now: float) -> tuple[Principal, int]:
        try:
            header = _read_jwt(token).header
            if header.get("alg") != "ES256" or header.get("typ") != _TOKEN_TYPE or "crit" in header:
                raise TokenRejected
            claims = jwt.decode(
                token,
                self._verifying_keys[header["kid"]],
                ["ES256"],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={**_OUR_CLOCK, "require": ["exp", "iat", "sub", "sid", "iss", "aud"], "strict_aud": True},
            )
            if not all(type(claims[name]) is int for name in ("iat", "exp")):
                raise TokenRejected
            if claims["iat"] > now + _CLOCK_SKEW_SECONDS:
                raise TokenRejected
            principal = Principal(UUID(claims["sub"]), UserKind(claims["user_kind"]), UUID(str(claims["sid"])))
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TokenRejected from error
        return principal, claims["exp"]


def verify_proof(proof: str, *, method: str, url: str, now: float) -> str:
    """Check a DPoP proof (RFC 9449, 4.3) without a token; a replay within the window is not noticed.

    :param url: of the request as the phone asked; query and fragment do not count
    :returns: the RFC 7638 thumbprint of the key that the phone has shown to hold
    :raises ProofRejected: says why
    """
    try:
        read = _read_jwt(proof)
        header = read.header
        if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or "crit" in header:
            raise ProofRejected(ProofFault.HEADER)
        jwk = _public_jwk(header.get("jwk"))
        key = ECAlgorithm.from_jwk(jwk)
        claims = jwt.decode(proof, key, ["ES256"], options={**_OUR_CLOCK, "verify_aud": False})  # type: ignore[arg-type]
    except jwt.InvalidSignatureError as error:
        raise ProofRejected(ProofFault.SIGNATURE) from error
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise ProofRejected(ProofFault.MALFORMED) from error
    _check_proof(claims, method, url, now)
    return _thumbprint(jwk)


def _check_proof(claims: dict[str, Any], method: str, url: str, now: float) -> None:
    identifier, issued_at = claims.get("jti"), claims.get("iat")
    if not isinstance(identifier, str) or len(identifier) not in _PROOF_ID_CHARACTERS:
        raise ProofRejected(ProofFault.IDENTIFIER)
    if claims.get("htm") != method:
        raise ProofRejected(ProofFault.METHOD)
    target = claims.get("htu")
    if not isinstance(target, str) or _normalised(target) != _normalised(url):
        raise ProofRejected(ProofFault.URL)
    if not isinstance(issued_at, int | float) or not abs(now - issued_at) <= PROOF_WINDOW_SECONDS:
        raise ProofRejected(ProofFault.TIME)


_OUR_CLOCK: Final[Options] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


@dataclass(frozen=True, slots=True)
class _Jwt:
    header: dict[str, Any]
    claims: dict[str, Any]


def _read_jwt(text: str) -> _Jwt:
    """A JWT whose signature nobody has checked yet.

    :raises ValueError: it is too long, not canonical base64url, or its JSON repeats a name
    """
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise ValueError("too long")
    segments = text.split(".")
    if len(segments) != 3:  # noqa: PLR2004 - RFC 7515, 3.1
        raise ValueError("not three segments")
    header, claims, _ = map(_decode, segments)
    return _Jwt(_json_object(header), _json_object(claims))


def _decode(segment: str) -> bytes:
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if _encode(data) != segment:
        raise ValueError("not canonical base64url")
    return data


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _json_object(data: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(members := dict(pairs)) != len(pairs):
            raise ValueError("a name is repeated")
        return members

    value = json.loads(data, object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _private_key(jwk: dict[str, Any]) -> Any:
    key = ECAlgorithm.from_jwk(jwk)
    if jwk.get("crv") != "P-256" or not hasattr(key, "private_numbers") or not jwk.get("kid"):
        raise ValueError("Each token signing key must be a private P-256 JWK with a kid")
    return key


def _public_jwk(jwk: Any) -> dict[str, str]:
    """The members that make the key (RFC 7638, 3.2).

    :raises ProofRejected: it is no public P-256 key, or its private half is shown
    """
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ProofRejected(ProofFault.KEY)
    members = {name: jwk.get(name) for name in ("crv", "kty", "x", "y")}
    for coordinate in (members["x"], members["y"]):
        if not isinstance(coordinate, str) or len(_decode(coordinate)) != _COORDINATE_BYTES:
            raise ProofRejected(ProofFault.KEY)
    return members  # type: ignore[return-value]


def _thumbprint(jwk: dict[str, str]) -> str:
    return _encode(hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest())


_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def _normalised(url: str) -> tuple[str, str, int | None, str]:
    """What of a URL counts (RFC 9449, 4.3, which points to RFC 3986, 6.2).

    :raises ProofRejected: it is no URL
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ProofRejected(ProofFault.URL) from error
    path = quote(unquote(parts.path), safe="/~!$&'()*+,;=:@") or "/"
    return parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS.get(parts.scheme), path
