"""The owner of an address wants no mail of a kind any more."""

from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.unsubscribing import check_optional
from tatemono.usecases.mail.ports import Mails


async def unsubscribe(mails: Mails, *, digest: bytes, kind: MailKind) -> None:
    """Again changes nothing.

    :param digest: of the address, see `address_digest`
    :raises UnsubscribeLinkRejected: it is not possible to unsubscribe from this kind
    """
    check_optional(kind)
    await mails.unsubscribe(digest, kind)
