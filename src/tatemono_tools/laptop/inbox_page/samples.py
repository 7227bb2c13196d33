"""Sample mails: what each kind looks like in each language, for the author of its template."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.message import FACTS, LANGUAGES, OPTIONAL_FACTS, FactKind, Mail, MailKind

_TEXTS: dict[str, dict[str, Any]] = {
    "ja": {
        "title": "お手元の写真から描けるようになりました",
        "body": "新しい画像を、お手元の写真から始められるようになりました。\n\n写真はほかの人には見えません。",
        "action": "くわしく見る",
    },
    "en": {
        "title": "Begin with a picture of your own",
        "body": "A new picture can now begin with one of your own.\n\nNobody else sees it.",
        "action": "See how it works",
    },
}
_COMMON: dict[str, Any] = {"event": "copied_identifier", "device": "Pixel 12", "receipt": "R-7Q2K-M9XD"}


def samples(public_url: str) -> list[dict[str, Any]]:
    """One of each kind and language, as the inbox shows mail."""
    renderer = JinjaEmailRenderer(UnsubscribeLinks(secrets.token_bytes(32), public_url=public_url))
    return [_sample(renderer, kind, language) for kind in MailKind for language in LANGUAGES]


def _sample(renderer: JinjaEmailRenderer, kind: MailKind, language: str) -> dict[str, Any]:
    facts = {**FACTS[kind], **OPTIONAL_FACTS.get(kind, {})}
    values = {name: _fact(name, fact, language) for name, fact in facts.items()}
    mail = Mail(f"sample:{kind}:{language}", kind, "someone@example.com", language, values)
    rendered = renderer.write(mail)
    return {
        "MessageId": f"sample-{kind}-{language}",
        "Source": "",
        "To": [mail.to],
        "Subject": rendered.subject,
        "BodyText": rendered.text,
        "BodyHtml": rendered.html,
        "Headers": list(rendered.headers.items()),
        "Timestamp": 0,
        "Sample": True,
        "Tags": {"kind": kind.value},
    }


def _fact(name: str, kind: FactKind, language: str) -> Any:
    match kind:
        case FactKind.NUMBER:
            return 734_003_200 if name == "size_bytes" else 128
        case FactKind.MOMENT:
            return (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
        case FactKind.URL:
            return "https://tatemono.example/a/link?that=is&an=example"
        case FactKind.TEXT:
            return _TEXTS[language].get(name) or _COMMON.get(name) or name
