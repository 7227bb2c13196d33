"""What the use cases of identity need of the outside world."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.identity.devices import IdentifierHashes, Platform, SignedInDevice
from tatemono.domain.identity.members import Password, PoolMember
from tatemono.domain.identity.merges import Merged, MergeSide, Return, Undoing
from tatemono.domain.identity.sessions import OwnDevice, Session
from tatemono.domain.identity.transfers import IssuedTransferCode, TakenTransferCode, TransferCode
from tatemono.domain.operators.roles import Act, Operation
from tatemono.domain.privacy.retention import Retained


class Devices(Protocol):
    async def sign_in(
        self,
        platform: Platform,
        identifier_hashes: IdentifierHashes,
        key_thumbprint: str,
        *,
        refresh_hash: bytes,
        proof_digest: bytes | None,
    ) -> SignedInDevice | None:
        """The device with just this identifier and this key, if it is known; its older refresh tokens are void then.

        It is kept under the first of the hashes from then on.

        :param proof_digest: none if the proof was remembered already
        :raises ProofRejected: it was used before
        :raises AccountSuspended: nothing was opened
        """
        ...

    async def create_guest(
        self,
        platform: Platform,
        identifier_hashes: IdentifierHashes,
        key_thumbprint: str,
        *,
        refresh_hash: bytes,
        welcome_credits: int,
    ) -> SignedInDevice | None:
        """A new device, signed in, with a new guest; none if another sign-in of the same device was first.

        Whoever has had a device with the same identifier and another key is told.
        """
        ...


class Proofs(Protocol):
    async def use(self, proof_digest: bytes) -> None:
        """Remember a proof, when nothing else of the request does.

        :raises ProofRejected: it was used before
        """
        ...


class Sessions(Protocol):
    async def rotate(
        self, session_id: UUID, *, key_thumbprint: str, proof_digest: bytes, old_hash: bytes, new_hash: bytes
    ) -> SignedInDevice | None:
        """Put the new token in the place of the old one, if that is the newest, and proof and key are good.

        The proof is remembered either way, if it was not before.
        """
        ...

    async def lock(self, session_id: UUID) -> Session | None:
        """The session as it stands, which stands still until the transaction ends."""
        ...

    async def revoke(self, session_id: UUID, reason: str) -> None:
        """End a session; one that is over already stays as it is."""
        ...

    async def revoke_all(self, user_id: UUID, reason: str) -> None:
        """End all sessions of a user."""
        ...

    async def revoke_device(self, device_id: UUID, reason: str) -> None:
        """End a device: it is nobody's any more, and its session is over."""
        ...

    async def lock_user(self, user_id: UUID) -> None:
        """Whoever wants to end the user's devices waits until the transaction ends."""
        ...

    async def devices(self, user_id: UUID) -> list[OwnDevice]:
        """Those that are not revoked, the last seen first."""
        ...

    async def record_security_event(self, user_id: UUID, kind: str, device_id: UUID | None = None) -> None:
        """Write down a security event."""
        ...


class People(Protocol):
    """Users as operators see them. An act and its record belong into one transaction."""

    async def suspend(self, user_id: UUID, *, until: datetime | None, reason: str) -> bool:
        """Also changes the end and the reason of a suspension that holds. :returns: whether there is such a user"""
        ...

    async def restore(self, user_id: UUID) -> bool:
        """:returns: whether the user was suspended, though perhaps only until some time ago"""
        ...

    async def exists(self, user_id: UUID) -> bool: ...

    async def record(self, operation: Operation, act: Act, user_id: UUID | None, data: dict[str, object]) -> None:
        """Write down what was done."""
        ...


class Transfers(Protocol):
    async def issue(
        self,
        user_id: UUID,
        device_id: UUID,
        code: TransferCode,
        code_hash: bytes,
        *,
        sign_out_old_device: bool,
        lifetime: timedelta,
    ) -> IssuedTransferCode | None:
        """Keep a new code; older ones of the user are void. :returns: none if the device is not the user's any more"""
        ...

    async def take(self, code: TransferCode, code_hash: bytes) -> TakenTransferCode | None:
        """Use a code up, if it is good; else count the attempt. Only a commit makes either so."""
        ...

    async def find_device(
        self, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str
    ) -> tuple[UUID, UUID] | None:
        """:returns: the device with just this identifier and this key, and its user"""
        ...

    async def add_device(
        self, user_id: UUID, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str
    ) -> UUID:
        """A new device of an account.

        :raises AccountsBusy: the same one came to be at the same moment; to be tried again
        """
        ...

    async def move_device(self, device_id: UUID, user_id: UUID) -> None: ...

    async def open_session(self, device_id: UUID, user_id: UUID, refresh_hash: bytes) -> SignedInDevice:
        """Sign a device in as its user; what it was signed in as before is over, with its access tokens."""
        ...

    async def forget_guest(self, user_id: UUID) -> bool:
        """Remove a guest that nobody would miss and nobody can reach. :returns: whether it was one"""
        ...


