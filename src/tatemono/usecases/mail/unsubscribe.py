"""Somebody wants no mail of a kind any more."""

from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.unsubscribing import check_optional
from tatemono.usecases.ports import Database


async def unsubscribe(db: Database, *, digest: bytes, kind: MailKind) -> None:
    """Again changes nothing.

    :param digest: of the address, see `address_digest`
    :raises UnsubscribeLinkRejected: nobody can unsubscribe from this kind
    """
    check_optional(kind)
    await db.mails.unsubscribe(digest, kind)
