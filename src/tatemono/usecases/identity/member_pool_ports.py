"""What the use cases of members need of the user pool."""

from typing import Protocol
from uuid import UUID

from tatemono.domain.identity.members import Password, PoolMember


class MemberPool(Protocol):
    """The user pool: it keeps the passwords and sends the codes. Every method may raise `MembersUnavailable`.

    Methods that take the password of a signed-in member raise `SignInRefused` if it is not accepted for any reason,
    `TotpRequired` if it is right and the authenticator app's code missing or wrong, and `PoolBusy`.
    """

    async def sign_up(self, email: str, password: Password, user_id: UUID) -> None:
        """Begin a membership; the code goes to the address. Nothing happens if a member has the address.

        :raises PasswordGuessable:
        """
        ...

    async def confirm(self, email: str, code: str, user_id: UUID) -> PoolMember:
        """Show that the mail was read, by the guest that signed up.

        :raises CodeRefused: also if another user began this membership, or none did
        """
        ...

    async def resend(self, email: str) -> None:
        """Send the code of a sign-up again, if there is one to confirm."""
        ...

    async def sign_in(self, email: str, password: Password, totp_code: str | None) -> PoolMember: ...

    async def forgot(self, email: str) -> None:
        """Send a code for a new password, if a member has the address."""
        ...

    async def reset(self, email: str, code: str, password: Password) -> PoolMember:
        """:raises CodeRefused: whether code or address is wrong
        :raises PasswordGuessable:
        """
        ...

    async def change_password(self, email: str, old: Password, new: Password, totp_code: str | None) -> None:
        """:raises PasswordGuessable: the new one"""
        ...

    async def change_email(self, email: str, password: Password, totp_code: str | None, new_email: str) -> None:
        """Send a code to the new address, which counts when `confirm_email` has it. None if another member has it."""
        ...

    async def confirm_email(self, email: str, password: Password, totp_code: str | None, code: str) -> PoolMember:
        """:returns: the member with the new address
        :raises CodeRefused: it is not the last one that was sent, or another member has the address by now
        """
        ...

    async def set_up_totp(self, email: str, password: Password, totp_code: str | None) -> str:
        """:returns: a new secret (base32) for an authenticator app, which counts when `confirm_totp` has seen a code"""
        ...

    async def confirm_totp(self, email: str, password: Password, totp_code: str | None, code: str) -> None:
        """From now on signing in takes a code, too.

        :param totp_code: of the app that counts until now, if there is one
        :raises CodeRefused: it is not what the new app shows
        """
        ...

    async def remove_totp(self, email: str, password: Password, totp_code: str | None) -> None: ...