class Merges(Protocol):
    """Those that say so raise `AccountsBusy`: let go of the transaction, and try it again."""

    async def side(self, user_id: UUID) -> MergeSide | None:
        """An account as it stands."""
        ...

    async def lock_users(self, *user_ids: UUID) -> None:
        """Neither is merged, loses devices or is deleted until the transaction ends."""
        ...

    async def lock_accounts(self, *user_ids: UUID) -> None:
        """Nothing is spent or asked for until the transaction ends."""
        ...

    async def lock_device(self, device_id: UUID, user_id: UUID, key_thumbprint: str) -> bool:
        """:returns: whether it is the user's, and has this key

        :raises AccountsBusy: it signs in just now
        """
        ...

    async def move(self, leaving: UUID, staying: UUID) -> Merged:
        """Move all that is the guest's; both users are locked.

        :raises AccountsBusy:
        """
        ...

    async def find(self, merge_id: UUID, into_user_id: UUID) -> UUID | None:
        """The guest that was merged into this user."""
        ...

    async def lock_moved(self, merge_id: UUID, guest: UUID, into_user_id: UUID) -> Undoing | None:
        """What a merge moved and what became of it, all of it locked, as both users are.

        :returns: none if it is undone, or too old
        :raises AccountsBusy:
        """
        ...

    async def move_back(
        self, merge_id: UUID, guest: UUID, into_user_id: UUID, found: Undoing, credits_back: Return
    ) -> int:
        """Move what was found. :returns: how many pictures went"""
        ...


class Members(Protocol):
    async def confirm(self, member: PoolMember) -> UUID:
        """Make the member's user a member with this address; the same again changes nothing. Not within a transaction.

        :returns: the user's id
        """
        ...

    async def user_of(self, sub: UUID, email: str) -> UUID | None:
        """The user of the pool's member, if it has this address here, too."""
        ...

    async def email_of(self, user_id: UUID) -> str | None:
        """The member's address; none of a guest."""
        ...


class MemberPool(Protocol):
    """The user pool: it keeps the passwords and sends the codes. All of it may raise `MembersUnavailable`.

    Those that take the password of a signed-in member raise `SignInRefused`, whatever is wrong, `TotpRequired` if the
    password is right and the authenticator app's code missing or wrong, and `PoolBusy`.
    """

    async def sign_up(self, email: str, password: Password, user_id: UUID) -> None:
        """Begin a membership; the code goes to the address. Nothing happens if a member has the address.

        :raises PasswordGuessable:
        """
        ...

    async def confirm(self, email: str, code: str, user_id: UUID) -> PoolMember:
        """Show that the mail was read, by the guest that signed up.

        :raises CodeRefused: also if another user began this membership, or nobody did
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
        """:raises CodeRefused: whatever is wrong
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


class GuestIdentitiesUnavailable(Exception):
    """Cognito gives no identities now."""


class GuestIdentities(Protocol):
    async def create(self) -> str:
        """A new identity, its id.

        :raises GuestIdentitiesUnavailable: not now
        """
        ...


class Guests(Protocol):
    async def without_identity(self, limit: int) -> list[UUID]:
        """The oldest that have none; not locked."""
        ...

    async def attach_identity(self, user_id: UUID, identity_id: str) -> bool:
        """:returns: whether the guest is there and had none"""
        ...

    async def let_go(self, *, unused_for: timedelta, limit: int) -> int:
        """Part with guests that nobody has used for so long: no device leads to them, their pictures are deleted.

        :returns: how many
        """
        ...

    async def lock_erased(self, limit: int) -> list[UUID]:
        """Those let go whose pictures are all erased, locked until the transaction ends."""
        ...

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove all rows of guests that were let go."""
        ...


class Retention(Protocol):
    async def prune(self, what: Retained, *, age: timedelta, limit: int) -> int:
        """Remove the oldest that are older than `age`. :returns: how many were removed, `limit` at most"""
        ...


class AttestationVerifier(Protocol):
    def verify(self, platform: Platform, attestation: str, *, client_data: bytes, now: float) -> None:
        """Check what the maker of the device says, which was made for just this `client_data`.

        :param now: seconds since 1970
        :raises DeviceNotAttested: says why
        """
        ...


class Attestations(Protocol):
    async def known(self, platform: Platform, identifier_hashes: IdentifierHashes, key_thumbprint: str) -> bool:
        """Whether just this device, which nobody has revoked, was attested."""
        ...

    async def record(self, device_id: UUID) -> None: ...
