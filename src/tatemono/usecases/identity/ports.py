"""What the use cases of identity need of the outside world; `member_pool_ports` has the user pool."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.identity.devices import IdentifierHashes, Platform, SignedInDevice
from tatemono.domain.identity.members import PoolMember
from tatemono.domain.identity.merges import Merged, MergeSide, Return, Undoing
from tatemono.domain.identity.sessions import OwnDevice, Session
from tatemono.domain.identity.transfers import IssuedTransferCode, TakenTransferCode, TransferCode
from tatemono.usecases.ports import Transactions


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
        :raises DeletionPending: nothing was opened
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

        The account that had the identifier first, with another key, gets a security event, one an hour at most.
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
        """The session as it stands, locked until the transaction ends."""
        ...

    async def revoke(self, session_id: UUID, reason: str) -> None:
        """End a session; one that is over already stays as it is."""
        ...

    async def revoke_all(self, user_id: UUID, reason: str) -> None:
        """End all sessions of a user."""
        ...

    async def revoke_device(self, device_id: UUID, reason: str) -> None:
        """End a device: it has no user any more, and its session is over."""
        ...

    async def lock_user(self, user_id: UUID) -> None:
        """Others that would end the user's devices wait until the transaction ends."""
        ...

    async def devices(self, user_id: UUID) -> list[OwnDevice]:
        """Those that are not revoked, the last seen first."""
        ...

    async def record_security_event(self, user_id: UUID, kind: str, device_id: UUID | None = None) -> None:
        """Write down a security event."""
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
        """Use a code up, if it is good; else count the attempt. Both need the commit."""
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
        """Remove a guest that has nothing of its own and no device. :returns: whether it was one"""
        ...


class Merges(Protocol):
    """Methods that raise `AccountsBusy` want the whole transaction ended, and tried again."""

    async def side(self, user_id: UUID) -> MergeSide | None:
        """An account as it stands."""
        ...

    async def lock_users(self, *user_ids: UUID) -> None:
        """None of them is merged, loses devices or is deleted until the transaction ends."""
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
        """Move what was found. :returns: how many pictures went

        :raises AccountsBusy:
        """
        ...


class Members(Protocol):
    async def confirm(self, member: PoolMember) -> UUID:
        """Make the member's user a member with this address; the same again changes nothing. Not within a transaction.

        :returns: the user's id
        :raises AccountErased: it has been erased, or is being erased
        """
        ...

    async def user_of(self, sub: UUID, email: str) -> UUID | None:
        """The user of the pool's member, if it has this address here, too."""
        ...

    async def email_of(self, user_id: UUID) -> str | None:
        """The member's address; none of a guest."""
        ...


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
        """Let go of guests that were not used for so long: no device leads to them, their pictures are deleted.

        :returns: how many
        """
        ...

    async def lock_erased(self, limit: int) -> list[UUID]:
        """Guests that were let go and whose pictures are all erased, locked until the transaction ends."""
        ...

    async def delete(self, ids: Sequence[UUID]) -> None:
        """Remove all rows of guests that were let go."""
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
        """Whether just this device was attested, and is not revoked."""
        ...

    async def record(self, device_id: UUID) -> None: ...


class IdentityRows(Protocol):
    @property
    def attestations(self) -> Attestations: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def guests(self) -> Guests: ...
    @property
    def members(self) -> Members: ...
    @property
    def merges(self) -> Merges: ...
    @property
    def proofs(self) -> Proofs: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def transfers(self) -> Transfers: ...


class IdentityDatabase(IdentityRows, Transactions[IdentityRows], Protocol): ...
