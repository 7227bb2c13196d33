"""The code that was sent to a member's new address has come back."""

from uuid import UUID

from tatemono.domain.identity.members import Password
from tatemono.usecases.identity.change_password import own_email
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import IdentityDatabase


async def confirm_email(
    db: IdentityDatabase, pool: MemberPool, *, user_id: UUID, password: Password, totp_code: str | None, code: str
) -> str:
    """:returns: the address that counts from now on
    :raises CodeRefused: it is not the last one that was sent
    :raises NotAMember: the caller is a guest
    :raises SignInRefused: the password is wrong
    """
    member = await pool.confirm_email(await own_email(db.members, user_id), password, totp_code, code)
    await db.members.confirm(member)
    await db.sessions.record_security_event(user_id, "email_changed")
    return member.email
