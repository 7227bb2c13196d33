"""What identity has kept for long enough goes away."""

from tatemono.domain.privacy.retention import BATCH, Retained
from tatemono.usecases.privacy.ports import PrivacyDatabase


async def prune_identity(db: PrivacyDatabase) -> dict[Retained, int]:
    """Remove what is older than its kind is kept, up to `BATCH` of each; each kind by itself.

    :returns: how many of each kind there were; `BATCH` says that there may be more
    """
    return {what: await db.retention.prune(what, age=what.value, limit=BATCH) for what in Retained}
