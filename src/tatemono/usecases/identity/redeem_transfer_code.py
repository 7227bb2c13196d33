"""The new phone brings the code of the old one."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from tatemono.domain.identity.devices import IdentifierHashes, Platform, Proof, SignedInDevice
from tatemono.domain.identity.merges import MergeGrant
from tatemono.domain.identity.sessions import RefreshToken
from tatemono.domain.identity.transfers import AlreadyHere, TakenTransferCode, TransferCode, TransferCodeRejected
from tatemono.usecases.identity.join_account import join_account, sign_out_old_device
from tatemono.usecases.identity.ports import IdentityDatabase, IdentityRows
from tatemono.usecases.identity.retry_on_conflict import retry_on_conflict
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


@dataclass(frozen=True, slots=True)
class NewPhone:
    """The phone that redeems, by its own identifier and its own key."""

    platform: Platform
    identifier_hashes: IdentifierHashes
    key_thumbprint: str
    refresh_hash: bytes


async def redeem_transfer_code(
    db: IdentityDatabase,
    *,
    typed: str,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    code_key: bytes,
    random_bits: bytes,
) -> tuple[SignedInDevice, RefreshToken] | MergeGrant:
    """Let this device join the account that the code was made for. The code is used up by that.

    Its own guest goes away if it is empty; if it is not, nothing changes yet, and the answer is the leave to merge it.

    :param random_bits: 32 bytes, of the refresh token
    :raises NotATransferCode: no attempt is counted
    :raises TransferCodeRejected: an attempt is
    :raises AlreadyHere: the device is in that account; the code stays good
    :raises ProofRejected: the proof was used before
    """
    code = TransferCode.read(typed)
    await db.proofs.use(proof.digest)
    phone = NewPhone(
        platform,
        identifier_hashes,
        proof.thumbprint,
        hashlib.sha256(random_bits).digest(),
    )

    async def attempt() -> tuple[TakenTransferCode | None, UUID | None, SignedInDevice | MergeGrant | None]:
        async with db.transaction() as rows:
            taken = await rows.transfers.take(code, code.digest(code_key))
            if taken is None:
                # The attempt is to stay counted, so the transaction ends well.
                return None, None, None
            left, outcome = await _let_in(rows, taken, phone)
        return taken, left, outcome

    taken, left, outcome = await retry_on_conflict(attempt)
    if taken is None or outcome is None:
        raise TransferCodeRejected
    for changed in {taken.user_id, left} - {None}:
        db.notifier.notify(REVOCATIONS_CHANNEL, str(changed))
    return outcome if isinstance(outcome, MergeGrant) else (outcome, RefreshToken(outcome.session_id, random_bits))


async def _let_in(
    rows: IdentityRows, taken: TakenTransferCode, phone: NewPhone
) -> tuple[UUID | None, SignedInDevice | MergeGrant]:
    """:returns: whose the device was before, and the outcome"""
    known = await rows.transfers.find_device(phone.platform, phone.identifier_hashes, phone.key_thumbprint)
    outcome: SignedInDevice | MergeGrant
    if known is None:
        await rows.merges.lock_users(taken.user_id)
        account = await rows.merges.side(taken.user_id)
        if account is None:
            raise TransferCodeRejected
        account.check_open()
        device_id = await rows.transfers.add_device(
            taken.user_id, phone.platform, phone.identifier_hashes, phone.key_thumbprint
        )
        outcome = await rows.transfers.open_session(device_id, taken.user_id, phone.refresh_hash)
    elif known[1] == taken.user_id:
        raise AlreadyHere
    else:
        outcome = await join_account(
            rows,
            device_id=known[0],
            key_thumbprint=phone.key_thumbprint,
            leaving=known[1],
            staying=taken.user_id,
            refresh_hash=phone.refresh_hash,
            sign_out_device_id=taken.sign_out_device_id,
        )
    if isinstance(outcome, SignedInDevice):
        await rows.sessions.record_security_event(taken.user_id, "transferred", outcome.device_id)
        await sign_out_old_device(rows, taken.user_id, taken.sign_out_device_id)
    return known and known[1], outcome
