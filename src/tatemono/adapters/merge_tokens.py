"""Tokens that carry a leave to merge from the sign-in that gave it to the person's yes. Nothing of them is stored."""

import hashlib
import hmac
from typing import Final
from uuid import UUID

import jwt
from jwt.types import Options

from tatemono.adapters.jwt_text import read_jwt
from tatemono.domain.identity.devices import Principal
from tatemono.domain.identity.merges import MERGE_TOKEN_LIFETIME, MergeGrant, MergeTokenRejected

#: Never taken for another kind of JWT, nor the other way.
_TYPE: Final = "merge+jwt"
_OUR_CLOCK: Final[Options] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


class MergeTokens:
    """JWTs (HS256) for ourselves.

    :param key: a secret of the plan; one of its own is derived from it
    """

    def __init__(self, key: bytes, *, issuer: str) -> None:
        self._key = hmac.digest(key, b"merge-token", hashlib.sha256)
        self._issuer = issuer

    def issue(self, grant: MergeGrant, *, now: float) -> str:
        claims = {
            "iss": self._issuer,
            "sub": str(grant.from_user_id),
            "into": str(grant.into_user_id),
            "device_id": str(grant.device_id),
            "exp": int(now + MERGE_TOKEN_LIFETIME.total_seconds()),
        }
        if grant.sign_out_device_id:
            claims["sign_out_device_id"] = str(grant.sign_out_device_id)
        return jwt.encode(claims, self._key, "HS256", {"typ": _TYPE})

    def verify(self, token: str, *, caller: Principal, now: float) -> MergeGrant:
        """:raises MergeTokenRejected: it is not one of ours, too old, or not this caller's"""
        try:
            if read_jwt(token).header != {"alg": "HS256", "typ": _TYPE}:
                raise MergeTokenRejected
            claims = jwt.decode(token, self._key, ["HS256"], issuer=self._issuer, options=_OUR_CLOCK)
            sign_out = claims.get("sign_out_device_id")
            grant = MergeGrant(
                UUID(claims["sub"]),
                UUID(claims["into"]),
                UUID(claims["device_id"]),
                UUID(sign_out) if sign_out else None,
            )
            expires_at = claims["exp"]
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise MergeTokenRejected from error
        if now >= expires_at or (grant.from_user_id, grant.device_id) != (caller.user_id, caller.device_id):
            raise MergeTokenRejected
        return grant
