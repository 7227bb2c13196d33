"""The code that was sent to the address has come back: the guest is a member."""

import hashlib
from uuid import UUID

from tatemono.domain.identity.devices import Principal, Proof, SignedInDevice, TokenRejected
from tatemono.domain.identity.members import normalised_email
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def confirm_member(
    db: IdentityDatabase,
    pool: MemberPool,
    *,
    caller: Principal,
    proof: Proof,
    email: str,
    code: str,
    random_bits: bytes,
    even_seconds: float,
) -> tuple[SignedInDevice, RefreshToken]:
    """Make the caller, who registered, a member, and give the device tokens that say so.

    Cognito's function has written the member down by then. If it could not, that is done here.

    :param random_bits: 32 bytes, of the refresh token
    :raises CodeRefused: it is wrong or too old, or another user registered this address
    :raises ProofRejected: the proof was used before
    """
    address = normalised_email(email)
    await db.proofs.use(proof.digest)
    async with constant_time(even_seconds):
        member = await pool.confirm(address, code, caller.user_id)
    user_id = await db.members.user_of(member.sub, member.email) or await db.members.confirm(member)
    return await reopen_session(db, caller, proof, user_id, random_bits)


async def reopen_session(
    db: IdentityDatabase, caller: Principal, proof: Proof, user_id: UUID, random_bits: bytes
) -> tuple[SignedInDevice, RefreshToken]:
    """Sign the caller's device in anew as the same user, who is another kind of user now.

    :raises TokenRejected: the device is not (any more) the user's, or has another key
    """

    async def attempt() -> SignedInDevice:
        async with db.transaction() as rows:
            await rows.merges.lock_users(user_id)
            if not await rows.merges.lock_device(caller.device_id, user_id, proof.thumbprint):
                raise TokenRejected
            return await rows.transfers.open_session(caller.device_id, user_id, hashlib.sha256(random_bits).digest())

    device = await retry_on_conflict(attempt)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
    return device, RefreshToken(device.session_id, random_bits)
