"""A device's being signed in: a family of refresh tokens, of which the newest is good."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from tatemono.domain.identity.devices import Platform, SignedInDevice

#: A refresh token lasts so long; each use gives a new one that lasts as long again.
SESSION_LIFETIME = timedelta(days=30)
#: The answer to a refresh may get lost; the very same request gets the same refresh token for so long.
REFRESH_GRACE = timedelta(seconds=30)


class RefreshRejected(Unauthenticated):
    code = "refresh_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "The refresh token is wrong, used up or too old. Sign the device in again.",
        "ja": "リフレッシュトークンが無効か、使用済みか、期限切れです。デバイスのサインインをやり直してください。",
    }


class AccountSuspended(Forbidden):
    code = "account_suspended"
    texts: ClassVar[dict[str, str]] = {
        "en": "This account is suspended {until}. Reason: {reason}",
        "ja": "このアカウントは{until}停止されています。理由: {reason}",
    }

    def __init__(self, suspension: "Suspension") -> None:
        self.suspension = suspension
        super().__init__()

    def text(self, language: str) -> str:
        until, reason = self.suspension.until, self.suspension.reason
        if language == "ja":
            end = f" {until:%Y年%m月%d日 %H:%M} (UTC) まで" if until else "無期限で"
        else:
            end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until further notice"
        none = "記載なし" if language == "ja" else "none was given"
        return self.texts.get(language, self.texts["en"]).format(until=end, reason=reason or none)


class NoSuchDevice(NotFound):
    code = "no_such_device"
    texts: ClassVar[dict[str, str]] = {
        "en": "You have no such device.",
        "ja": "該当するデバイスがありません。",
    }


class OnlyWayIn(Conflict):
    """A guest has nothing but their devices: without the last one, this user could never be reached again."""

    code = "only_way_in"
    texts: ClassVar[dict[str, str]] = {
        "en": "This is the only device of this account, and the only way into it. Register, or move to another device.",
        "ja": "このアカウントに入れるデバイスはこれだけです。"
        "会員登録するか、別のデバイスに引き継いでから行ってください。",
    }


@dataclass(frozen=True, slots=True)
class Suspension:
    """:ivar until: none: until an operator lifts it"""

    until: datetime | None
    reason: str | None

    def holds(self, now: float) -> bool:
        """:param now: seconds since 1970"""
        return self.until is None or now < self.until.timestamp()


_SESSION_BYTES, _BITS_BYTES, _TAG_BYTES = 16, 32, 16
_TOKEN_BYTES = _SESSION_BYTES + _BITS_BYTES + _TAG_BYTES
TOKEN_CHARACTERS = -(-_TOKEN_BYTES * 4 // 3)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token says: of which session it is, and 256 random bits.

    A third part, a keyed tag, shows that we gave it out, at any time. So an old token of a family is told from nonsense
    without keeping the old ones, and nonsense costs no look into the database.
    """

    session_id: UUID
    bits: bytes

    @property
    def digest(self) -> bytes:
        """What is kept of it."""
        return hashlib.sha256(self.bits).digest()

    def following(self, key: bytes, proof_digest: bytes) -> "RefreshToken":
        """The token after this one: the same whenever the same request, with the very same proof, asks for it."""
        return RefreshToken(self.session_id, _keyed(key, b"next", self.bits + proof_digest))

    def sealed(self, key: bytes) -> str:
        """What is given out: base64url."""
        content = self.session_id.bytes + self.bits
        return base64.urlsafe_b64encode(content + _keyed(key, b"seal", content)[:_TAG_BYTES]).rstrip(b"=").decode()


def unsealed(text: str, key: bytes) -> RefreshToken:
    """:raises RefreshRejected: we never gave it out"""
    try:
        token = base64.b64decode(text + "==", altchars=b"-_", validate=True)
    except ValueError as error:
        raise RefreshRejected from error
    if len(text) != TOKEN_CHARACTERS or len(token) != _TOKEN_BYTES:
        raise RefreshRejected
    content, tag = token[:-_TAG_BYTES], token[-_TAG_BYTES:]
    if not hmac.compare_digest(_keyed(key, b"seal", content)[:_TAG_BYTES], tag):
        raise RefreshRejected
    return RefreshToken(UUID(bytes=content[:_SESSION_BYTES]), content[_SESSION_BYTES:])


def _keyed(key: bytes, purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(key, purpose + b"\0" + content, hashlib.sha256)


class Verdict(Enum):
    """What a refresh that did not simply rotate comes to."""

    #: The answer was lost and the request came again.
    REPEATED = auto()
    #: An old token was used again: a thief may have it.
    REUSED = auto()
    #: The session is over, or the key is not its device's.
    REFUSED = auto()
    #: The token is good, but its proof was seen before.
    REPLAYED = auto()


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands, and the device and user that it belongs to."""

    device: SignedInDevice
    key_thumbprint: str
    refresh_hash: bytes
    previous_hash: bytes | None
    previous_proof: bytes | None
    rotated_ago: timedelta
    over: bool
    suspension: Suspension | None

    def judge(self, token: RefreshToken, *, key_thumbprint: str, proof_digest: bytes) -> Verdict:
        """Why the token did not rotate. It is one that we gave out for this session, at some time."""
        if self.over:
            return Verdict.REFUSED
        if token.digest == self.refresh_hash:
            return Verdict.REPLAYED if key_thumbprint == self.key_thumbprint else Verdict.REFUSED
        if self.previous_hash is None:
            # The device has signed in anew and not renewed since: the token is from before, which is no alarm. The
            # answer to the sign-in may have got lost.
            return Verdict.REFUSED
        repeated = (
            token.digest == self.previous_hash
            and proof_digest == self.previous_proof
            and key_thumbprint == self.key_thumbprint
        )
        return Verdict.REPEATED if repeated and self.rotated_ago <= REFRESH_GRACE else Verdict.REUSED


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """A device as its user sees it.

    :ivar signed_in: it has a session that is not over
    """

    id: UUID
    platform: Platform
    created_at: datetime
    last_seen_at: datetime
    signed_in: bool


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that happened to an account which its user should know of. `kind` is stable, part of the API."""

    id: UUID
    kind: str
    device_id: UUID | None
    created_at: datetime
