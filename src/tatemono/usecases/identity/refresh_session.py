"""A session goes on: the refresh token becomes the next one."""

from tatemono.domain.identity.devices import Proof, ProofFault, ProofRejected, SignedInDevice
from tatemono.domain.identity.sessions import (
    AccountSuspended,
    RefreshRejected,
    RefreshToken,
    Session,
    Verdict,
    unsealed,
)
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def refresh_session(
    db: IdentityDatabase, *, token: str, proof: Proof, key: bytes
) -> tuple[SignedInDevice, RefreshToken]:
    """Take the newest token of a session, from the device it is bound to, and give the next.

    The very same request again, because its answer was lost, gives the same token, for a while. Any other use of an old
    token means that it was copied: the session ends, and the user is told.

    :param key: keys the tokens
    :raises RefreshRejected: the token is not the newest, or not this device's, or the session is over
    :raises ProofRejected: the proof was used before
    :raises AccountSuspended: the user is
    """
    old = unsealed(token, key)
    new = old.following(key, proof.digest)
    device = await db.sessions.rotate(
        old.session_id,
        key_thumbprint=proof.thumbprint,
        proof_digest=proof.digest,
        old_hash=old.digest,
        new_hash=new.digest,
    )
    return device or await _not_rotated(db, old, proof), new


async def _not_rotated(db: IdentityDatabase, old: RefreshToken, proof: Proof) -> SignedInDevice:
    """Whose the session is, if the request only came again."""
    async with db.transaction() as rows:
        session = await rows.sessions.lock(old.session_id)
        if session is None:
            raise RefreshRejected
        verdict = session.judge(old, key_thumbprint=proof.thumbprint, proof_digest=proof.digest)
        if verdict is Verdict.REUSED:
            await rows.sessions.revoke(session.device.session_id, "refresh_reused")
            await rows.sessions.record_security_event(
                session.device.user_id, "refresh_reused", session.device.device_id
            )
    if verdict is Verdict.REUSED:
        db.notifier.notify(REVOCATIONS_CHANNEL, str(session.device.user_id))
    return _answer(session, verdict)


def _answer(session: Session, verdict: Verdict) -> SignedInDevice:
    if verdict in (Verdict.REUSED, Verdict.REFUSED):
        raise RefreshRejected
    if session.suspension is not None:
        raise AccountSuspended(session.suspension)
    if verdict is Verdict.REPLAYED:
        raise ProofRejected(ProofFault.REPLAYED)
    return session.device
