"""A person wants a copy of everything."""

from uuid import UUID

from tatemono.domain.privacy.exports import Export
from tatemono.usecases.ports import OUTBOX_CHANNEL
from tatemono.usecases.privacy.ports import PrivacyDatabase


async def request_export(db: PrivacyDatabase, *, user_id: UUID, language: str) -> Export:
    """Have an archive built, or find the one that is being built: there is one at a time.

    :param language: of the mail that tells a member
    """
    export = await db.exports.request(user_id, language=language)
    db.notifier.notify(OUTBOX_CHANNEL)
    return export
