"""Ending what was opened: here, or everywhere."""

from uuid import UUID

from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def sign_out(db: IdentityDatabase, *, user_id: UUID, session_id: UUID) -> None:
    """End this session. The device stays its user's, and may sign in again."""
    await db.sessions.revoke(session_id, "signed_out")
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))


async def sign_out_everywhere(db: IdentityDatabase, *, user_id: UUID) -> None:
    """End all sessions of the user, this one too. The devices stay the user's."""
    async with db.transaction() as rows:
        await rows.sessions.revoke_all(user_id, "signed_out_everywhere")
        await rows.sessions.record_security_event(user_id, "signed_out_everywhere")
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
