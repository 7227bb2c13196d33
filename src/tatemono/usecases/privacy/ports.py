"""What the use cases of privacy need of the outside world."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.privacy.account_deletion import Deletion, Receipt
from tatemono.domain.privacy.exports import (
    Export,
    ExportClaim,
    ExportedCredits,
    ExportedGeneration,
    ExportedPicture,
    Profile,
)
from tatemono.domain.privacy.residual_data import PoolMemberSeen
from tatemono.domain.privacy.retention import Retained
from tatemono.usecases.identity.ports import Members, Merges, Proofs, Transfers
from tatemono.usecases.mail.ports import Mails
from tatemono.usecases.pictures.ports import StoredObject
from tatemono.usecases.ports import Transactions


@dataclass(frozen=True, slots=True)
class Erasing:
    """A deletion whose erasure has begun, and the users that it concerns.

    :ivar family: the user, and all users that were merged into it
    :ivar busy: how many of their generations wait or run
    """

    deletion: Deletion
    family: Sequence[UUID]
    emails: Sequence[str]
    members: Sequence[UUID]
    identities: Sequence[str]
    busy: int
    counts: Mapping[str, int]


class Deletions(Protocol):
    """Methods that raise `AccountsBusy` want the whole transaction ended, and tried again."""

    async def request(self, user_id: UUID, *, grace: timedelta, language: str) -> Deletion:
        """Write it down, void what opens the account, and end what was under way for it. The user is locked.

        :raises AccountsBusy:
        """
        ...

    async def cancel_generations(self, user_id: UUID) -> list[UUID]:
        """Cancel what waits, with its credits; ask for what runs to be let go. :returns: those it concerns

        :raises AccountsBusy:
        """
        ...

    async def undo(self, user_id: UUID) -> bool:
        """:returns: whether there was one that had not begun"""
        ...

    async def pending(self, user_id: UUID) -> Deletion | None: ...

    async def begin_due(self, limit: int) -> int:
        """Begin the erasure of those whose time has come: it cannot be undone from here on. :returns: how many"""
        ...

    async def begun(self, limit: int) -> list[UUID]:
        """Deletions whose erasure is under way, some of them if there are more."""
        ...

    async def lock_begun(self, deletion_id: UUID) -> Erasing | None:
        """:returns: none if another process is at it, or it is done"""
        ...

    async def protected(self, keys: Sequence[str], family: Sequence[UUID]) -> set[str]:
        """Those of the objects that are pictures of other users: after a merge that was undone."""
        ...

    async def strays(self, family: Sequence[UUID]) -> list[str]:
        """Objects of their pictures that lie in the folder of another user: after a merge that was undone."""
        ...

    async def note(self, deletion_id: UUID, counts: Mapping[str, int]) -> None:
        """Keep counts for the receipt."""
        ...

    async def erase_rows(self, erasing: Erasing) -> dict[str, int]:
        """Remove every row of the family; what they took and spent stays as a sum. :returns: how many of what"""
        ...

    async def finish(self, receipt: Receipt, mac: bytes) -> None:
        """Keep the receipt; the deletion is done."""
        ...

    async def now(self) -> datetime:
        """By the database's clock."""
        ...

    async def forget_erased(self, *, older_than: timedelta, limit: int) -> int:
        """Forget the users whose erasure is so long ago. :returns: how many"""
        ...


class ObjectFolders(Protocol):
    """The store by folders."""

    async def listed(self, prefix: str, *, after: str = "", limit: int = 1000) -> list[StoredObject]:
        """The objects below a folder in the order of their keys, from the first that comes after `after`."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...

    async def abort_uploads(self, prefix: str) -> None:
        """End uploads in parts that were not finished."""
        ...


class MemberDirectory(Protocol):
    """Who is in the members' user pool. Every method may raise `MembersUnavailable`."""

    async def delete(self, sub: UUID) -> None:
        """The membership is over; one that is gone already does not matter."""
        ...

    async def listed(self, after: str | None) -> tuple[list[PoolMemberSeen], str | None]:
        """A page, and where the next begins; none if there is no next.

        :raises MembersUnavailable: also if `after` is too old
        """
        ...

    async def exists(self, sub: UUID) -> bool: ...


@dataclass(frozen=True, slots=True)
class IdentitySeen:
    id: str
    created_at: datetime


