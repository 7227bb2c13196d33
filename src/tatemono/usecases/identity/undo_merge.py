"""It was the wrong account, or a mistake: the two are two again."""

from uuid import UUID

from tatemono.domain.identity.merges import NoSuchMerge, TooLateToUndo, Undone
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def undo_merge(db: IdentityDatabase, *, user_id: UUID, merge_id: UUID) -> Undone:
    """Give the guest back exactly what came from it, with what became of that. `domain.merges` says how the credits go.

    The devices that go back have to sign in anew, and are the guest's then.

    :param user_id: the account that was gone into
    :raises NoSuchMerge: nothing was merged into it under this id
    :raises TooLateToUndo: it is undone already, or older than seven days
    :raises NotMergeable: the account is merged into another one itself; that is to be undone first
    :raises NoDeviceToReturn: the guest would have no device
    :raises OnlyWayIn: the account gone into is a guest's, and would have none
    :raises AccountSuspended: the account is
    :raises AccountsBusy: so much happens to them that it never went through
    """

    async def attempt() -> tuple[UUID, Undone]:
        async with db.transaction() as rows:
            guest = await rows.merges.find(merge_id, user_id)
            if guest is None:
                raise NoSuchMerge
            await rows.merges.lock_users(guest, user_id)
            found = await rows.merges.lock_moved(merge_id, guest, user_id)
            account = await rows.merges.side(user_id)
            if found is None or account is None:
                raise TooLateToUndo
            account.check_open()
            found.check(account.kind)
            back = found.credits_back(account.credits_available)
            pictures = await rows.merges.move_back(merge_id, guest, user_id, found, back)
            await rows.sessions.record_security_event(user_id, "merge_undone")
            await rows.sessions.record_security_event(guest, "merge_undone")
        return guest, Undone(
            guest, len(found.moved.generations), pictures, len(found.devices), back.available, back.short
        )

    guest, undone = await retry_on_conflict(attempt)
    for changed in (guest, user_id):
        db.notifier.notify(REVOCATIONS_CHANNEL, str(changed))
    return undone
