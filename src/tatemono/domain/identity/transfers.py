"""Transfer codes (引き継ぎコード): what a person carries from the old phone to the new one.

A code is 16 characters, each of 32: five that say which code it is, ten that are its secret, and one that shows a slip
of the finger before it costs an attempt.

Guessing is hopeless. An attacker who knows the first five of a good code has `ATTEMPTS` tries at the other 50 bits: 4.4
in 10^15. One who knows nothing has to hit a good code in all 75 bits: against a million codes that are good at the same
time and a billion tries, 2.6 in 10^8. The tests of this module compute both.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from tatemono.domain.errors import Conflict, Invalid, NotFound

#: Crockford's: digits and letters without I, L, O, which look like digits, and without U.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOCATOR_CHARACTERS: Final = 5
SECRET_CHARACTERS: Final = 10
CODE_CHARACTERS: Final = LOCATOR_CHARACTERS + SECRET_CHARACTERS + 1
#: Wrong guesses that a code bears.
ATTEMPTS: Final = 5
#: From these come the characters of a new code, five bits each.
RANDOM_BYTES: Final = 10
_GROUP: Final = 4
_BITS: Final = 5
#: x^5 + x^2 + 1: primitive, so that 31 places in a row all weigh differently.
_FIELD: Final = 0b100101
_READ_AS: Final = str.maketrans("ILO", "110")
#: What people and keyboards put between groups.
_BETWEEN: Final = frozenset(" \t-_.‐‑‒–—―−ー・")


class NotATransferCode(Invalid):
    code = "not_a_transfer_code"
    texts: ClassVar[dict[str, str]] = {
        "en": "This is no transfer code: it has 16 letters and digits. Look for a slip of the finger.",
        "ja": "引き継ぎコードの形式ではありません。16 文字の英数字です。入力間違いがないかご確認ください。",
    }


class TransferCodeRejected(NotFound):
    """The same whether there never was such a code, it is used up, or it is too old."""

    code = "transfer_code_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "This transfer code is wrong, used or too old. Make a new one on the old phone.",
        "ja": "引き継ぎコードが正しくないか、使用済みか、期限切れです。元の端末で新しいコードを発行してください。",
    }


class AlreadyHere(Conflict):
    code = "already_here"
    texts: ClassVar[dict[str, str]] = {
        "en": "This phone is in that account already. The code is still good for another one.",
        "ja": "この端末はすでにそのアカウントで使用中です。コードは別の端末で引き続き使えます。",
    }


@dataclass(frozen=True, slots=True)
class TransferCode:
    """A well-formed code. Its text is shown once and kept nowhere."""

    text: str

    @classmethod
    def made_of(cls, random: bytes) -> "TransferCode":
        """:param random: `RANDOM_BYTES` bytes"""
        number = int.from_bytes(random)
        places = LOCATOR_CHARACTERS + SECRET_CHARACTERS
        values = [number >> _BITS * place & (1 << _BITS) - 1 for place in range(places)]
        return cls("".join(ALPHABET[value] for value in (*values, _check(values))))

    @classmethod
    def read(cls, typed: str) -> "TransferCode":
        """What a person typed, also full-width, in lower case, with look-alikes and any grouping.

        :raises NotATransferCode:
        """
        plain = unicodedata.normalize("NFKC", typed).upper().translate(_READ_AS)
        text = "".join(character for character in plain if character not in _BETWEEN)
        values = [ALPHABET.find(character) for character in text]
        if len(text) != CODE_CHARACTERS or -1 in values or _check(values[:-1]) != values[-1]:
            raise NotATransferCode
        return cls(text)

    @property
    def grouped(self) -> str:
        """As people read it: XXXX-XXXX-XXXX-XXXX."""
        return "-".join(self.text[start : start + _GROUP] for start in range(0, CODE_CHARACTERS, _GROUP))

    @property
    def locator(self) -> str:
        """Which code it is; no secret."""
        return self.text[:LOCATOR_CHARACTERS]

    def digest(self, key: bytes) -> bytes:
        """What is kept of it. 50 secret bits can be tried out in an afternoon, so the hash needs a key."""
        return hmac.digest(key, b"transfer-code\0" + self.text.encode(), hashlib.sha256)


def _check(values: Iterable[int]) -> int:
    """The character that makes up for one wrong character, or for two that changed places: it is another one then.

    The sum of the characters as elements of GF(32), each place with another power of x.
    """
    total = 0
    for value in values:
        total <<= 1
        total ^= (_FIELD if total > (1 << _BITS) - 1 else 0) ^ value
    total <<= 1
    return total ^ (_FIELD if total > (1 << _BITS) - 1 else 0)


@dataclass(frozen=True, slots=True)
class IssuedTransferCode:
    code: TransferCode
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TakenTransferCode:
    """A code that was good, and is used up now.

    :ivar sign_out_device_id: the old phone, if it is to be signed out
    """

    user_id: UUID
    sign_out_device_id: UUID | None
