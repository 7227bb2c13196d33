"""A member has another address now."""

from uuid import UUID

from tatemono.domain.identity.members import Password, normalised_email
from tatemono.usecases.identity.change_password import own_email
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import Members


async def change_email(
    members: Members,
    pool: MemberPool,
    *,
    user_id: UUID,
    password: Password,
    totp_code: str | None,
    new_email: str,
    even_seconds: float,
) -> None:
    """Have a code sent to the new address; the old one counts until `confirm_email`.

    Whether another member has the new address is not told.

    :raises NotAMember: the caller is a guest
    :raises WrongEmail:
    :raises SignInRefused: the password is wrong
    """
    address = normalised_email(new_email)
    email = await own_email(members, user_id)
    async with constant_time(even_seconds):
        await pool.change_email(email, password, totp_code, address)
