"""Two accounts of one person become one.

A person signs in, or brings a transfer code, on a phone whose guest has something of its own. Nothing of it is lost:

- generations, also those that wait or are painted now, their pictures and their devices go over;
- strikes for pictures that were taken down go over, and count together with those of the account gone into;
- credits add up, those held for generations with them; what was spent stays told where it was spent;
- the pictures' objects stay where they are in the store, under the guest's id: the rows say whose they are;
- everything else (e-mail, password, settings, Cognito identity, creation date) is that of the account gone into.

For seven days it can be undone, by the account gone into. Exactly what went over goes back, with what became of it:
what was painted in between comes along and is paid for by the credits that came with it. If the credits were spent
meanwhile, as many go back as are left, and the answer says how many are missing; no account ever goes below zero. A
device that was revoked meanwhile stays revoked; if none is left, the guest could never be reached again, and undoing is
refused.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import Conflict, Invalid, NotFound, Unavailable
from tatemono.domain.identity.devices import UserKind
from tatemono.domain.identity.sessions import AccountSuspended, OnlyWayIn, Suspension
from tatemono.domain.privacy.account_deletion import DeletionPending

UNDO_WITHIN = timedelta(days=7)
#: From the sign-in that found two accounts to the person's yes.
MERGE_TOKEN_LIFETIME = timedelta(minutes=15)


class MergeTokenRejected(Invalid):
    code = "merge_token_rejected"
    texts: ClassVar[dict[str, str]] = {
        "en": "This merge token is wrong, too old, or another device's. Sign in again to get a new one.",
        "ja": "統合トークンが無効か、期限切れか、別の端末のものです。もう一度サインインしてください。",
    }


class NotMergeable(Conflict):
    code = "not_mergeable"
    texts: ClassVar[dict[str, str]] = {
        "en": "These two accounts cannot be merged any more: one of them is merged already, or is no guest.",
        "ja": "この 2 つのアカウントは統合できません。すでに統合済みか、ゲストではありません。",
    }


class NoSuchMerge(NotFound):
    code = "no_such_merge"
    texts: ClassVar[dict[str, str]] = {
        "en": "Nothing was merged into this account under this id.",
        "ja": "このアカウントに該当する統合はありません。",
    }


class TooLateToUndo(Conflict):
    code = "too_late_to_undo"
    texts: ClassVar[dict[str, str]] = {
        "en": "This merge is undone already, or more than seven days old.",
        "ja": "この統合は取り消し済みか、7 日以上経過しています。",
    }


class NoDeviceToReturn(Conflict):
    code = "no_device_to_return"
    texts: ClassVar[dict[str, str]] = {
        "en": "None of the devices that came with this account is left, so nobody could open it again.",
        "ja": "統合元の端末がすべて解除されているため、取り消すとそのアカウントを開けなくなります。",
    }


class AccountsBusy(Unavailable):
    code = "accounts_busy"
    texts: ClassVar[dict[str, str]] = {
        "en": "Too much happens to these accounts at once. Try again in a moment.",
        "ja": "アカウントへの操作が集中しています。少し待ってからもう一度お試しください。",
    }


@dataclass(frozen=True, slots=True)
class MergeGrant:
    """Proof that the person has shown, on this device, to be both users.

    :ivar sign_out_device_id: a phone that is to be signed out with the merge
    """

    from_user_id: UUID
    into_user_id: UUID
    device_id: UUID
    sign_out_device_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MergeSide:
    """One of two accounts as it stands.

    :ivar strikes: those that still count
    :ivar erase_at: its user has asked to delete it by then
    :ivar empty: nothing would be lost with it: it has never asked for a picture, nothing came into it but the welcome
    """

    user_id: UUID
    kind: UserKind
    email: str | None
    merged: bool
    empty: bool
    suspension: Suspension | None
    erase_at: datetime | None
    generations: int
    in_flight: int
    pictures: int
    devices: int
    strikes: int
    credits_available: int
    credits_held: int

    def check_open(self) -> None:
        """Whether anything may go over from here, or come in.

        :raises NotMergeable: it is merged itself
        :raises AccountSuspended:
        :raises DeletionPending:
        """
        if self.merged:
            raise NotMergeable
        if self.suspension is not None:
            raise AccountSuspended(self.suspension)
        if self.erase_at is not None:
            raise DeletionPending(self.erase_at)


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What would come of it. `leaving` is the guest that goes over, `staying` the account gone into."""

    leaving: MergeSide
    staying: MergeSide

    def check(self) -> None:
        """Whether the one may be merged into the other.

        :raises NotMergeable:
        :raises AccountSuspended: either of them is
        """
        if self.leaving.kind is not UserKind.GUEST or self.leaving.user_id == self.staying.user_id:
            raise NotMergeable
        self.leaving.check_open()
        self.staying.check_open()

    @property
    def credits_after(self) -> int:
        return self.leaving.credits_available + self.staying.credits_available


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge that was done; its counts are those of what went over."""

    id: UUID
    generations: int
    pictures: int
    devices: int
    credits_moved: int
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class Undone:
    """A merge that was undone.

    :ivar user_id: the guest that is back
    :ivar credits_short: so many fewer than came, since they were spent meanwhile
    """

    user_id: UUID
    generations: int
    pictures: int
    devices: int
    credits_returned: int
    credits_short: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What a merge has moved, kept so that it can move back. Pictures are where their generation is.

    :ivar in_flight: those of `generations` that were not finished then
    :ivar available: credits that came over free
    :ivar held: credits that came over held for `in_flight`
    :ivar strikes: those that came over, also such as count no more
    """

    generations: list[UUID]
    in_flight: list[UUID]
    devices: list[UUID]
    available: int
    held: int
    strikes: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Return:
    """What of the credits goes back free, and what is missing."""

    available: int
    short: int


