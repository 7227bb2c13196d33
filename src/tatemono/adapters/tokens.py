"""The tokens that we sign: access tokens, which we also take, and ID tokens, which are for the app to read."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from tatemono.adapters import es256
from tatemono.adapters.jwt_text import encode_json, read_jwt, write_jwt
from tatemono.domain.identity.devices import Principal, SignedInDevice, TokenRejected, UserKind

AUDIENCE: Final = "tatemono-mobile-api"
#: Whom an ID token is for: the app itself. It opens nothing.
APP_AUDIENCE: Final = "tatemono-app"
#: RFC 9068 names it: an access token is never taken for another kind of JWT, nor the other way.
_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - not a secret
_ID_TOKEN_TYPE: Final = "JWT"  # noqa: S105 - as above
#: Clocks of servers differ by less.
_CLOCK_SKEW_SECONDS: Final = 60
_REMEMBERED_TOKENS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _SigningKey:
    """:ivar signs_from: seconds since 1970; until then it only verifies, so that all processes know it by then
    :ivar headers: the header of each kind of token, encoded once
    """

    kid: str
    private: ec.EllipticCurvePrivateKey
    signs_from: float
    public_jwk: dict[str, str]
    headers: dict[str, str]


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
        return self._sign(claims, _ID_TOKEN_TYPE, now)

    def _sign(self, claims: dict[str, Any], kind: str, now: float) -> str:
        # When none has begun yet, the clocks differ: the oldest does it.
        key = next((key for key in self._keys if key.signs_from <= now), self._keys[-1])
        return write_jwt(key.headers[kind], claims, key.private)

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
            read = read_jwt(token)
            header, claims = read.header, read.claims
            if header.get("alg") != "ES256" or header.get("typ") != _TOKEN_TYPE or "crit" in header:
                raise TokenRejected
            if not es256.verifies(self._verifying_keys[header["kid"]], read.signed, read.signature):
                raise TokenRejected
            self._check_claims(claims, now)
            principal = Principal(
                user_id=UUID(claims["sub"]),
                user_kind=UserKind(claims["user_kind"]),
                device_id=UUID(claims["device_id"]),
                session_id=UUID(claims["sid"]),
            )
        # AttributeError is what UUID() says of a number.
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise TokenRejected from error
        return principal, claims["exp"]

    def _check_claims(self, claims: dict[str, Any], now: float) -> None:
        """Whose token it is, for whom, and when (RFC 8725, 3.8 to 3.10); the caller looks whether it is over."""
        if claims["iss"] != self._issuer or claims["aud"] != AUDIENCE:
            raise TokenRejected
        if not all(type(claims[name]) is int for name in ("iat", "exp")):
            raise TokenRejected
        if max(claims["iat"], claims.get("nbf", 0)) > now + _CLOCK_SKEW_SECONDS:
            raise TokenRejected


def _signing_key(jwk: dict[str, Any]) -> _SigningKey:
    key = ECAlgorithm.from_jwk(jwk)
    if jwk.get("crv") != "P-256" or not isinstance(key, ec.EllipticCurvePrivateKey) or not jwk.get("kid"):
        raise ValueError("Each token signing key must be a private P-256 JWK with a kid")
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y", "kid")} | {"alg": "ES256", "use": "sig"}
    kinds = (_TOKEN_TYPE, _ID_TOKEN_TYPE)
    headers = {kind: encode_json({"alg": "ES256", "kid": jwk["kid"], "typ": kind}) for kind in kinds}
    return _SigningKey(jwk["kid"], key, float(jwk.get("signs_from", 0)), public, headers)
