"""A phone was lost or sold: it must not be its user any more."""

from uuid import UUID

from tatemono.domain.identity.devices import UserKind
from tatemono.domain.identity.sessions import NoSuchDevice, OnlyWayIn
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def revoke_device(db: IdentityDatabase, *, user_id: UUID, user_kind: UserKind, device_id: UUID) -> None:
    """Take a device away from its user for good: when it signs in again, it gets a new guest.

    :raises NoSuchDevice: the user has none such
    :raises OnlyWayIn: it is a guest's last one
    """
    async with db.transaction() as rows:
        await rows.sessions.lock_user(user_id)
        own = {device.id for device in await rows.sessions.devices(user_id)}
        if device_id not in own:
            raise NoSuchDevice
        if user_kind is UserKind.GUEST and len(own) == 1:
            raise OnlyWayIn
        await rows.sessions.revoke_device(device_id, "device_revoked")
        await rows.sessions.record_security_event(user_id, "device_revoked", device_id)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
