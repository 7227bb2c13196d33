"""A member does not know the password any more."""

from tatemono.domain.identity.members import normalised_email
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool


async def forgot_password(pool: MemberPool, *, email: str, even_seconds: float) -> None:
    """Have a code sent to the address, if it is a member's; the answer does not tell whether it is.

    :raises WrongEmail:
    """
    address = normalised_email(email)
    async with constant_time(even_seconds):
        await pool.forgot(address)
