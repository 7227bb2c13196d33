"""A guest wants to be found again, on any phone: with an address and a password."""

from uuid import UUID

from tatemono.domain.identity.members import AlreadyMember, Password, normalised_email
from tatemono.usecases.identity.constant_time import constant_time
from tatemono.usecases.identity.member_pool_ports import MemberPool
from tatemono.usecases.identity.ports import Members


async def register_member(
    members: Members, pool: MemberPool, *, user_id: UUID, email: str, password: str, even_seconds: float
) -> None:
    """Have a code sent to the address; `confirm_member` makes the guest a member, with the same id.

    The answer does not tell whether a member has the address already. The reader of its mail knows, and signs in.

    :raises WrongEmail:
    :raises PasswordRefused:
    :raises PasswordGuessable:
    :raises AlreadyMember: the caller is one
    """
    address, chosen = normalised_email(email), Password.chosen(password)
    if await members.email_of(user_id) is not None:
        raise AlreadyMember
    async with constant_time(even_seconds):
        await pool.sign_up(address, chosen, user_id)
