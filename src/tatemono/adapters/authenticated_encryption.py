"""What is written down so that only this service can read it: AES-256-GCM (NIST SP 800-38D)."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class AuthenticatedEncryption:
    """The first of the secrets seals, all of them open: two while the secret is being rotated."""

    def __init__(self, secrets_by_age: str) -> None:
        """:param secrets_by_age: separated by commas, the newest first
        :raises ValueError: there is none
        """
        self._keys = [_key(secret.strip()) for secret in secrets_by_age.split(",") if secret.strip()]
        if not self._keys:
            raise ValueError("there is no secret to seal with")

    def seal(self, content: bytes, purpose: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, content, purpose)

    def open(self, sealed: bytes, purpose: bytes) -> bytes | None:
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys:
            try:
                return key.decrypt(nonce, content, purpose)
            except (InvalidTag, ValueError):
                continue
        return None


def _key(secret: str) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"tatemono sealing").derive(secret.encode())
    return AESGCM(derived)
