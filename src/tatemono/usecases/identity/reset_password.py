"""The code that was sent to a forgetful member has come back."""

from tatemono.domain.identity.members import Password, normalised_email
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import IdentityDatabase
from tatemono.usecases.ports import REVOCATIONS_CHANNEL


async def reset_password(
    db: IdentityDatabase, pool: MemberPool, *, email: str, code: str, password: str, even_seconds: float
) -> None:
    """Set a new password, and end all sessions of the member, those of a thief of the old one too.

    :raises CodeRefused: address or code is wrong
    :raises PasswordRefused:
    :raises PasswordGuessable:
    """
    address, chosen = normalised_email(email), Password.chosen(password)
    async with constant_time(even_seconds):
        member = await pool.reset(address, code, chosen)
    user_id = await db.members.user_of(member.sub, member.email) or await db.members.confirm(member)
    async with db.transaction() as rows:
        await rows.sessions.revoke_all(user_id, "password_changed")
        await rows.sessions.record_security_event(user_id, "password_changed")
    db.notifier.notify(REVOCATIONS_CHANNEL, str(user_id))
