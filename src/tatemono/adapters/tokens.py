"""The tokens that we sign: access tokens, which we also take, and ID tokens, which are for the app to read."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt
from jwt.algorithms import ECAlgorithm
from jwt.types import Options

from tatemono.adapters.jwt_text import read_jwt
from tatemono.domain.devices import Principal, SignedInDevice, TokenRejected, UserKind

AUDIENCE: Final = "tatemono-mobile-api"
#: Whom an ID token is for: the app itself. It opens nothing.
APP_AUDIENCE: Final = "tatemono-app"
#: RFC 9068 names it: an access token is never taken for another kind of JWT, nor the other way.
_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - not a secret
#: Clocks of servers differ by less.
_CLOCK_SKEW_SECONDS: Final = 60
_REMEMBERED_TOKENS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _SigningKey:
    """:ivar signs_from: seconds since 1970; until then it only verifies, so that all processes know it by then"""

    kid: str
    private: Any
    signs_from: float
    public_jwk: dict[str, str]


class AccessTokens:
    """JWTs (ES256) that say for whom a request speaks.

    A token that was verified is remembered by its exact text, since verifying costs 120 µs. The text is canonical by
    then: JWT libraries read several texts as the same token, and each would be remembered.

    :raises ValueError: `signing_keys` is no JWKS with private P-256 keys and a `kid` for each
    """

    def __init__(self, signing_keys: str, *, issuer: str, lifetime_seconds: int) -> None:
        self._issuer = issuer
        self.lifetime_seconds = lifetime_seconds
        self._verified: dict[str, tuple[Principal, int]] = {}
        self.take_keys(signing_keys)

    def take_keys(self, signing_keys: str) -> None:
        """Use these keys from now on, if they are others.

        The first whose `signs_from` has come signs; all verify.

        :raises ValueError: as above; nothing has changed then
        """
        keys = [_signing_key(jwk) for jwk in json.loads(signing_keys)["keys"]]
        if not keys:
            raise ValueError("The token signing keys hold no key")
        self._keys = keys
        self._verifying_keys = {key.kid: key.private.public_key() for key in keys}
        # What a key signed that is gone is not good any more.
        self._verified.clear()

    def public_keys(self) -> dict[str, Any]:
        """The JWK set (RFC 7517) that others verify our tokens with."""
        return {"keys": [key.public_jwk for key in self._keys]}

    def issue(self, device: SignedInDevice, *, key_thumbprint: str, now: float) -> str:
        """:param key_thumbprint: RFC 7638, of the device's key, to which the token is bound (RFC 9449, 6.1)"""
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(device.user_id),
            "sid": str(device.session_id),
            "device_id": str(device.device_id),
            "iat": int(now),
            "exp": int(now) + self.lifetime_seconds,
            "jti": secrets.token_urlsafe(16),
            "cnf": {"jkt": key_thumbprint},
            "user_kind": device.user_kind,
        }
        return self._sign(claims, _TOKEN_TYPE, now)

    def issue_id_token(self, device: SignedInDevice, *, now: float) -> str:
        """Who the user is, for the app to show. It is no access token, and none of our services takes it."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": APP_AUDIENCE,
            "sub": str(device.user_id),
            "iat": int(now),
            "exp": int(now) + self.lifetime_seconds,
            "user_kind": device.user_kind,
        }
        if device.email is not None:
            claims["email"] = device.email
        return self._sign(claims, "JWT", now)

    def _sign(self, claims: dict[str, Any], kind: str, now: float) -> str:
        # When none has begun yet, the clocks differ: the oldest does it.
        key = next((key for key in self._keys if key.signs_from <= now), self._keys[-1])
        return jwt.encode(claims, key.private, "ES256", {"kid": key.kid, "typ": kind})

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
            header = read_jwt(token).header
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
            principal = Principal(
                user_id=UUID(claims["sub"]),
                user_kind=UserKind(claims["user_kind"]),
                device_id=UUID(str(claims["device_id"])),
                session_id=UUID(str(claims["sid"])),
            )
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise TokenRejected from error
        return principal, claims["exp"]


_OUR_CLOCK: Final[Options] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


def _signing_key(jwk: dict[str, Any]) -> _SigningKey:
    key = ECAlgorithm.from_jwk(jwk)
    if jwk.get("crv") != "P-256" or not hasattr(key, "private_numbers") or not jwk.get("kid"):
        raise ValueError("Each token signing key must be a private P-256 JWK with a kid")
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "kid")} | {"alg": "ES256", "use": "sig"}
    return _SigningKey(jwk["kid"], key, float(jwk.get("signs_from", 0)), public)
