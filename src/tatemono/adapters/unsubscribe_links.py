"""Links that unsubscribe the person who follows them, for as long as the mail is kept: RFC 8058, section 3.1.

The token names a kind of mail and the digest of an address, never the address, and is signed. It does not end: mail is
read late.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.sending import address_digest
from tatemono.domain.mail.unsubscribing import UnsubscribeLinkRejected

#: Below the address of the front door.
PATH: Final = "/v1/api/mail/unsubscribe"
MAX_TOKEN_CHARACTERS: Final = 200
_VERSION: Final = "1"
_SIGNATURE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """What a token says."""

    digest: bytes
    kind: MailKind


class UnsubscribeLinks:
    def __init__(self, key: bytes, *, public_url: str) -> None:
        self._key = hmac.digest(key, b"unsubscribe-link", hashlib.sha256)
        self._public_url = public_url

    def link(self, address: str, kind: MailKind) -> str:
        """:raises ValueError: this kind cannot be unsubscribed from"""
        if not kind.optional:
            raise ValueError(f"{kind} cannot be unsubscribed from")
        signed = f"{_VERSION}.{kind}.{_text(address_digest(address))}"
        return f"{self._public_url}{PATH}?token={signed}.{_text(self._sign(signed))}"

    def read(self, token: str) -> Unsubscribing:
        """:raises UnsubscribeLinkRejected: it is not one of ours, or not all of it"""
        signed, _, signature = token.rpartition(".")
        try:
            if not hmac.compare_digest(_bytes(signature), self._sign(signed)):
                raise UnsubscribeLinkRejected
            version, kind, digest = signed.split(".")
            if version != _VERSION:
                raise UnsubscribeLinkRejected
            return Unsubscribing(_bytes(digest), MailKind(kind))
        except ValueError as error:
            raise UnsubscribeLinkRejected from error

    def _sign(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)[:_SIGNATURE_BYTES]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
