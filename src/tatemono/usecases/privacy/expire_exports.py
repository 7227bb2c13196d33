"""Archives whose time is over go."""

from tatemono.usecases.privacy.ports import ObjectFolders, PrivacyDatabase

BATCH = 100


async def expire_exports(db: PrivacyDatabase, store: ObjectFolders) -> int:
    """Remove the objects and then the rows, up to `BATCH`; a crash in between only repeats the work.

    :returns: how many
    """
    async with db.transaction() as tx:
        over = await tx.exports.lock_over(BATCH)
        if over:
            await store.delete([key for _, key in over])
            await tx.exports.delete([export_id for export_id, _ in over])
    return len(over)
