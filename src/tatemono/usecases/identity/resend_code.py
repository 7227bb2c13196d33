"""The mail with the code did not come."""

from tatemono.domain.identity.members import normalised_email
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool


async def resend_code(pool: MemberPool, *, email: str, even_seconds: float) -> None:
    """Have the code of a sign-up sent again, if there is one; the answer does not tell whether there is.

    :raises WrongEmail:
    """
    address = normalised_email(email)
    async with constant_time(even_seconds):
        await pool.resend(address)
