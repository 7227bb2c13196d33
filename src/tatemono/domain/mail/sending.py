"""Sending a mail: the right to do it, how the call to SES ends, and what comes next."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tatemono.domain.mail.message import Mail, MailKind, WrongMail

#: SES is called so often for one mail at most; with the delays below that is about a day.
MAX_ATTEMPTS = 30
#: SES tells of a mail that it took within seconds. After so long without a word it did not take it.
SILENCE = timedelta(minutes=10)
#: Sent again when SES says nothing of it for that long. Of an announcement, none is better than two.
SENT_AGAIN_AFTER_SILENCE = frozenset(kind for kind in MailKind if not kind.optional)


class SendFailure(StrEnum):
    """Why a call to SES sent nothing, or may have sent nothing.

    :cvar THROTTLED: more in a second than SES allows
    :cvar QUOTA_REACHED: more in 24 hours than SES allows
    :cvar UNAVAILABLE: SES does not answer, or says that it cannot now; it has not taken the mail
    :cvar UNKNOWN: the answer was lost: the mail may be on its way
    :cvar NOT_VERIFIED: the sender is not, or the account is in SES's sandbox and the recipient is not
    :cvar SENDING_PAUSED: the account, or the configuration set, may not send
    :cvar MISCONFIGURED: the configuration set is missing, or our rights are
    :cvar CANNOT_BE_WRITTEN: the template of this kind is missing or wrong
    :cvar ADDRESS_REJECTED: SES does not take the recipient's address
    :cvar SUPPRESSED: SES's own list, or ours, says that the address gets nothing
    :cvar UNSUBSCRIBED: its owner wants no mail of this kind
    :cvar REFUSED: SES does not take this mail, and never will
    """

    THROTTLED = "throttled"
    QUOTA_REACHED = "quota_reached"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    NOT_VERIFIED = "not_verified"
    SENDING_PAUSED = "sending_paused"
    MISCONFIGURED = "misconfigured"
    CANNOT_BE_WRITTEN = "cannot_be_written"
    ADDRESS_REJECTED = "address_rejected"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    REFUSED = "refused"


class SendingFailed(Exception):
    """:ivar detail: what SES said, for the operator; it may name the recipient"""

    def __init__(self, failure: SendFailure, detail: str = "") -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail


class MailState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class MailClaim:
    """The right to send a mail until the lease ends.

    :ivar fence: the number of this claim; a write with an older one changes nothing
    :ivar attempt: how often SES was or will be called for it, 1 the first time
    :ivar kind: as it was written; a newer release may know more kinds than this one
    :ivar withheld: why it is not to be sent at all
    """

    id: UUID
    fence: int
    attempt: int
    cause: str
    kind: str
    to: str
    language: str
    facts: Mapping[str, Any]
    withheld: SendFailure | None

    @property
    def mail(self) -> Mail:
        """:raises SendingFailed: this release cannot write such a mail"""
        try:
            return Mail(self.cause, MailKind(self.kind), self.to, self.language, self.facts)
        except (WrongMail, ValueError) as error:
            raise SendingFailed(SendFailure.CANNOT_BE_WRITTEN, str(error)) from error


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Not before so many seconds have passed."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class WaitForWord:
    """It is unknown whether it was sent: what SES tells of it decides, or its silence."""


@dataclass(frozen=True, slots=True)
class End:
    """It is not sent, and will not be."""

    state: MailState


_WITHHELD = frozenset({SendFailure.SUPPRESSED, SendFailure.UNSUBSCRIBED})
_FINAL = frozenset({SendFailure.ADDRESS_REJECTED, SendFailure.REFUSED})
#: A person has to do something, or a day has to pass.
_PATIENT = frozenset(
    {
        SendFailure.QUOTA_REACHED,
        SendFailure.NOT_VERIFIED,
        SendFailure.SENDING_PAUSED,
        SendFailure.MISCONFIGURED,
        SendFailure.CANNOT_BE_WRITTEN,
    }
)
_PATIENT_DELAY_SECONDS = 2700.0
_FIRST_DELAY_SECONDS = 2.0
_LONGEST_DELAY_SECONDS = 3600.0
_MOST_DOUBLINGS = 12


def plan_sending(failure: SendFailure, attempts: int, *, jitter: float) -> SendAgain | WaitForWord | End:
    """What to do after call number `attempts` (the first is 1) failed.

    :param jitter: a random number from 0 to 1, so that many workers do not come back at once
    """
    if failure in _WITHHELD:
        return End(MailState.SUPPRESSED)
    if failure is SendFailure.UNKNOWN:
        return WaitForWord()
    if failure in _FINAL or attempts >= MAX_ATTEMPTS:
        return End(MailState.FAILED)
    if failure in _PATIENT:
        return SendAgain(_PATIENT_DELAY_SECONDS * (0.5 + jitter))
    backoff = _FIRST_DELAY_SECONDS * 2 ** min(attempts - 1, _MOST_DOUBLINGS)
    return SendAgain(min(backoff, _LONGEST_DELAY_SECONDS) * (0.5 + jitter))


def shared_pause(failure: SendFailure) -> timedelta:
    """How long no worker shall send anything, because of how one call ended."""
    return _PAUSES.get(failure, timedelta())


_PAUSES = {
    SendFailure.THROTTLED: timedelta(seconds=2),
    SendFailure.QUOTA_REACHED: timedelta(minutes=5),
    SendFailure.SENDING_PAUSED: timedelta(minutes=1),
    SendFailure.UNAVAILABLE: timedelta(seconds=1),
}


class EventKind(StrEnum):
    """What SES tells of a mail that it took."""

    SENT = "sent"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class MailEvent:
    """:ivar digest: the same for the same event, however often it comes
    :ivar mail_id: none if the mail is not one of ours, e.g. one of Cognito's
    :ivar suppresses: the address shall get no mail any more
    :ivar detail: what the other side said, without an address
    """

    digest: bytes
    mail_id: UUID | None
    ses_message_id: str
    kind: EventKind
    happened_at: datetime
    addresses: tuple[str, ...]
    suppresses: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SendQuota:
    """What SES lets the account send.

    :ivar max_per_day: infinite if SES sets no limit
    """

    max_per_second: float
    max_per_day: float
    sent_last_day: float
    may_send: bool


def address_digest(address: str) -> bytes:
    """By which an address is known without being kept. Capital letters and compositions make no difference."""
    return hashlib.sha256(unicodedata.normalize("NFC", address).lower().encode()).digest()