class IdentityDirectory(Protocol):
    """Who is in the guests' identity pool. Every method may raise `GuestIdentitiesUnavailable`."""

    async def delete_identities(self, ids: Sequence[str]) -> None:
        """Those that are gone already do not matter.

        :raises GuestIdentitiesUnavailable: some of them are left
        """
        ...

    async def listed(self, after: str | None) -> tuple[list[IdentitySeen], str | None]:
        """A page, and where the next begins; none if there is no next.

        :raises GuestIdentitiesUnavailable: also if `after` is too old
        """
        ...


class ResidualData(Protocol):
    async def begin(self, kind: str, *, every: timedelta) -> tuple[bool, str | None]:
        """:returns: whether it is time, and this caller's turn; and where to go on"""
        ...

    async def finish(self, kind: str, *, after: str | None, looked_at: int, found: int, repaired: int) -> None:
        """Write down what a run came to."""
        ...

    async def objects_known(self, keys: Sequence[str]) -> set[str]:
        """Those that belong to a row."""
        ...

    async def subs_known(self, subs: Collection[UUID]) -> set[UUID]: ...

    async def users_known(self, ids: Collection[UUID]) -> set[UUID]: ...

    async def identities_known(self, ids: Collection[str]) -> set[str]: ...

    async def members(self, *, after: UUID | None, limit: int) -> list[tuple[UUID, UUID, datetime]]:
        """Members by id: id, `sub`, and since when their address counts."""
        ...

    async def make_guest(self, user_id: UUID, sub: UUID) -> bool:
        """A member whose Cognito user is gone is a guest again, if a device leads to it. :returns: whether one does"""
        ...


class Exports(Protocol):
    async def request(self, user_id: UUID, *, language: str) -> Export:
        """A new one with its ticket, or the one that is still under way."""
        ...

    async def finish(self, claim: ExportClaim, *, size_bytes: int, pictures: int, keep: timedelta) -> datetime | None:
        """:returns: when it will be erased; none if the claim is lost"""
        ...

    async def profile(self, user_id: UUID) -> Profile | None: ...

    async def pictures(self, user_id: UUID, *, after: UUID | None, limit: int) -> list[ExportedPicture]:
        """The oldest first, as the two below."""
        ...

    async def generations(self, user_id: UUID, *, after: UUID | None, limit: int) -> list[ExportedGeneration]: ...

    async def credits(self, user_id: UUID, *, after: int, limit: int) -> list[ExportedCredits]: ...

    async def lock_over(self, limit: int) -> list[tuple[UUID, str]]:
        """Those whose time is over, with their objects; locked."""
        ...

    async def delete(self, ids: Sequence[UUID]) -> None: ...


class Retention(Protocol):
    async def prune(self, what: Retained, *, age: timedelta, limit: int) -> int:
        """Remove the oldest that are older than `age`. :returns: how many were removed, `limit` at most"""
        ...


class PrivacyRows(Protocol):
    @property
    def deletions(self) -> Deletions: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def members(self) -> Members: ...
    @property
    def merges(self) -> Merges: ...
    @property
    def proofs(self) -> Proofs: ...
    @property
    def residual_data(self) -> ResidualData: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def transfers(self) -> Transfers: ...


class PrivacyDatabase(PrivacyRows, Transactions[PrivacyRows], Protocol): ...


class Upload(Protocol):
    """An object that is written from beginning to end, and is there when it is finished."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> None: ...

    async def abort(self) -> None:
        """One that is gone already does not matter."""
        ...


class ExportStore(Protocol):
    async def upload(self, key: str, *, content_type: str, file_name: str) -> Upload:
        """Begin an object. :param file_name: the name under which a browser keeps it"""
        ...

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes as they come; nothing if there is no such object."""
        ...

    async def abort_uploads(self, prefix: str) -> None:
        """End uploads in parts that were not finished."""
        ...


class Archive(Protocol):
    """:ivar size_bytes: so far"""

    size_bytes: int

    async def begin(self, name: str, modified_at: datetime, *, size_bytes: int = 0, compressed: bool = False) -> None:
        """The next entry. :param size_bytes: about how long it will be"""
        ...

    async def write(self, data: bytes) -> None:
        """More of the entry."""
        ...

    async def close(self) -> None:
        """End the archive, after the last entry."""
        ...
