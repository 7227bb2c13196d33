"""Proofs of possession that phones sign, one for each request that matters (DPoP, RFC 9449)."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from tatemono.adapters import es256
from tatemono.adapters.jwt_text import Segments, decode, encode, json_object, segments, thumbprint
from tatemono.domain.identity.devices import Proof, ProofFault, ProofNeedsNonce, ProofRejected

#: A proof may be so old, and so much ahead of our clock.
PROOF_WINDOW_SECONDS: Final = 60
#: A nonce is good in the step of time that it was given out in, and in the next.
NONCE_STEP_SECONDS: Final = 60
_PROOF_ID_CHARACTERS: Final = range(16, 129)
#: Keys of phones that were here lately, about 2 kB each.
_REMEMBERED_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Holder:
    """The holder of a private key: its public half, and its thumbprint (RFC 7638)."""

    key: ec.EllipticCurvePublicKey
    thumbprint: str


class ProofChecker:
    """Checks proofs. It remembers none: whether one was used before is asked of the database.

    It does remember keys: a phone writes the very same header each time, so its text stands for the key that was read
    from it. Only what a proof was signed with is kept, so a caller who did no work fills no memory.

    A nonce is a MAC of the current step of time. It is stored nowhere: every process that has the key knows it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"dpop-nonce", hashlib.sha256)
        self._holders: dict[str, _Holder] = {}

    def nonce(self, now: float) -> str:
        """For phones whose clock is off (RFC 9449, section 8)."""
        return self._nonce(int(now // NONCE_STEP_SECONDS))

    def verify(self, proof: str, *, method: str, url: str, now: float) -> Proof:
        """Check a proof (RFC 9449, 4.3) without an access token.

        A proof with a nonce is good while the nonce is, at any time that it names; one without, while its time is now.

        :param url: of the request as the phone asked; query and fragment do not count
        :raises ProofRejected: says why
        :raises ProofNeedsNonce: it is good but for its time or its nonce
        """
        try:
            read = segments(proof)
            claims = json_object(read.claims)
            holder = self._holder(read)
            identifier = _check_claims(claims, method, url)
            self._check_time(claims, now)
        # ValueError is also what text says that is no Unicode: JSON can write half of a character.
        except (ValueError, TypeError, RecursionError) as error:
            raise ProofRejected(ProofFault.MALFORMED) from error
        return Proof(holder.thumbprint, hashlib.sha256(holder.thumbprint.encode() + identifier).digest())

    def _holder(self, proof: Segments) -> _Holder:
        """The holder of the key that signed the proof."""
        known = self._holders.get(proof.header)
        holder = known or _read_holder(json_object(proof.header))
        if not es256.verifies(holder.key, proof.signed, decode(proof.signature)):
            raise ProofRejected(ProofFault.SIGNATURE)
        if known is None:
            if len(self._holders) >= _REMEMBERED_KEYS:
                del self._holders[next(iter(self._holders))]
            self._holders[proof.header] = holder
        return holder

    def _check_time(self, claims: dict[str, Any], now: float) -> None:
        if "nonce" in claims:
            given, step = claims["nonce"], int(now // NONCE_STEP_SECONDS)
            good = isinstance(given, str) and any(
                hmac.compare_digest(given.encode(), self._nonce(known).encode()) for known in (step, step - 1)
            )
        else:
            issued_at = claims.get("iat")
            good = (
                isinstance(issued_at, int | float)
                and now - PROOF_WINDOW_SECONDS <= issued_at <= now + PROOF_WINDOW_SECONDS
            )
        if not good:
            raise ProofNeedsNonce(self.nonce(now))

    def _nonce(self, step: int) -> str:
        return encode(hmac.digest(self._key, step.to_bytes(8), hashlib.sha256)[:16])


def _read_holder(header: dict[str, Any]) -> _Holder:
    """The key that a header brings along."""
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or "crit" in header:
        raise ProofRejected(ProofFault.HEADER)
    jwk = _public_jwk(header.get("jwk"))
    return _Holder(es256.public_key(decode(jwk["x"]), decode(jwk["y"])), thumbprint(jwk))


def _check_claims(claims: dict[str, Any], method: str, url: str) -> bytes:
    """:returns: the `jti`"""
    identifier = claims.get("jti")
    if not isinstance(identifier, str) or len(identifier) not in _PROOF_ID_CHARACTERS:
        raise ProofRejected(ProofFault.IDENTIFIER)
    if claims.get("htm") != method:
        raise ProofRejected(ProofFault.METHOD)
    target = claims.get("htu")
    if not isinstance(target, str) or (target != url and _normalised(target) != _normalised(url)):
        raise ProofRejected(ProofFault.URL)
    return identifier.encode()


def _public_jwk(jwk: Any) -> dict[str, str]:
    """The members that make the key (RFC 7638, 3.2).

    :raises ProofRejected: it is no public P-256 key, or its private half is shown
    """
    if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ProofRejected(ProofFault.KEY)
    members = {name: jwk.get(name) for name in ("crv", "kty", "x", "y")}
    for coordinate in (members["x"], members["y"]):
        if not isinstance(coordinate, str) or len(decode(coordinate)) != es256.COORDINATE_BYTES:
            raise ProofRejected(ProofFault.KEY)
    return members  # type: ignore[return-value]


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
