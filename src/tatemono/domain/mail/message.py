"""A mail to a person: what it says, in which language, and which fact of life it tells of, once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_CAUSE_CHARACTERS = 200
#: RFC 5321, 4.5.3.1.3: a path has at most 256 octets, two of which are its angle brackets.
MAX_ADDRESS_CHARACTERS = 254
MAX_TEXT_CHARACTERS = 10_000
LANGUAGES = ("ja", "en")

# What can be sent to, not what RFC 5322 allows: no comments, no quotes, nothing that could end a header.
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@[^\s@<>\"(),:;\\\[\]]+\.[^\s@<>\"(),:;\\\[\]]+")


class WrongMail(ValueError):
    """A mail that could not be written or sent: the message names the part of it. It is for our logs, not for users."""


class MailKind(StrEnum):
    ACCOUNT_DELETION_SCHEDULED = "account_deletion_scheduled"
    ACCOUNT_DELETED = "account_deleted"
    EXPORT_READY = "export_ready"
    DEVICE_ALERT = "device_alert"
    STRIKE = "strike"
    ANNOUNCEMENT = "announcement"

    @property
    def optional(self) -> bool:
        """Whether people may unsubscribe from it. All others tell of something that their account did or suffered."""
        return self in _OPTIONAL

    @property
    def priority(self) -> int:
        """Which goes first when there are more than SES takes: the smaller number."""
        return 10 if self.optional else 0


_OPTIONAL = frozenset({MailKind.ANNOUNCEMENT})


class FactKind(StrEnum):
    """What may stand for a fact in JSON.

    :cvar MOMENT: ISO 8601 with its offset from UTC
    :cvar NUMBER: a whole number, 0 or more
    :cvar URL: `https://…`
    """

    TEXT = "text"
    MOMENT = "moment"
    NUMBER = "number"
    URL = "url"


#: What each kind of mail has to be told.
FACTS: Mapping[MailKind, Mapping[str, FactKind]] = {
    MailKind.ACCOUNT_DELETION_SCHEDULED: {
        "deletes_at": FactKind.MOMENT,
        "pictures": FactKind.NUMBER,
        "credits": FactKind.NUMBER,
    },
    MailKind.ACCOUNT_DELETED: {
        "deleted_at": FactKind.MOMENT,
        "pictures": FactKind.NUMBER,
        "receipt": FactKind.TEXT,
    },
    MailKind.EXPORT_READY: {
        "url": FactKind.URL,
        "expires_at": FactKind.MOMENT,
        "pictures": FactKind.NUMBER,
        "size_bytes": FactKind.NUMBER,
    },
    MailKind.DEVICE_ALERT: {"event": FactKind.TEXT, "device": FactKind.TEXT, "at": FactKind.MOMENT},
    MailKind.STRIKE: {"reason": FactKind.TEXT, "at": FactKind.MOMENT, "counts_until": FactKind.MOMENT},
    MailKind.ANNOUNCEMENT: {"title": FactKind.TEXT, "body": FactKind.TEXT},
}
#: What it may be told besides.
OPTIONAL_FACTS: Mapping[MailKind, Mapping[str, FactKind]] = {
    MailKind.STRIKE: {"suspended_until": FactKind.MOMENT},
    MailKind.ANNOUNCEMENT: {"url": FactKind.URL, "action": FactKind.TEXT},
}
#: `event` of a device alert.
DEVICE_EVENTS = ("copied_identifier", "new_device")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a person is to be told by mail.

    :ivar cause: what it tells of, e.g. `account-deleted:<user id>`: there is one mail for each, ever
    :ivar to: the address, without a name
    :ivar language: `ja` or `en`
    :ivar facts: what the text says; exactly the names of `FACTS`, and any of `OPTIONAL_FACTS`
    """

    cause: str
    kind: MailKind
    to: str
    language: str
    facts: Mapping[str, Any]

    def __post_init__(self) -> None:
        """:raises WrongMail: a part is missing, unknown or of the wrong kind"""
        if not 1 <= len(self.cause) <= MAX_CAUSE_CHARACTERS:
            raise WrongMail(f"cause: has {len(self.cause)} characters, 1 to {MAX_CAUSE_CHARACTERS} are possible")
        if len(self.to) > MAX_ADDRESS_CHARACTERS or not _ADDRESS.fullmatch(self.to):
            raise WrongMail("to: is no address that mail could go to")
        if self.language not in LANGUAGES:
            raise WrongMail(f"language: {self.language!r} is none of {', '.join(LANGUAGES)}")
        required, known = FACTS[self.kind], {**FACTS[self.kind], **OPTIONAL_FACTS.get(self.kind, {})}
        if missing := required.keys() - self.facts.keys():
            raise WrongMail(f"facts: {self.kind} lacks {', '.join(sorted(missing))}")
        if unknown := self.facts.keys() - known.keys():
            raise WrongMail(f"facts: {self.kind} has no {', '.join(sorted(unknown))}")
        for name, value in self.facts.items():
            _check_fact(name, value, known[name])
        if self.kind is MailKind.DEVICE_ALERT and self.facts["event"] not in DEVICE_EVENTS:
            raise WrongMail(f"facts: event is none of {', '.join(DEVICE_EVENTS)}")


def _check_fact(name: str, value: object, kind: FactKind) -> None:
    if kind is FactKind.NUMBER:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    else:
        good = isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARACTERS
    if good and kind is FactKind.URL:
        good = str(value).startswith("https://") and not re.search(r"\s", str(value))
    if good and kind is FactKind.MOMENT:
        good = _is_moment(str(value))
    if not good:
        # The value itself may be a secret.
        raise WrongMail(f"facts: {name} is no {kind}")


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
