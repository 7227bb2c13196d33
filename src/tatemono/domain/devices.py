"""One installation of the app: who it says it is, and how it proves it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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


class ProofRejected(Unauthenticated):
    code = "proof_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The DPoP proof is not good: {reason}.",
        "ja": "DPoP 証明が無効です: {reason}。",
    }


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
