"""A person has thought better of it, and wants the account back."""

from dataclasses import dataclass
from uuid import UUID

from tatemono.domain.identity.devices import IdentifierHashes, Platform, Proof, UserKind
from tatemono.domain.identity.members import Password, SignInRefused, normalised_email
from tatemono.domain.privacy.account_deletion import DeletionBegun, NoDeletionPending, PasswordNeeded
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.ports import REVOCATIONS_CHANNEL
from tatemono.usecases.privacy.ports import PrivacyDatabase


@dataclass(frozen=True, slots=True)
class MemberWords:
    """What a member shows, on any phone."""

    email: str
    password: Password
    totp_code: str | None


async def undo_deletion(
    db: PrivacyDatabase,
    pool: MemberPool,
    *,
    platform: Platform,
    identifier_hashes: IdentifierHashes,
    proof: Proof,
    member: MemberWords | None,
    even_seconds: float,
) -> None:
    """Take the deletion back: a guest from a device of the account, a member with address and password.

    Sessions that were ended stay ended: sign in as ever afterwards.

    :raises ProofRejected: the proof was used before
    :raises NoDeletionPending: there is none, or no such device
    :raises DeletionBegun: the erasure was faster
    :raises PasswordNeeded: the device is a member's, and that is not enough
    :raises SignInRefused: address or password is wrong
    """
    await db.proofs.use(proof.digest)
    if member is None:
        user_id = await _of_device(db, platform, identifier_hashes, proof)
    else:
        user_id = await _of_member(db, pool, member, even_seconds)
    if not await db.deletions.undo(user_id):
        raise NoDeletionPending if await db.deletions.pending(user_id) is None else DeletionBegun
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))


async def _of_device(
    db: PrivacyDatabase, platform: Platform, identifier_hashes: IdentifierHashes, proof: Proof
) -> UUID:
    found = await db.transfers.find_device(platform, identifier_hashes, proof.thumbprint)
    account = found and await db.merges.side(found[1])
    if not account:
        raise NoDeletionPending
    if account.kind is UserKind.MEMBER:
        raise PasswordNeeded
    return account.user_id


async def _of_member(db: PrivacyDatabase, pool: MemberPool, words: MemberWords, even_seconds: float) -> UUID:
    async with constant_time(even_seconds, only=SignInRefused):
        member = await pool.sign_in(normalised_email(words.email), words.password, words.totp_code)
    user_id = await db.members.user_of(member.sub, member.email)
    if user_id is None:
        raise NoDeletionPending
    return user_id
