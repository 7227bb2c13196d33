"""A member signs in on another phone, or on this one after years."""

import hashlib

from tatemono.domain.identity.devices import Principal, Proof, SignedInDevice
from tatemono.domain.identity.members import Password, SignInRefused, normalised_email
from tatemono.domain.identity.merges import MergeGrant
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.usecases.identity.confirm_member import reopen_session
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.join_account import join_account
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def sign_in_member(
    db: IdentityDatabase,
    pool: MemberPool,
    *,
    caller: Principal,
    proof: Proof,
    email: str,
    password: Password,
    totp_code: str | None,
    random_bits: bytes,
    even_seconds: float,
) -> tuple[SignedInDevice, RefreshToken] | MergeGrant:
    """Make the caller's device the member's. If its guest has something of its own, nothing changes yet, and the answer
    is the leave to merge it.

    :param random_bits: 32 bytes, of the refresh token
    :raises SignInRefused: address or password is wrong; a refusal takes `even_seconds`
    :raises TotpRequired: the password is right, the code of the authenticator app is missing or wrong
    :raises AccountSuspended: either user is
    :raises ProofRejected: the proof was used before
    """
    address = normalised_email(email)
    await db.proofs.use(proof.digest)
    async with constant_time(even_seconds, only=SignInRefused):
        member = await pool.sign_in(address, password, totp_code)
    # What Cognito says counts: a function that failed, or a change of address that was cut off, is made good here.
    user_id = await db.members.user_of(member.sub, member.email) or await db.members.confirm(member)
    if user_id == caller.user_id:
        return await reopen_session(db, caller, proof, user_id, random_bits)

    async def attempt() -> SignedInDevice | MergeGrant:
        async with db.transaction() as rows:
            return await join_account(
                rows,
                device_id=caller.device_id,
                key_thumbprint=proof.thumbprint,
                leaving=caller.user_id,
                staying=user_id,
                refresh_hash=hashlib.sha256(random_bits).digest(),
            )

    outcome = await retry_on_conflict(attempt)
    db.notifier.notify(REVOCATIONS_CHANNEL, str(caller.user_id))
    return outcome if isinstance(outcome, MergeGrant) else (outcome, RefreshToken(outcome.session_id, random_bits))
