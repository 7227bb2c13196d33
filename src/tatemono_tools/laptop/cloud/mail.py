# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""What SES does with mail, and MiniStack 1.5.33 does not: it keeps the headers, and publishes events.

The events are those of https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. They go
to the destinations of the configuration set; a topic stands for the queue of the same name. The outcome of a mail
follows from its address, as SES's mailbox simulator does:
https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

from ministack.core.responses import get_account_id, get_region
from ministack.services import ses, ses_v2, sqs

from tatemono_tools.laptop.cloud.snapshots import touched_services

_SEND = "/v2/email/outbound-emails"
_SIMULATOR = "simulator.amazonses.com"
_REPORTING_MTA = "a0-0.smtp-out.amazonses.com"
_Event = tuple[str, str, dict[str, Any]]


def publish_mail_events() -> None:
    """Change SES's SendEmail in this process."""
    handle = ses_v2.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method != "POST" or path.rstrip("/") != _SEND:
            return await handle(method, path, headers, body, query)
        asked = json.loads(body)
        name = asked.get("ConfigurationSetName")
        if name and name not in ses_v2._config_sets:
            return ses_v2._missing_config_set(name)
        response = await handle(method, path, headers, body, query)
        if response[0] == 200:  # noqa: PLR2004 - HTTP
            record = ses._sent_emails_list()[-1]
            _keep_details(record, asked)
            _publish(record, ses_v2._config_sets[name] if name else {})
        return response

    ses_v2.handle_request = handle_request


def _keep_details(record: dict[str, Any], asked: dict[str, Any]) -> None:
    given = asked.get("Content", {}).get("Simple", {}).get("Headers") or []
    record["ConfigurationSetName"] = asked.get("ConfigurationSetName", "")
    record["Tags"] = {tag["Name"]: tag["Value"] for tag in asked.get("EmailTags") or []}
    record["Headers"] = [[header["Name"], header["Value"]] for header in given]
    # Content-Type is what SES makes of a text and an HTML body.
    record["Headers"] += [["MIME-Version", "1.0"], ["Content-Type", "multipart/alternative"]]
    record["Outcomes"] = [kind for kind, _, _ in _events(record)]


def _publish(record: dict[str, Any], configuration_set: dict[str, Any]) -> None:
    touched = touched_services.get()
    if touched is not None:
        touched |= {"ses", "ses_v2", "ses_outbox", "sqs"}
    for destination in (configuration_set.get("EventDestinations") or {}).values():
        topic = (destination.get("SnsDestination") or {}).get("TopicArn", "")
        url = sqs._queue_name_to_url.get(topic.rpartition(":")[2])
        if not destination["Enabled"] or url is None:
            continue
        for kind, name, part in _events(record):
            if _matching_type(kind) in destination["MatchingEventTypes"]:
                event = {"eventType": kind, "mail": _mail(record), name: part}
                sqs._HANDLERS["SendMessage"]({"QueueUrl": url, "MessageBody": json.dumps(event)}, url)


def _events(record: dict[str, Any]) -> Iterator[_Event]:
    """The events of a mail: event type, the name of its own part, and that part."""
    at = _iso(record["Timestamp"])
    yield "Send", "send", {}
    for recipient in record["To"]:
        local, _, domain = parseaddr(recipient)[1].lower().rpartition("@")
        # `bounce+anything` bounces too.
        yield from _outcomes(local.partition("+")[0] if domain == _SIMULATOR else "", recipient, at)


def _outcomes(local: str, recipient: str, at: str) -> Iterator[_Event]:
    feedback = {"timestamp": at, "feedbackId": f"{uuid4()}-000000"}
    if local in {"bounce", "suppressionlist"}:
        suppressed = local == "suppressionlist"
        bounced: dict[str, Any] = {"emailAddress": recipient}
        if not suppressed:
            bounced |= {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
        kind = {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList" if suppressed else "General"}
        yield (
            "Bounce",
            "bounce",
            kind | feedback | {"bouncedRecipients": [bounced], "reportingMTA": f"dsn; {_REPORTING_MTA}"},
        )
        return
    yield (
        "Delivery",
        "delivery",
        {
            "timestamp": at,
            "processingTimeMillis": 0,
            "recipients": [recipient],
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": _REPORTING_MTA,
        },
    )
    if local == "complaint":
        complaint = {"complainedRecipients": [{"emailAddress": recipient}], "complaintFeedbackType": "abuse"}
        yield "Complaint", "complaint", complaint | feedback | {"arrivalDate": at}


def _mail(record: dict[str, Any]) -> dict[str, Any]:
    sender = parseaddr(record["Source"])[1]
    own = {"ses:configuration-set": [record["ConfigurationSetName"]], "ses:from-domain": [sender.rpartition("@")[2]]}
    return {
        "timestamp": _iso(record["Timestamp"]),
        "source": record["Source"],
        "sourceArn": f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{sender.rpartition('@')[2]}",
        "sendingAccountId": get_account_id(),
        "messageId": record["MessageId"],
        "destination": record["To"],
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in record["Headers"]],
        "commonHeaders": {"from": [record["Source"]], "to": record["To"], "subject": record["Subject"]},
        "tags": own | {name: [value] for name, value in record["Tags"].items()},
    }


def _matching_type(kind: str) -> str:
    """`DeliveryDelay` → `DELIVERY_DELAY`: SES writes the same names in two ways."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mail_since(known: int) -> dict[str, Any]:
    """All mail after the first `known`, the oldest first, and how many there are; all if there are fewer than that."""
    sent = [record for key, records in ses._sent_emails.to_dict().items() if key[-1] == "entries" for record in records]
    start = known if known <= len(sent) else 0
    return {"from": start, "count": len(sent), "mails": sent[start:]}
