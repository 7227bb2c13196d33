"""What SES tells, in the format of its documentation."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tatemono.adapters.ses.events import UnreadableEvent, read_event
from tatemono.domain.mail.sending import EventKind, MailEvent

MAIL_ID = UUID("0198c1de-7f00-7000-8000-000000000001")
MESSAGE_ID = "0106019ac1de7f00-5a8f3e1c-0000-4000-8000-3c2b1a09f8e7-000000"
SOMEONE = "someone@example.com"


def event(kind: str, part: str = "", **facts: Any) -> dict[str, Any]:
    mail = {
        "timestamp": "2026-11-25T01:30:00.123Z",
        "source": "Tatemono <no-reply@tatemono.example>",
        "sourceArn": "arn:aws:ses:ap-northeast-1:123456789012:identity/tatemono.example",
        "sendingAccountId": "123456789012",
        "messageId": MESSAGE_ID,
        "destination": [SOMEONE],
        "headersTruncated": False,
        "headers": [{"name": "To", "value": SOMEONE}],
        "commonHeaders": {"from": ["no-reply@tatemono.example"], "to": [SOMEONE], "subject": "Hello"},
        "tags": {
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": ["mail"],
            "ses:source-ip": ["192.0.2.1"],
            "ses:from-domain": ["tatemono.example"],
            "ses:caller-identity": ["mail-worker"],
            "mail": [str(MAIL_ID)],
            "kind": ["account_deleted"],
        },
    }
    return {"eventType": kind, "mail": mail, part or kind.lower(): facts}


BOUNCE: dict[str, Any] = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {
            "emailAddress": SOMEONE,
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": f"smtp; 550 5.1.1 <{SOMEONE}>: user unknown",
        }
    ],
    "timestamp": "2026-11-25T01:30:02.000Z",
    "feedbackId": "0106019ac1de-feedback-000000",
    "reportingMTA": "dsn; mta.example.com",
}
COMPLAINT: dict[str, Any] = {
    "arrivalDate": "2026-11-25T01:40:00.000Z",
    "complainedRecipients": [{"emailAddress": SOMEONE}],
    "timestamp": "2026-11-25T01:41:00.000Z",
    "feedbackId": "0106019ac1df-feedback-000000",
    "userAgent": "Mail/1",
    "complaintFeedbackType": "abuse",
    "complaintSubType": None,
}
DELIVERY: dict[str, Any] = {
    "timestamp": "2026-11-25T01:30:01.500Z",
    "processingTimeMillis": 1377,
    "recipients": [SOMEONE],
    "smtpResponse": "250 2.6.0 Message received",
    "reportingMTA": "a8-70.smtp-out.amazonses.com",
    "remoteMtaIp": "192.0.2.9",
}
DELAY: dict[str, Any] = {
    "timestamp": "2026-11-25T01:35:00.000Z",
    "delayType": "MailboxFull",
    "expirationTime": "2026-11-25T15:30:00.000Z",
    "delayedRecipients": [{"emailAddress": SOMEONE, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 full"}],
}


def read(value: dict[str, Any]) -> MailEvent:
    found = read_event(json.dumps(value))
    assert found is not None
    return found


class TestReadEvent:
    @pytest.mark.parametrize(
        ("told", "kind", "suppresses", "detail"),
        [
            (event("Send"), EventKind.SENT, False, ""),
            (event("Delivery", **DELIVERY), EventKind.DELIVERED, False, "250 2.6.0 Message received"),
            (
                event("DeliveryDelay", "deliveryDelay", **DELAY),
                EventKind.DELAYED,
                False,
                "MailboxFull smtp; 452 4.2.2 full",
            ),
            (
                event("Bounce", **BOUNCE),
                EventKind.BOUNCED,
                True,
                "Permanent/General smtp; 550 5.1.1 <address>: user unknown",
            ),
            (
                event("Bounce", **BOUNCE | {"bounceType": "Transient", "bounceSubType": "MailboxFull"}),
                EventKind.BOUNCED,
                False,
                "Transient/MailboxFull smtp; 550 5.1.1 <address>: user unknown",
            ),
            (
                event(
                    "Bounce",
                    **BOUNCE
                    | {
                        "bounceSubType": "OnAccountSuppressionList",
                        "bouncedRecipients": [{"emailAddress": SOMEONE}],
                    },
                ),
                EventKind.BOUNCED,
                True,
                "Permanent/OnAccountSuppressionList",
            ),
            (event("Complaint", **COMPLAINT), EventKind.COMPLAINED, True, "abuse"),
            (
                event("Complaint", **COMPLAINT | {"complaintFeedbackType": "not-spam"}),
                EventKind.COMPLAINED,
                False,
                "not-spam",
            ),
            (event("Reject", reason="Bad content"), EventKind.REJECTED, False, "Bad content"),
        ],
    )
    def test_understands_every_kind(self, told: dict[str, Any], kind: EventKind, suppresses: bool, detail: str) -> None:
        found = read(told)
        assert (found.kind, found.suppresses, found.detail) == (kind, suppresses, detail)
        assert (found.mail_id, found.ses_message_id, found.addresses) == (MAIL_ID, MESSAGE_ID, (SOMEONE,))
        assert SOMEONE not in found.detail

    def test_takes_the_time_of_the_event_itself(self) -> None:
        assert read(event("Bounce", **BOUNCE)).happened_at == datetime(2026, 11, 25, 1, 30, 2, tzinfo=UTC)
        assert read(event("Send")).happened_at == datetime(2026, 11, 25, 1, 30, 0, 123_000, tzinfo=UTC)

    def test_knows_the_same_event_again_however_it_is_wrapped(self) -> None:
        plain = event("Bounce", **BOUNCE)
        by_sns = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:…", "Message": json.dumps(plain)}
        by_event_bridge = {"version": "0", "source": "aws.ses", "detail-type": "Email Bounced", "detail": plain}
        older = {"notificationType": "Bounce", **{name: plain[name] for name in ("mail", "bounce")}}
        assert read(plain) == read(by_sns) == read(by_event_bridge) == read(older)

    def test_tells_different_events_apart(self) -> None:
        told = [
            event("Send"),
            event("Delivery", **DELIVERY),
            event("Bounce", **BOUNCE),
            event("Bounce", **BOUNCE | {"feedbackId": "another"}),
            event("Complaint", **COMPLAINT),
        ]
        assert len({read(one).digest for one in told}) == len(told)

    def test_finds_the_address_that_the_other_side_wrote_with_a_name(self) -> None:
        recipients = [{"emailAddress": f"Some One <{SOMEONE}>"}]
        assert read(event("Bounce", **BOUNCE | {"bouncedRecipients": recipients})).addresses == (SOMEONE,)

    def test_takes_mail_that_is_not_ours(self) -> None:
        told = event("Bounce", **BOUNCE)
        told["mail"]["tags"] = {"mail": ["no id"]}
        assert read(told).mail_id is None
        del told["mail"]["tags"]
        assert read(told).mail_id is None

    @pytest.mark.parametrize("kind", ["Open", "Click", "Subscription"])
    def test_passes_over_what_says_nothing_to_us(self, kind: str) -> None:
        assert read_event(json.dumps(event(kind))) is None

    def test_passes_over_the_greeting_of_a_new_topic(self) -> None:
        greeting = "Successfully validated SNS topic for Amazon SES event publishing."
        assert read_event(greeting) is None
        assert read_event(json.dumps({"Type": "Notification", "Message": greeting})) is None

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "hello",
            "[]",
            "null",
            "17",
            "{}",
            '{"eventType": "Bounce"}',
            '{"eventType": "Dance", "mail": {}}',
            '{"Type": "Notification", "Message": "no JSON"}',
            json.dumps(event("Bounce")),
            json.dumps(event("Bounce", **BOUNCE | {"timestamp": "yesterday"})),
            json.dumps(event("Bounce", **BOUNCE | {"bouncedRecipients": "someone"})),
        ],
    )
    def test_refuses_what_is_no_event(self, body: str) -> None:
        with pytest.raises(UnreadableEvent):
            read_event(body)
