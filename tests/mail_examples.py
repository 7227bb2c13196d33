"""Examples of mails, for tests that send them."""

import secrets
from collections.abc import Mapping
from typing import Any

from tatemono.domain.mail.message import Mail, MailKind

FACTS_OF: dict[MailKind, dict[str, Any]] = {
    MailKind.ACCOUNT_DELETION_SCHEDULED: {"deletes_at": "2026-12-25T01:30:00+00:00", "pictures": 1234, "credits": 560},
    MailKind.ACCOUNT_DELETED: {
        "deleted_at": "2026-12-25T01:30:00+00:00",
        "pictures": 1234,
        "receipt": "R-7Q2K-M9XD",
    },
    MailKind.EXPORT_READY: {
        "url": "https://tatemono.example/exports/3f1c?signature=a-b_c&expires=1798162200",
        "expires_at": "2026-12-28T01:30:00+00:00",
        "pictures": 1234,
        "size_bytes": 734_003_200,
    },
    MailKind.DEVICE_ALERT: {
        "event": "copied_identifier",
        "device": "Pixel 12 <Kitchen>",
        "at": "2026-12-25T01:30:00+00:00",
    },
    MailKind.STRIKE: {
        "reason": "Hate or harassment",
        "at": "2026-12-25T01:30:00+00:00",
        "counts_until": "2027-03-25T01:30:00+00:00",
        "suspended_until": "2027-01-08T01:30:00+00:00",
    },
    MailKind.ANNOUNCEMENT: {
        "title": "Reference pictures & <styles>",
        "body": "You can now begin with a picture of your own.\n\nIt stays yours.",
        "url": "https://tatemono.example/news/reference-pictures",
        "action": "See how it works",
    },
}


def mail_of(
    kind: MailKind = MailKind.ACCOUNT_DELETED,
    *,
    cause: str = "",
    to: str | None = None,
    language: str = "en",
    facts: Mapping[str, Any] | None = None,
) -> Mail:
    """A mail for a cause of its own, to an address of its own unless one is given."""
    return Mail(
        cause or f"test:{secrets.token_hex(8)}",
        kind,
        f"{secrets.token_hex(6)}@example.com" if to is None else to,
        language,
        FACTS_OF[kind] if facts is None else facts,
    )
