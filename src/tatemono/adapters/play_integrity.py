"""Play Integrity: Google says that a device is genuine, and runs our app as it came from Google Play.

Of the two kinds of request this is the classic one, whose answer can be read without asking Google.
https://developer.android.com/google/play/integrity/classic
"""

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tatemono.domain.identity.attestation import AttestationFault, DeviceNotAttested

#: An answer may be so old, and so much ahead of our clock.
_WINDOW_SECONDS = 300
_SEGMENTS = 5
_TAG_BYTES = 16
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class PlayIntegrity:
    """:param package_name: of our app
    :param decryption_key: AES, base64, from the Play Console
    :param verification_key: P-256, base64 of DER, from the Play Console
    """

    def __init__(self, package_name: str, *, decryption_key: str, verification_key: str) -> None:
        self._package_name = package_name
        self._decryption_key = base64.b64decode(decryption_key)
        key = load_der_public_key(base64.b64decode(verification_key))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("The verification key of Play Integrity must be a P-256 key")
        self._verification_key = key

    def verify(self, attestation: str, *, client_data: bytes, now: float) -> None:
        """:param attestation: the token, as the app was given it
        :param client_data: its SHA-256, in base64url without padding, was the nonce
        :raises DeviceNotAttested: says why
        """
        try:
            signed = self._decrypted(attestation)
            verdict = json.loads(jwt.PyJWS().decode(signed, self._verification_key, ["ES256"]))
            self._check(verdict, _unpadded(hashlib.sha256(client_data).digest()), now)
        except (InvalidTag, InvalidUnwrap, jwt.InvalidSignatureError) as error:
            raise DeviceNotAttested(AttestationFault.NOT_FROM_MAKER) from error
        except (jwt.PyJWTError, *_UNREADABLE) as error:
            raise DeviceNotAttested(AttestationFault.MALFORMED) from error

    def _decrypted(self, token: str) -> str:
        """RFC 7516: A256KW, A256GCM."""
        segments = token.split(".")
        if len(segments) != _SEGMENTS:
            raise ValueError("not five segments")
        header = json.loads(_decoded(segments[0]))
        if (header["alg"], header["enc"]) != ("A256KW", "A256GCM") or "zip" in header or "crit" in header:
            raise ValueError("encrypted otherwise")
        wrapped_key, iv, ciphertext, tag = map(_decoded, segments[1:])
        if len(tag) != _TAG_BYTES:
            raise ValueError("the tag is cut")
        content_key = aes_key_unwrap(self._decryption_key, wrapped_key)
        return AESGCM(content_key).decrypt(iv, ciphertext + tag, segments[0].encode()).decode()

    def _check(self, verdict: dict[str, Any], nonce: str, now: float) -> None:
        request, app, device = (verdict[part] for part in ("requestDetails", "appIntegrity", "deviceIntegrity"))
        age = now - int(request["timestampMillis"]) / 1000
        # Whether Google pads what it repeats is not told.
        if request["nonce"].rstrip("=") != nonce or abs(age) > _WINDOW_SECONDS:
            raise DeviceNotAttested(AttestationFault.OTHER_REQUEST)
        names = {request["requestPackageName"], app.get("packageName", self._package_name)}
        if names != {self._package_name}:
            raise DeviceNotAttested(AttestationFault.OTHER_APP)
        genuine = "MEETS_DEVICE_INTEGRITY" in device.get("deviceRecognitionVerdict", ())
        if app["appRecognitionVerdict"] != "PLAY_RECOGNIZED" or not genuine:
            raise DeviceNotAttested(AttestationFault.NOT_TRUSTED)


def _decoded(segment: str) -> bytes:
    return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
