"""One installation of the app: who it says it is, and how it proves it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Unauthenticated


class Platform(StrEnum):
    IOS = "ios"
    ANDROID = "android"
    WEB = "web"


class UserKind(StrEnum):
    GUEST = "guest"
    MEMBER = "member"


class ProofFault(Enum):
    """What is wrong with a DPoP proof (RFC 9449, 4.3): English, Japanese."""

    MALFORMED = ("it is not a signed JWT", "署名付き JWT ではありません")
    HEADER = ("its typ must be dpop+jwt and its alg ES256", "typ は dpop+jwt、alg は ES256 にしてください")
    KEY = ("its jwk must be a public P-256 key, without the private part", "jwk は P-256 の公開鍵だけにしてください")
    SIGNATURE = ("its key did not sign it", "署名が jwk の鍵と一致しません")
    IDENTIFIER = ("its jti must have 16 to 128 characters", "jti は 16〜128 文字にしてください")
    METHOD = ("its htm is not the method of this request", "htm がこのリクエストのメソッドと一致しません")
    URL = ("its htu is not the address of this request", "htu がこのリクエストの URL と一致しません")
    TIME = ("its iat is not now; check the clock", "iat が現在時刻とずれています。端末の時計を確認してください")


class ProofRejected(Unauthenticated):
    code = "proof_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The DPoP proof is not good: {reason}.",
        "ja": "DPoP 証明が無効です: {reason}。",
    }

    def __init__(self, fault: ProofFault) -> None:
        self.fault = fault
        super().__init__()

    def text(self, language: str) -> str:
        english, japanese = self.fault.value
        return self.texts.get(language, self.texts["en"]).format(reason=japanese if language == "ja" else english)


class TokenRejected(Unauthenticated):
    code = "token_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The access token is missing, wrong or too old. Sign the device in again.",
        "ja": "アクセストークンがないか、無効か、期限切れです。デバイスのサインインをやり直してください。",
    }


@dataclass(frozen=True, slots=True)
class SignedInDevice:
    """A device that proved its key, and its user.

    :ivar new: this sign-in created the user
    """

    device_id: UUID
    user_id: UUID
    user_kind: UserKind
    new: bool


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a good access token speaks for."""

    user_id: UUID
    user_kind: UserKind
    device_id: UUID


@dataclass(frozen=True, slots=True)
class Me:
    """What a user may know of themselves; credits are whole numbers."""

    user_id: UUID
    kind: UserKind
    created_at: datetime
    credits_available: int
    credits_held: int
    generations_queued: int
    generations_running: int
