"""A link by which the owner of an address says that a kind of mail shall not come any more."""

from typing import ClassVar

from tatemono.domain.errors import Invalid
from tatemono.domain.mail.message import MailKind


class UnsubscribeLinkRejected(Invalid):
    code = "unsubscribe_link_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "This link is not whole. Open it from the mail again, or copy all of it.",
        "ja": "リンクが正しくありません。メールからもう一度開くか、リンク全体をコピーしてください。",
    }


def check_optional(kind: MailKind) -> None:
    """:raises UnsubscribeLinkRejected: it is not possible to unsubscribe from this kind"""
    if not kind.optional:
        raise UnsubscribeLinkRejected
