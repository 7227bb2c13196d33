"""Access and ID tokens of the operators' user pool, checked as Cognito says they must be.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import asyncio
import hmac
from collections.abc import Callable
from typing import Any, Final

import jwt
import structlog
from jwt.algorithms import RSAAlgorithm

from tatemono.adapters.jwt_text import read_jwt
from tatemono.domain.operators.roles import Operator, OperatorKeysUnavailable, OperatorTokenRejected, Role
from tatemono.domain.operators.sessions import IdentifiedOperator

#: Servers' clocks differ by less.
_CLOCK_SKEW_SECONDS: Final = 60
_FETCH_TIMEOUT_SECONDS: Final = 3
#: Keys are fetched again when they are so old. Cognito publishes a new key long before it signs with it.
KEYS_FRESH_SECONDS: Final = 3600.0
#: The keys are not fetched more often, whichever tokens come in: a wrong `kid` costs nothing.
KEYS_PAUSE_SECONDS: Final = 30.0
#: RFC 7518, 3.3.
_LEAST_KEY_BITS: Final = 2048

log = structlog.get_logger()


class PublishedKeys:
    """The keys of a JWKS (RFC 7517) by `kid`, fetched when they are needed, and kept while their source is away."""

    def __init__(self, url: str, *, clock: Callable[[], float]) -> None:
        """:param clock: seconds, of a clock that only goes forward"""
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_FETCH_TIMEOUT_SECONDS)
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> Any:
        """The public RSA key; None if there is none of that name.

        :raises OperatorKeysUnavailable: nothing is known, since they could never be fetched
        """
        now = self._clock()
        if kid not in self._keys or now - self._fetched_at >= KEYS_FRESH_SECONDS:
            async with self._lock:
                # A caller that waited finds what the first one fetched.
                if now - self._tried_at >= KEYS_PAUSE_SECONDS:
                    await self._fetch(now)
        if not self._keys:
            raise OperatorKeysUnavailable
        return self._keys.get(kid)

    async def _fetch(self, now: float) -> None:
        self._tried_at = now
        try:
            jwks = await asyncio.to_thread(self._client.fetch_data)
            keys = {jwk["kid"]: RSAAlgorithm.from_jwk(jwk) for jwk in jwks["keys"] if jwk.get("kty") == "RSA"}
        except (jwt.PyJWTError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("operator_keys_not_fetched", error=repr(error))
            return
        self._keys = {kid: key for kid, key in keys.items() if _is_public_and_long(key)}
        self._fetched_at = now


def _is_public_and_long(key: Any) -> bool:
    return not hasattr(key, "private_numbers") and key.key_size >= _LEAST_KEY_BITS


class OperatorTokens:
    """RS256 tokens of one user pool and one app client. Every token is verified each time it comes."""

    def __init__(self, keys: PublishedKeys, *, issuer: str, client_id: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._client_id = client_id

    async def verify(self, token: str, *, now: float) -> Operator:
        """:raises OperatorTokenRejected: it is no access token of this pool and client, or not one for now
        :raises OperatorKeysUnavailable: that cannot be told
        """
        # An access token of Cognito has no `aud`, an ID token has.
        return self._operator(await self._claims(token, audience=None), now)

    async def identify(self, id_token: str, *, nonce: str, now: float) -> IdentifiedOperator:
        """Whom an ID token speaks of (OpenID Connect Core, 3.1.3.7).

        :raises OperatorTokenRejected: it is no ID token of this pool for this client, this sign-in and now
        :raises OperatorKeysUnavailable: that cannot be told
        """
        claims = await self._claims(id_token, audience=self._client_id)
        given = claims.get("nonce")
        if claims.get("token_use") != "id" or claims.get("azp", self._client_id) != self._client_id:
            raise OperatorTokenRejected
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise OperatorTokenRejected
        _check_time(claims, now)
        subject, name = claims.get("sub"), claims.get("cognito:username")
        if not isinstance(subject, str) or not isinstance(name, str) or not subject or not name:
            raise OperatorTokenRejected
        return IdentifiedOperator(subject, name)

    async def _claims(self, token: str, *, audience: str | None) -> dict[str, Any]:
        try:
            header = read_jwt(token).header
            # Cognito's tokens have no `typ`; those that we sign have `at+jwt` or `dpop+jwt`.
            if header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT" or "crit" in header:
                raise OperatorTokenRejected
            key = await self._keys.key(str(header["kid"]))
            if key is None:
                raise OperatorTokenRejected
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                ["RS256"],
                issuer=self._issuer,
                audience=audience,
                options={
                    "strict_aud": audience is not None,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "require": ["exp", "iat", "iss"],
                },
            )
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise OperatorTokenRejected from error
        return claims

    def _operator(self, claims: dict[str, Any], now: float) -> Operator:
        if claims.get("token_use") != "access" or claims.get("client_id") != self._client_id or "aud" in claims:
            raise OperatorTokenRejected
        _check_time(claims, now)
        subject, name, groups = claims.get("sub"), claims.get("username"), claims.get("cognito:groups", [])
        if not isinstance(subject, str) or not isinstance(name, str) or not subject or not name:
            raise OperatorTokenRejected
        if not isinstance(groups, list):
            raise OperatorTokenRejected
        return Operator(id=subject, email=name, roles=frozenset(role for role in Role if role in groups))


def _check_time(claims: dict[str, Any], now: float) -> None:
    issued_at, expires_at = claims["iat"], claims["exp"]
    if type(issued_at) is not int or type(expires_at) is not int:
        raise OperatorTokenRejected
    if now >= expires_at or issued_at > now + _CLOCK_SKEW_SECONDS:
        raise OperatorTokenRejected