@dataclass(frozen=True, slots=True)
class Undoing:
    """What a merge has moved, as it stands now.

    :ivar devices: those that moved and are still there
    :ivar devices_staying: how many the account gone into has besides
    :ivar queued: how many of the generations wait; `running`: are painted
    :ivar in_flight: the price of both: credits that go back held
    :ivar settled: the price of those that have succeeded since
    """

    moved: Moved
    devices: list[UUID]
    devices_staying: int
    queued: int
    running: int
    in_flight: int
    settled: int

    def check(self, staying: UserKind) -> None:
        """Both must have a way in afterwards.

        :raises NoDeviceToReturn:
        :raises OnlyWayIn:
        """
        if not self.devices:
            raise NoDeviceToReturn
        if staying is UserKind.GUEST and not self.devices_staying:
            raise OnlyWayIn

    def credits_back(self, left: int) -> Return:
        """:param left: what the account gone into has available"""
        owed = self.moved.available + self.moved.held - self.in_flight - self.settled
        available = min(owed, left)
        return Return(available, owed - available)


@dataclass(frozen=True, slots=True)
class UndoableMerge:
    """A merge that is not too old to be undone, as everything stands now.

    :ivar user_id: the guest that would be back
    :ivar obstacle: the code of the refusal that undoing would meet; none: it would go through
    """

    id: UUID
    user_id: UUID
    merged_at: datetime
    undo_until: datetime
    generations: int
    in_flight: int
    pictures: int
    devices: int
    credits_back: Return
    obstacle: str | None

    @classmethod
    def seen(
        cls,
        merge_id: UUID,
        user_id: UUID,
        merged_at: datetime,
        *,
        found: Undoing,
        pictures: int,
        staying: UserKind,
        credits_left: int,
    ) -> "UndoableMerge":
        """What would come of undoing it by itself.

        :param staying: what the account gone into is
        :param credits_left: what it has available
        """
        try:
            found.check(staying)
            obstacle = None
        except (NoDeviceToReturn, OnlyWayIn) as refusal:
            obstacle = refusal.code
        return cls(
            id=merge_id,
            user_id=user_id,
            merged_at=merged_at,
            undo_until=merged_at + UNDO_WITHIN,
            generations=len(found.moved.generations),
            in_flight=found.queued + found.running,
            pictures=pictures,
            devices=len(found.devices),
            credits_back=found.credits_back(credits_left),
            obstacle=obstacle,
        )
