"""Guests get their identity in Cognito, when Cognito has time for it."""

import asyncio
from uuid import UUID

from tatemono.usecases.identity.ports import GuestIdentities, IdentityDatabase

#: Guests of one round, and calls at the same time. Cognito allows some tens of calls each second for an account.
BATCH = 50
_AT_A_TIME = 5


async def attach_identities(db: IdentityDatabase, identities: GuestIdentities) -> int:
    """Give the oldest guests that have no identity one each, up to `BATCH`.

    No phone waits for it: the sign-in has long been answered. An identity that is not recorded, because of a crash or
    since another relay was faster, belongs to no user: it opens nothing, the guest gets another, and the reconciliation
    removes it.

    :returns: how many guests were looked at; as many as `BATCH`: there may be more
    :raises GuestIdentitiesUnavailable: some of them have none yet
    """
    guests = await db.guests.without_identity(BATCH)
    places = asyncio.Semaphore(_AT_A_TIME)
    unavailable = asyncio.Event()

    async def attach(user_id: UUID) -> None:
        async with places:
            # The first that fails spares Cognito the others.
            if unavailable.is_set():
                return
            try:
                identity = await identities.create()
            except BaseException:
                unavailable.set()
                raise
        await db.guests.attach_identity(user_id, identity)

    results = await asyncio.gather(*(attach(guest) for guest in guests), return_exceptions=True)
    for error in results:
        if isinstance(error, BaseException):
            raise error
    return len(guests)
