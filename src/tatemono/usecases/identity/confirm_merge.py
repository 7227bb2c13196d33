"""The person said yes: two accounts become one."""

import hashlib

from tatemono.domain.identity.devices import Proof, SignedInDevice
from tatemono.domain.identity.merges import Merged, MergeGrant, MergeTokenRejected
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.usecases.identity.join_account import sign_out_old_device
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.identity.preview_merge import preview_merge
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def confirm_merge(
    db: IdentityDatabase, *, grant: MergeGrant, proof: Proof, random_bits: bytes
) -> tuple[Merged, SignedInDevice, RefreshToken]:
    """Move all that is the guest's to the other account, and sign this device in there.

    The guest's other devices are the account's, too, from now on, and have to sign in anew.

    :param random_bits: 32 bytes, of the refresh token
    :raises ProofRejected: the proof was used before
    :raises MergeTokenRejected: the device is not the guest's any more, or has another key
    :raises NotMergeable: another merge was first, or the account gone into is merged itself
    :raises AccountSuspended: either of them is
    :raises AccountsBusy: so much happens to them that it never went through
    """
    await db.proofs.use(proof.digest)

    async def attempt() -> tuple[Merged, SignedInDevice]:
        async with db.transaction() as rows:
            await rows.merges.lock_users(grant.from_user_id, grant.into_user_id)
            await preview_merge(rows.merges, grant=grant)
            if not await rows.merges.lock_device(grant.device_id, grant.from_user_id, proof.thumbprint):
                raise MergeTokenRejected
            merged = await rows.merges.move(grant.from_user_id, grant.into_user_id)
            refresh_hash = hashlib.sha256(random_bits).digest()
            device = await rows.transfers.open_session(grant.device_id, grant.into_user_id, refresh_hash)
            await rows.sessions.record_security_event(grant.into_user_id, "merged", grant.device_id)
            await sign_out_old_device(rows, grant.into_user_id, grant.sign_out_device_id)
        return merged, device

    merged, device = await retry_on_conflict(attempt)
    for user_id in (grant.from_user_id, grant.into_user_id):
        db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
    return merged, device, RefreshToken(device.session_id, random_bits)
