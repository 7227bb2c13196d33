"""A member wants an authenticator app asked, too."""

from uuid import UUID

from tatemono.domain.identity.members import Authenticator, Password
from tatemono.usecases.identity.change_password import own_email
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import Members


async def set_up_totp(
    members: Members, pool: MemberPool, *, user_id: UUID, password: Password, totp_code: str | None
) -> Authenticator:
    """What the app has to know. It is asked for when `confirm_totp` has seen its first code.

    :raises NotAMember: the caller is a guest
    :raises SignInRefused: the password is wrong
    """
    email = await own_email(members, user_id)
    return Authenticator(email, await pool.set_up_totp(email, password, totp_code))


async def confirm_totp(
    members: Members, pool: MemberPool, *, user_id: UUID, password: Password, totp_code: str | None, code: str
) -> None:
    """The app shows codes: from now on signing in takes one.

    :param totp_code: of the app that counts until now, if there is one
    :raises CodeRefused: it is not what the new app shows
    """
    await pool.confirm_totp(await own_email(members, user_id), password, totp_code, code)


async def remove_totp(
    members: Members, pool: MemberPool, *, user_id: UUID, password: Password, totp_code: str | None
) -> None:
    """From now on the password is enough."""
    await pool.remove_totp(await own_email(members, user_id), password, totp_code)
