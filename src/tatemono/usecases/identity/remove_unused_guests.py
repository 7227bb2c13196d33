"""Guests that are not used any more are removed, by their last use and never by their age."""

from datetime import timedelta

from tatemono.usecases.identity.ports import IdentityDatabase

BATCH = 100


async def remove_unused_guests(db: IdentityDatabase, *, unused_for: timedelta) -> int:
    """Sign unused guests out for ever, and delete their pictures, up to `BATCH`.

    The last use is known to a day: signing in and refreshing write it down when it is older than that, and no access
    token outlives a day (the setting `access_token_seconds`). So no request has to write. A phone that comes back
    later gets a new guest.

    :returns: how many
    """
    return await db.guests.let_go(unused_for=unused_for, limit=BATCH)


async def remove_erased_guests(db: IdentityDatabase) -> int:
    """Remove guests that were let go, once `erase_deleted_pictures` has erased all their pictures, up to `BATCH`.

    Their identities stay in Cognito until the reconciliation finds them: they open nothing and cost nothing.

    :returns: how many
    """
    async with db.transaction() as tx:
        guests = await tx.guests.lock_erased(BATCH)
        await tx.guests.delete(guests)
    return len(guests)
