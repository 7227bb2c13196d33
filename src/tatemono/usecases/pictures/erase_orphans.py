"""Objects that no picture names are removed from the store."""

from datetime import datetime, timedelta
from uuid import UUID

from tatemono.domain.pictures.picture import FOLDER, keys_of_attempt, may_belong_to
from tatemono.usecases.pictures.ports import PicturesDatabase, PictureStore, SearchableStore

BATCH = 100
#: A worker that lost its lease may still be sending what it had begun to.
GRACE = timedelta(minutes=10)
#: What is found by its key alone is left in place for so long.
AGE = timedelta(days=1)
_PAGE = 1000


async def erase_orphans(db: PicturesDatabase, store: PictureStore, *, grace: timedelta = GRACE) -> int:
    """Remove what attempts left that ended between the store and the record, up to 100 of them.

    The row of an attempt names its keys before the first byte is sent, so nothing has to be searched for. It is
    marked after the objects are gone: a crash in between only repeats the work.

    :returns: how many attempts
    """
    async with db.transaction() as rows:
        attempts = await rows.orphans.lock_lost_attempts(older_than=grace, limit=BATCH)
        if attempts:
            keys = [
                key
                for attempt in attempts
                for key in keys_of_attempt(attempt.object_stem, attempt.pictures, attempt.extension)
            ]
            await store.delete(keys)
            await rows.orphans.mark_erased(attempts)
    return len(attempts)


async def search_orphans(db: PicturesDatabase, store: SearchableStore, *, now: datetime, age: timedelta = AGE) -> int:
    """Look through the next 1,000 keys of the store for objects without a row, and remove those that are old.

    The net below `erase_orphans`: it finds what a frozen worker stored long after its lease. The place is kept in the
    database, one worker searches at a time, and the end of the store leads back to its beginning.

    :returns: how many were removed
    """
    async with db.transaction() as rows:
        after_key = await rows.orphans.lock_search()
        if after_key is None:
            return 0
        found = await store.keys_after(f"{FOLDER}/", after_key, _PAGE)
        owners = {stored.key: may_belong_to(stored.key) for stored in found if stored.modified_at < now - age}
        known = await rows.orphans.known_keys([key for keys in owners.values() for key in keys])
        strays = {key: _generation_of(key) for key, keys in owners.items() if not known.intersection(keys)}
        unfinished = await rows.orphans.unfinished([each for each in strays.values() if each is not None])
        gone = [key for key, generation_id in strays.items() if generation_id not in unfinished]
        if gone:
            await store.delete(gone)
        await rows.orphans.move_search(found[-1].key if len(found) == _PAGE else "")
    return len(gone)


def _generation_of(key: str) -> UUID | None:
    try:
        return UUID(key.split("/")[2])
    except (IndexError, ValueError):
        return None
