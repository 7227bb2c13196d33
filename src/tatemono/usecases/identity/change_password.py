"""A member wants another password."""

from uuid import UUID

from tatemono.domain.identity.members import NotAMember, Password
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import IdentityDatabase, Members


async def change_password(
    db: IdentityDatabase, pool: MemberPool, *, user_id: UUID, old: Password, new: str, totp_code: str | None
) -> None:
    """The sessions stay; `sign_out_everywhere` ends them.

    :raises NotAMember: the caller is a guest
    :raises SignInRefused: the old password is wrong
    :raises PasswordRefused: the new one cannot be one
    :raises PasswordGuessable: the new one
    """
    chosen = Password.chosen(new)
    await pool.change_password(await own_email(db.members, user_id), old, chosen, totp_code)
    await db.sessions.record_security_event(user_id, "password_changed")


async def own_email(members: Members, user_id: UUID) -> str:
    """:raises NotAMember: the user has no address"""
    email = await members.email_of(user_id)
    if email is None:
        raise NotAMember
    return email
