"""App Attest: Apple says that a key lives in the Secure Enclave of a genuine device, and is our app's.

https://developer.apple.com/documentation/devicecheck/validating-apps-that-connect-to-your-server
"""

import base64
import binascii
import hashlib
import struct
from datetime import UTC, datetime
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tatemono.domain.identity.attestation import AttestationFault, DeviceNotAttested

# "Apple App Attestation Root CA", https://www.apple.com/certificateauthority/Apple_App_Attestation_Root_CA.pem
APPLE_ROOT = """-----BEGIN CERTIFICATE-----
MIICITCCAaegAwIBAgIQC/O+DvHN0uD7jG5yH2IXmDAKBggqhkjOPQQDAzBSMSYw
JAYDVQQDDB1BcHBsZSBBcHAgQXR0ZXN0YXRpb24gUm9vdCBDQTETMBEGA1UECgwK
QXBwbGUgSW5jLjETMBEGA1UECAwKQ2FsaWZvcm5pYTAeFw0yMDAzMTgxODMyNTNa
Fw00NTAzMTUwMDAwMDBaMFIxJjAkBgNVBAMMHUFwcGxlIEFwcCBBdHRlc3RhdGlv
biBSb290IENBMRMwEQYDVQQKDApBcHBsZSBJbmMuMRMwEQYDVQQIDApDYWxpZm9y
bmlhMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAERTHhmLW07ATaFQIEVwTtT4dyctdh
NbJhFs/Ii2FdCgAHGbpphY3+d8qjuDngIN3WVhQUBHAoMeQ/cLiP1sOUtgjqK9au
Yen1mMEvRq9Sk3Jm5X8U62H+xTD3FE9TgS41o0IwQDAPBgNVHRMBAf8EBTADAQH/
MB0GA1UdDgQWBBSskRBTM72+aEH/pwyp5frq5eWKoTAOBgNVHQ8BAf8EBAMCAQYw
CgYIKoZIzj0EAwMDaAAwZQIwQgFGnByvsiVbpTKwSga0kP0e8EeDS4+sQmTvb7vn
53O5+FRXgeLhpJ06ysC5PrOyAjEAp5U4xDgEgllF7En3VcE3iexZZtKeYnpqtijV
oyFraWVIyd/dganmrduC1bmTBGwD
-----END CERTIFICATE-----
"""
NONCE_EXTENSION = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
#: DER of SEQUENCE { [1] EXPLICIT OCTET STRING of 32 bytes }, up to these bytes.
NONCE_PREFIX = bytes.fromhex("3024a1220420")
#: How Apple names its two environments in `aaguid`.
PRODUCTION, DEVELOPMENT = b"appattest".ljust(16, b"\0"), b"appattestdevelop"
_FIXED = struct.Struct(">32sBI16sH")
_UNREADABLE = (binascii.Error, cbor2.CBORError, ValueError, TypeError, KeyError, struct.error, RecursionError)


class AppAttest:
    """:param app_id: team id and bundle id, `0123456789.jp.example.app`
    :param development: whether builds from Xcode count too
    :param root: PEM of whom attestations must come from
    """

    def __init__(self, app_id: str, *, development: bool = False, root: str = APPLE_ROOT) -> None:
        self._app_id_hash = hashlib.sha256(app_id.encode()).digest()
        self._environments = (PRODUCTION, DEVELOPMENT) if development else (PRODUCTION,)
        self._root = x509.load_pem_x509_certificate(root.encode())

    def verify(self, attestation: str, *, client_data: bytes, now: float) -> None:
        """:param attestation: what `attestKey` gave, in base64
        :param client_data: its SHA-256 was given to `attestKey`
        :raises DeviceNotAttested: says why
        """
        try:
            self._verify(attestation, client_data, datetime.fromtimestamp(now, UTC))
        except _UNREADABLE as error:
            raise DeviceNotAttested(AttestationFault.MALFORMED) from error

    def _verify(self, attestation: str, client_data: bytes, now: datetime) -> None:
        content = cbor2.loads(base64.b64decode(attestation, validate=True))
        if content["fmt"] != "apple-appattest":
            raise DeviceNotAttested(AttestationFault.MALFORMED)
        leaf, issuer = [x509.load_der_x509_certificate(der) for der in content["attStmt"]["x5c"]]
        self._check_chain(leaf, issuer, now)
        authenticator_data: bytes = content["authData"]
        client_hash = hashlib.sha256(client_data).digest()
        if _nonce(leaf) != hashlib.sha256(authenticator_data + client_hash).digest():
            raise DeviceNotAttested(AttestationFault.OTHER_REQUEST)
        app_id_hash, _flags, counter, environment, length = _FIXED.unpack_from(authenticator_data)
        credential_id = authenticator_data[_FIXED.size : _FIXED.size + length]
        if app_id_hash != self._app_id_hash or environment not in self._environments:
            raise DeviceNotAttested(AttestationFault.OTHER_APP)
        if counter != 0 or credential_id != _key_id(leaf):
            raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER)

    def _check_chain(self, leaf: x509.Certificate, issuer: x509.Certificate, now: datetime) -> None:
        try:
            leaf.verify_directly_issued_by(issuer)
            issuer.verify_directly_issued_by(self._root)
            authority = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound) as error:
            raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER) from error
        in_time = all(one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in (leaf, issuer, self._root))
        if not authority or not in_time:
            raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER)


def _nonce(leaf: x509.Certificate) -> bytes:
    try:
        extension: Any = leaf.extensions.get_extension_for_oid(NONCE_EXTENSION).value
    except x509.ExtensionNotFound as error:
        raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER) from error
    value: bytes = extension.value
    if not value.startswith(NONCE_PREFIX):
        raise DeviceNotAttested(AttestationFault.MALFORMED)
    return value[len(NONCE_PREFIX) :]


def _key_id(leaf: x509.Certificate) -> bytes:
    key = leaf.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise DeviceNotAttested(AttestationFault.MALFORMED)
    return hashlib.sha256(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest()
