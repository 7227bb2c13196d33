"""ES256 (RFC 7518, 3.4), straight on `cryptography`: what PyJWT puts around it takes as long again as a signature."""

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

COORDINATE_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 2 * COORDINATE_BYTES
_CURVE: Final = ec.SECP256R1()
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
#: What begins a point that is written out whole (SEC 1, 2.3.3).
_UNCOMPRESSED: Final = b"\x04"


def public_key(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key of two coordinates of 32 bytes.

    :raises ValueError: no such point is on the curve
    """
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _UNCOMPRESSED + x + y)


def sign(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    """:returns: 64 bytes"""
    r, s = utils.decode_dss_signature(key.sign(content, _ECDSA))
    return r.to_bytes(COORDINATE_BYTES) + s.to_bytes(COORDINATE_BYTES)


def verifies(key: ec.EllipticCurvePublicKey, content: bytes, signature: bytes) -> bool:
    """Whether the key signed just this."""
    if len(signature) != _SIGNATURE_BYTES:
        return False
    r, s = signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]
    try:
        key.verify(utils.encode_dss_signature(int.from_bytes(r), int.from_bytes(s)), content, _ECDSA)
    except InvalidSignature:
        return False
    return True
