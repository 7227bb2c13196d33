"""People with an address and a password: what they may choose, and what they are told."""

import unicodedata
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote
from uuid import UUID

from tatemono.domain.errors import Conflict, Exhausted, Forbidden, Invalid, NotFound, Unavailable

#: NIST SP 800-63B asks for a length, and no rules about kinds of characters. Cognito takes no more than 256.
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 256
#: RFC 5321, 4.5.3.1, with the brackets of a path taken off.
MAX_EMAIL_CHARACTERS = 254
_MAX_LOCAL_CHARACTERS = 64


class WrongEmail(Invalid):
    code = "wrong_email"
    texts: ClassVar[dict[str, str]] = {
        "en": "This is not an e-mail address.",
        "ja": "メールアドレスの形式が正しくありません。",
    }


class PasswordRefused(Invalid):
    code = "password_refused"
    texts: ClassVar[dict[str, str]] = {
        "en": f"Choose a password of {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters, "
        "not beginning or ending with a space.",
        "ja": f"パスワードは {MIN_PASSWORD_CHARACTERS}〜{MAX_PASSWORD_CHARACTERS} 文字にしてください。"
        "先頭と末尾に空白は使えません。",
    }


class PasswordGuessable(Invalid):
    code = "password_guessable"
    texts: ClassVar[dict[str, str]] = {
        "en": "This password is easy to guess. Choose another one, for example three words that have nothing to do "
        "with each other.",
        "ja": "このパスワードは推測されやすいため使えません。"
        "たとえば、互いに関係のない単語を三つ並べるなど、別のパスワードにしてください。",
    }


class SignInRefused(Forbidden):
    """One answer for a wrong password, an unknown address, an unconfirmed one, and a member who is locked out."""

    code = "sign_in_refused"
    texts: ClassVar[dict[str, str]] = {
        "en": "The address and the password do not go together, or the address is not confirmed yet. "
        "If you forgot the password, set a new one.",
        "ja": "メールアドレスとパスワードの組み合わせが正しくないか、メールアドレスの確認が済んでいません。"
        "パスワードを忘れた場合は再設定してください。",
    }


class TotpRequired(Forbidden):
    """The password is right; the member's authenticator app must say the rest."""

    code = "totp_required"
    texts: ClassVar[dict[str, str]] = {
        "en": "Send the six digits of your authenticator app as totp_code, too.",
        "ja": "認証アプリに表示されている 6 桁の数字を totp_code に入れて送ってください。",
    }


class CodeRefused(Forbidden):
    code = "code_refused"
    texts: ClassVar[dict[str, str]] = {
        "en": "The code is wrong or too old. Ask for a new one. If you have registered this address before, sign in "
        "with it: the pictures of this phone can come along.",
        "ja": "確認コードが正しくないか、期限切れです。もう一度コードを送信してください。"
        "すでに登録済みのアドレスであれば、そのままサインインすると、この端末の画像も引き継げます。",
    }


class AlreadyMember(Conflict):
    code = "already_member"
    texts: ClassVar[dict[str, str]] = {
        "en": "You are a member already. Change your address instead.",
        "ja": "すでに会員登録済みです。メールアドレスの変更をご利用ください。",
    }


class NotAMember(Conflict):
    code = "not_a_member"
    texts: ClassVar[dict[str, str]] = {
        "en": "Only members have an address and a password. Register first.",
        "ja": "会員のみご利用いただけます。先に会員登録してください。",
    }


class PoolBusy(Exhausted):
    """Cognito takes no more attempts from this member for now. Told only to members who are signed in."""

    code = "too_many_attempts"
    texts: ClassVar[dict[str, str]] = {
        "en": "There were too many attempts. Wait a while, then try again.",
        "ja": "試行回数が多すぎます。しばらく待ってからもう一度お試しください。",
    }


class AccountErased(NotFound):
    """Its erasure has begun, or is over; Cognito has not heard of it yet."""

    code = "account_erased"
    texts: ClassVar[dict[str, str]] = {
        "en": "This account was deleted.",
        "ja": "このアカウントは削除されました。",
    }


class MembersUnavailable(Unavailable):
    code = "members_away"
    texts: ClassVar[dict[str, str]] = {
        "en": "Signing in with an address is not possible right now. Try again in a moment.",
        "ja": "現在、メールアドレスでのサインインをご利用いただけません。しばらくしてからもう一度お試しください。",
    }


@dataclass(frozen=True, slots=True)
class Password:
    """A password on its way to Cognito. It does not show itself in logs and errors."""

    text: str = field(repr=False)

    @classmethod
    def chosen(cls, text: str) -> "Password":
        """One that a person wants to have from now on.

        :raises PasswordRefused: it cannot be one
        """
        fits = MIN_PASSWORD_CHARACTERS <= len(text) <= MAX_PASSWORD_CHARACTERS
        # Cognito refuses white space at the ends.
        if not fits or text != text.strip() or "\x00" in text:
            raise PasswordRefused
        return cls(text)


@dataclass(frozen=True, slots=True)
class PoolMember:
    """What the user pool knows of a member.

    :ivar user_id: the guest that registered, none if the member was made in another way
    """

    sub: UUID
    email: str
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Authenticator:
    """What an authenticator app has to know.

    :ivar secret: base32
    """

    email: str
    secret: str = field(repr=False)

    @property
    def uri(self) -> str:
        """For a QR code: https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
        return f"otpauth://totp/{quote(f'Tatemono:{self.email}')}?secret={self.secret}&issuer=Tatemono"


def normalised_email(text: str) -> str:
    """The address as it is kept and compared: NFC, lower case.

    :raises WrongEmail: mail cannot be sent there. Whether it is read, only a mail will tell
    """
    address = unicodedata.normalize("NFC", text.strip()).lower()
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    good = (
        at
        and 1 <= len(local) <= _MAX_LOCAL_CHARACTERS
        and len(address) <= MAX_EMAIL_CHARACTERS
        and "@" not in local
        and len(labels) > 1
        and all(label and label[0] != "-" and label[-1] != "-" for label in labels)
        and all(character.isprintable() and not character.isspace() for character in address)
        and not any(character in '()<>[]:;\\,"' for character in address)
    )
    if not good:
        raise WrongEmail
    return address
