"""What SES tells of a mail that it took, as it comes out of SQS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. SNS may wrap it or not (raw
message delivery), and EventBridge wraps it in its own way: all three are read.
"""

import hashlib
import re
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from tatemono.domain.mail.sending import EventKind, MailEvent

_KINDS = {
    "Send": EventKind.SENT,
    "Delivery": EventKind.DELIVERED,
    "DeliveryDelay": EventKind.DELAYED,
    "Bounce": EventKind.BOUNCED,
    "Complaint": EventKind.COMPLAINED,
    "Reject": EventKind.REJECTED,
}
#: Those that the building does not ask for, and does not mind.
_OTHER_KINDS = frozenset({"Open", "Click", "Rendering Failure", "Subscription"})
#: SES sends this when it is told where its events go.
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
_ADDRESS = re.compile(r"<?[^\s<>;:\"]+@[^\s<>;:\"]+>?")


class UnreadableEvent(ValueError):
    """A message that is no event of SES. It stays in the queue and becomes a dead letter, for a person to look at."""


def read_event(body: str) -> MailEvent | None:
    """The event in an SQS message; none if it is one that says nothing to us.

    :raises UnreadableEvent: it is no event of SES
    """
    if body.strip() == _GREETING:
        return None
    try:
        event = _unwrapped(orjson.loads(body))
        if event is None:
            return None
        # Older configurations call it otherwise.
        name = event.get("eventType") or event["notificationType"]
        if name in _OTHER_KINDS:
            return None
        return _event(_KINDS[name], event)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UnreadableEvent(f"no event of SES: {type(error).__name__}: {error}") from error


def _unwrapped(message: dict[str, Any]) -> dict[str, Any] | None:
    if message.get("Type") == "Notification" and "Message" in message:
        if message["Message"] == _GREETING:
            return None
        inner: dict[str, Any] = orjson.loads(message["Message"])
        return inner
    if message.get("source") == "aws.ses" and "detail" in message:
        detail: dict[str, Any] = message["detail"]
        return detail
    return message


def _event(kind: EventKind, event: dict[str, Any]) -> MailEvent:
    mail: dict[str, Any] = event["mail"]
    part: dict[str, Any] = event.get(_PARTS[kind]) or {}
    addresses, detail = _READERS[kind](part, mail)
    happened_at = part.get("timestamp") or mail["timestamp"]
    identity = [mail["messageId"], kind, part.get("feedbackId", ""), happened_at, *sorted(addresses)]
    return MailEvent(
        digest=hashlib.sha256("\0".join(identity).encode()).digest(),
        mail_id=_mail_id(mail),
        ses_message_id=mail["messageId"],
        kind=kind,
        happened_at=datetime.fromisoformat(happened_at),
        addresses=addresses,
        suppresses=_suppresses(kind, part),
        # PostgreSQL takes no NUL.
        detail=_ADDRESS.sub("<address>", detail).replace("\0", ""),
    )


def _mail_id(mail: dict[str, Any]) -> UUID | None:
    values = mail.get("tags", {}).get("mail") or []
    try:
        return UUID(values[0]) if values else None
    except ValueError:
        return None


def _suppresses(kind: EventKind, part: dict[str, Any]) -> bool:
    """A bounce for good, or a complaint; not one that says that the mail was no spam after all."""
    if kind is EventKind.BOUNCED:
        return bool(part["bounceType"] == "Permanent")
    return kind is EventKind.COMPLAINED and part.get("complaintFeedbackType") != "not-spam"


_Read = tuple[tuple[str, ...], str]


def _of_bounce(part: dict[str, Any], _mail: dict[str, Any]) -> _Read:
    recipients = part["bouncedRecipients"]
    said = " ".join(filter(None, (recipient.get("diagnosticCode") for recipient in recipients)))
    return _bare(recipients), f"{part['bounceType']}/{part.get('bounceSubType', '')} {said}".strip()


def _of_complaint(part: dict[str, Any], _mail: dict[str, Any]) -> _Read:
    said = " ".join(filter(None, (part.get("complaintFeedbackType"), part.get("complaintSubType"))))
    return _bare(part["complainedRecipients"]), said


def _of_delivery(part: dict[str, Any], _mail: dict[str, Any]) -> _Read:
    return tuple(part["recipients"]), part.get("smtpResponse", "")


def _of_delay(part: dict[str, Any], _mail: dict[str, Any]) -> _Read:
    recipients = part["delayedRecipients"]
    said = " ".join(filter(None, (recipient.get("diagnosticCode") for recipient in recipients)))
    return _bare(recipients), f"{part.get('delayType', '')} {said}".strip()


def _of_all(part: dict[str, Any], mail: dict[str, Any]) -> _Read:
    return tuple(mail.get("destination", ())), part.get("reason", "")


def _bare(recipients: list[dict[str, Any]]) -> tuple[str, ...]:
    # SES repeats what the other side wrote, which may be `Name <address>` or in brackets.
    return tuple(recipient["emailAddress"].rpartition("<")[2].rstrip(">").strip() for recipient in recipients)


_PARTS = {
    EventKind.SENT: "send",
    EventKind.DELIVERED: "delivery",
    EventKind.DELAYED: "deliveryDelay",
    EventKind.BOUNCED: "bounce",
    EventKind.COMPLAINED: "complaint",
    EventKind.REJECTED: "reject",
}
_READERS = {
    EventKind.SENT: _of_all,
    EventKind.DELIVERED: _of_delivery,
    EventKind.DELAYED: _of_delay,
    EventKind.BOUNCED: _of_bounce,
    EventKind.COMPLAINED: _of_complaint,
    EventKind.REJECTED: _of_all,
}
