"""Reference pictures go when they are a day old."""

from tatemono.domain.pictures.references import LIFE, incoming_key
from tatemono.usecases.pictures.ports import PicturesDatabase, ReferenceCopies

_BATCH = 100


async def erase_references(db: PicturesDatabase, store: ReferenceCopies) -> int:
    """Remove the objects and then the rows of old reference pictures, used or not, up to 100.

    The rows stay locked and in place until their objects are gone, so that a crash in between only repeats the work.

    :returns: how many
    """
    async with db.transaction() as tx:
        old = await tx.references.lock_old(older_than=LIFE, limit=_BATCH)
        if old:
            uploads = [incoming_key(reference.user_id, reference.id) for reference in old]
            copies = [reference.clean_key for reference in old if reference.clean_key]
            await store.delete([*uploads, *copies])
            await tx.references.erase([reference.id for reference in old])
    return len(old)
