"""A phone has shown to be one user and also another: its device becomes the other's, if nothing is lost by that."""

from uuid import UUID

from tatemono.domain.identity.devices import SignedInDevice, TokenRejected, UserKind
from tatemono.domain.identity.merges import MergeGrant
from tatemono.usecases.identity.ports import IdentityRows


async def join_account(
    rows: IdentityRows,
    *,
    device_id: UUID,
    key_thumbprint: str,
    leaving: UUID,
    staying: UUID,
    refresh_hash: bytes,
    sign_out_device_id: UUID | None = None,
) -> SignedInDevice | MergeGrant:
    """Within the caller's transaction: let a device join an account, signed in with a new session.

    An empty guest is forgotten when its last device leaves. A member may be left, being reachable by its address. A
    guest with something of its own stays as it is: the person is to see `preview_merge` first.

    Afterwards, notify `REVOCATIONS_CHANNEL` of `leaving`.

    :param refresh_hash: of the device's first refresh token there
    :param sign_out_device_id: a device to be signed out when it is done
    :raises TokenRejected: the device is not (any more) `leaving`'s, or has another key
    :raises NotMergeable: either of them is merged already
    :raises AccountSuspended: either of them is
    :raises AccountsBusy: to be tried again, in a new transaction
    """
    await rows.merges.lock_users(leaving, staying)
    if not await rows.merges.lock_device(device_id, leaving, key_thumbprint):
        raise TokenRejected
    await rows.merges.lock_accounts(leaving)
    here, there = await rows.merges.side(leaving), await rows.merges.side(staying)
    if here is None or there is None:
        raise TokenRejected
    here.check_open()
    there.check_open()
    if here.kind is UserKind.GUEST and not here.empty:
        return MergeGrant(leaving, staying, device_id, sign_out_device_id)
    await rows.transfers.move_device(device_id, staying)
    device = await rows.transfers.open_session(device_id, staying, refresh_hash)
    await rows.transfers.forget_guest(leaving)
    return device


async def sign_out_old_device(rows: IdentityRows, user_id: UUID, device_id: UUID | None) -> None:
    """Take the old phone out of the account, if that was wanted, and it is still in it."""
    if device_id in {device.id for device in await rows.sessions.devices(user_id)}:
        assert device_id is not None
        await rows.sessions.revoke_device(device_id, "transferred")
