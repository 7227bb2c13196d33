"""One installation of the app: who it says it is, and how it proves it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Unauthenticated
from tatemono.domain.safety.moderation import Strike


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
    REPLAYED = ("it was used before; make a new one for each request", "使用済みです。リクエストごとに作成してください")


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


class ProofNeedsNonce(Unauthenticated):
    """The proof is good but for its time: it has to name `nonce` instead of relying on the phone's clock.

    RFC 9449, section 8.
    """

    code = "use_dpop_nonce"
    texts: ClassVar[dict[str, str]] = {
        "en": "The clock of this device is off, or the proof is old. Sign a new proof with the nonce of the header "
        "DPoP-Nonce.",
        "ja": "端末の時計がずれているか、証明が古くなっています。"
        "DPoP-Nonce ヘッダーの nonce を含めて署名し直してください。",
    }

    def __init__(self, nonce: str) -> None:
        self.nonce = nonce
        super().__init__()


class TokenRejected(Unauthenticated):
    code = "token_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The access token is missing, wrong or too old. Sign the device in again.",
        "ja": "アクセストークンがないか、無効か、期限切れです。デバイスのサインインをやり直してください。",
    }


#: What is kept in place of a device's identifier. While a key of these HMACs is being changed there are several: the
#: first is written, all are looked for.
IdentifierHashes = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """A DPoP proof that was verified.

    :ivar thumbprint: RFC 7638, of the key that its sender holds
    :ivar digest: SHA-256 of thumbprint and `jti`: a proof with the same digest is the same proof
    """

    thumbprint: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class SignedInDevice:
    """A device that proved its key, its user, and its session.

    :ivar new: this sign-in created the user
    :ivar email: of a member
    """

    device_id: UUID
    user_id: UUID
    user_kind: UserKind
    new: bool
    session_id: UUID
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The user and device that a good access token speaks for."""

    user_id: UUID
    user_kind: UserKind
    device_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Me:
    """What a user may know of themselves; credits are whole numbers, and strikes those that still count."""

    user_id: UUID
    kind: UserKind
    created_at: datetime
    credits_available: int
    credits_held: int
    generations_queued: int
    generations_running: int
    strikes: tuple[Strike, ...] = ()
