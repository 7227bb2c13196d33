"""A worker moves the bytes of pictures that were taken down, or brings them back.

Every step bears repetition: a crash in between only repeats the work, and two workers at once do no harm.
"""

import contextlib
import logging
from hashlib import sha256

from tatemono.domain.errors import Refusal
from tatemono.domain.safety.moderation import HashClass
from tatemono.domain.safety.reports import MovingPicture, quarantine_key
from tatemono.usecases.safety.ports import EdgeCache, PictureHasher, Quarantine, SafetyDatabase

_log = logging.getLogger(__name__)

_BATCH = 20
_BY_TAKEDOWN = "takedown"


async def carry_out_takedowns(
    db: SafetyDatabase, quarantine: Quarantine, hasher: PictureHasher, edge: EdgeCache
) -> int:
    """Move what was taken down into quarantine, tell the edge, bring back what was undone, erase what is over.

    :returns: how many steps were done
    """
    steps = 0
    for picture in await db.takedowns.to_move(_BATCH):
        await _move(db, quarantine, hasher, picture)
        steps += 1
    if forgotten := await db.takedowns.to_invalidate(_BATCH):
        keys = [key for picture in forgotten for key in (picture.object_key, picture.thumbnail_key)]
        # The same pictures again, after a crash, are the same call to CloudFront.
        await edge.invalidate(keys, reference=sha256("\n".join(keys).encode()).hexdigest())
        await db.takedowns.mark_invalidated([picture.picture_id for picture in forgotten])
        steps += len(forgotten)
    for picture in await db.takedowns.to_bring_back(_BATCH):
        await _bring_back(db, quarantine, picture)
        steps += 1
    for picture in await db.takedowns.to_erase(_BATCH):
        await quarantine.erase([quarantine_key(picture.object_key), quarantine_key(picture.thumbnail_key)])
        await db.takedowns.forget(picture.picture_id)
        steps += 1
    return steps


async def _move(db: SafetyDatabase, quarantine: Quarantine, hasher: PictureHasher, picture: MovingPicture) -> None:
    data = await quarantine.move_in(picture.object_key, quarantine_key(picture.object_key))
    await quarantine.move_in(picture.thumbnail_key, quarantine_key(picture.thumbnail_key))
    if data is None:
        _log.error("picture %s was taken down, and its bytes are nowhere", picture.picture_id)
    else:
        hash_class = HashClass.ILLEGAL if picture.escalated else HashClass.UNWANTED
        for difference_hash in (await hasher.hashes(data))[:1]:
            # That of a plain surface is not kept, and one that is there is enough.
            with contextlib.suppress(Refusal):
                await db.blocked_hashes.add(
                    difference_hash, hash_class, None, by=_BY_TAKEDOWN, picture_id=picture.picture_id
                )
    await db.takedowns.mark_moved(picture.picture_id)


async def _bring_back(db: SafetyDatabase, quarantine: Quarantine, picture: MovingPicture) -> None:
    there = await quarantine.move_back(
        quarantine_key(picture.object_key), picture.object_key, content_type=picture.content_type
    )
    await quarantine.move_back(quarantine_key(picture.thumbnail_key), picture.thumbnail_key, content_type="image/webp")
    if not there:
        _log.error("picture %s cannot be brought back: its bytes are nowhere", picture.picture_id)
        await db.takedowns.refuse_undo(picture.picture_id)
        return
    async with db.transaction() as rows:
        await rows.takedowns.bring_back(picture.picture_id)
        await rows.takedowns.forget(picture.picture_id)
        await rows.blocked_hashes.remove_of(picture.picture_id)
