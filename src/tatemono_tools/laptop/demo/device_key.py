"""The key of a phone, which never leaves it, and the proofs that it signs."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class DeviceKey:
    """A P-256 key."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)

    @classmethod
    def read(cls, jwk: dict[str, Any]) -> Self:
        """As `private_jwk` wrote it."""
        key = ECAlgorithm.from_jwk(jwk)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key)

    @property
    def private_jwk(self) -> dict[str, Any]:
        """To be kept in a file that only its owner can read."""
        return ECAlgorithm.to_jwk(self.private, as_dict=True)

    def proof(self, method: str, url: str, *, at: float, nonce: str | None = None, **changes: Any) -> str:
        """A DPoP proof (RFC 9449) for one request.

        :param at: seconds since 1970, by the phone's clock
        :param nonce: what the server asked for (section 8)
        :param changes: other claims than a phone would write, for tests
        """
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(at)}
        if nonce is not None:
            claims["nonce"] = nonce
        public = json.loads(ECAlgorithm.to_jwk(self.private.public_key()))
        return jwt.encode(claims | changes, self.private, "ES256", headers={"typ": "dpop+jwt", "jwk": public})
