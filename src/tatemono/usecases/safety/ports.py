"""What the use cases of safety need of the outside world."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tatemono.domain.safety.moderation import Finding, HashClass, Stage, Strike
from tatemono.domain.safety.reports import Decision, MovingPicture, Origin, Report, ReportReason, Takedown
from tatemono.usecases.identity.ports import Sessions
from tatemono.usecases.mail.ports import Mails
from tatemono.usecases.operators.ports import People
from tatemono.usecases.pictures.ports import References
from tatemono.usecases.ports import Transactions


class ModerationUnavailable(Exception):
    """The provider's moderation gave no usable answer; the message never holds what was asked about."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """:ivar categories: those that are flagged; none: nothing is wrong"""

    categories: tuple[str, ...]
    request_id: str | None


class Moderator(Protocol):
    """A third party that judges. What is suspected to be illegal never goes there."""

    async def judge(
        self, *, text: str | None = None, picture: bytes | None = None, client_request_id: str
    ) -> Judgement:
        """
        :param picture: PNG, JPEG or WebP
        :raises ModerationUnavailable: no answer, or one that is not understood
        """
        ...


class PictureClassifier(Protocol):
    """Judges pictures here, without any third party: the hook for a classifier of one's own."""

    async def classify(self, picture: bytes, stage: Stage) -> Finding: ...


class PictureHasher(Protocol):
    async def hashes(self, picture: bytes) -> tuple[int, ...]:
        """Difference hashes, 64 bits each: of the picture and of its mirror image; none if the bytes are no picture."""
        ...


class Quarantine(Protocol):
    """A bucket that nothing is served from, and only the worker's role can read."""

    async def keep(self, key: str, data: bytes, *, content_type: str) -> None:
        """:raises PaintingFailed: `Failure.NOT_KEPT`"""
        ...

    async def move_in(self, key: str, to: str) -> bytes | None:
        """Take an object out of where pictures are served: it is gone there once this returns.

        To repeat it changes nothing.

        :returns: its bytes; none if it is in neither place
        """
        ...

    async def move_back(self, key: str, to: str, *, content_type: str) -> bool:
        """:returns: whether it is where it was"""
        ...

    async def erase(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class EdgeCache(Protocol):
    async def invalidate(self, object_keys: Sequence[str], *, reference: str) -> None:
        """Have the edge forget these objects.

        :param reference: to ask again with the same changes nothing
        """
        ...


class ContentCredentials(Protocol):
    async def sign(self, picture: bytes, content_type: str, *, model: str) -> bytes:
        """The same pixels, with a signed statement that this model made them."""
        ...


class BlockedHashes(Protocol):
    async def match(self, hashes: Sequence[int]) -> HashClass | None:
        """The class of a blocked picture that has one of these hashes, `illegal` before others."""
        ...

    async def add(
        self, difference_hash: int, hash_class: HashClass, note: str | None, *, by: str, picture_id: UUID | None = None
    ) -> Any:
        """
        :raises HashNotTelling: it is that of a plain surface
        :raises HashExists: it is there; that it is illegal is added all the same
        """
        ...

    async def remove_of(self, picture_id: UUID) -> None:
        """Forget the hash that a takedown brought here."""
        ...


class Moderations(Protocol):
    """Each look at a prompt or a picture."""

    async def record(
        self, generation_id: UUID, fence: int, finding: Finding, *, by: str, request_id: str | None, away: bool = False
    ) -> None:
        """
        :param by: `local` or `provider`
        :param away: the provider did not answer
        """
        ...


class Strikes(Protocol):
    async def add(self, user_id: UUID, reason: str, picture_id: UUID | None, *, counts_for: timedelta) -> bool:
        """:returns: whether it is new: a picture strikes once"""
        ...

    async def of(self, user_id: UUID) -> list[Strike]:
        """Those that still count, the newest first."""
        ...

    async def remove_of(self, picture_id: UUID) -> None:
        """A strike for this picture counts no more."""
        ...

    async def suspend(self, user_id: UUID, *, until: datetime, reason: str) -> bool:
        """Suspend until then, unless it is suspended for longer. :returns: whether that is new"""
        ...

    async def email_of(self, user_id: UUID) -> str | None:
        """A member's address; guests have none."""
        ...

    async def freeze(self, user_id: UUID, reason: str) -> bool:
        """Suspend without an end, whether it was suspended or not. :returns: whether it was not frozen before"""
        ...


class Escalations(Protocol):
    async def add(
        self,
        finding: Finding,
        *,
        user_id: UUID,
        found_by: str,
        reason: str,
        generation_id: UUID | None = None,
        picture_id: UUID | None = None,
        sha256: bytes | None = None,
        evidence_key: str | None = None,
    ) -> None: ...


class Reports(Protocol):
    async def add(
        self,
        *,
        picture_id: UUID | None,
        object_key: str | None,
        reporter_id: UUID | None,
        origin: Origin,
        reason: ReportReason,
        note: str | None,
    ) -> bool:
        """
        :param reporter_id: only a picture of this user; none: of any user
        :returns: whether there is such a picture
        """
        ...

    async def find(self, report_id: UUID) -> Report:
        """:raises NoSuchReport: there is none with this id"""
        ...

    async def decide(self, report_id: UUID, by: str, decision: Decision) -> Report:
        """Also decide the others about the same picture that no other operator has claimed.

        :raises NoSuchReport: there is none with this id
        :raises NotClaimed: it is not this operator's, or not any more
        """
        ...


class Takedowns(Protocol):
    """Methods that list pictures give the oldest takedowns first."""

    async def take_down(self, picture_id: UUID, *, reason: str, by: str, undo_for: timedelta, escalated: bool) -> bool:
        """From here on no query for pictures finds it, and no archive holds it. :returns: whether it was there"""
        ...

    async def find(self, picture_id: UUID) -> tuple[Takedown, MovingPicture, bytes] | None:
        """With its objects, and the SHA-256 of the picture."""
        ...

    async def escalate(self, picture_id: UUID) -> None:
        """It stays from now on; its move is done once more, since its hash is now that of something illegal."""
        ...

    async def ask_undo(self, picture_id: UUID) -> None:
        """
        :raises NoSuchTakedown: there is none
        :raises CannotUndo: it is evidence, its time is over, or what it belonged to is gone
        """
        ...

    async def to_move(self, limit: int) -> list[MovingPicture]:
        """Those whose bytes are still where they were served."""
        ...

    async def to_invalidate(self, limit: int) -> list[MovingPicture]:
        """Those that were moved, and that the edge may still have."""
        ...

    async def to_bring_back(self, limit: int) -> list[MovingPicture]:
        """Those that were moved, and that an operator wants back."""
        ...

    async def to_erase(self, limit: int) -> list[MovingPicture]:
        """Those whose time to be undone is over."""
        ...

    async def mark_moved(self, picture_id: UUID) -> None: ...

    async def mark_invalidated(self, picture_ids: Sequence[UUID]) -> None: ...

    async def bring_back(self, picture_id: UUID) -> bool:
        """:returns: whether the picture is there again; not so if what it belonged to is gone"""
        ...

    async def refuse_undo(self, picture_id: UUID) -> None:
        """It cannot be brought back after all."""
        ...

    async def forget(self, picture_id: UUID) -> None:
        """Remove the row."""
        ...


class SafetyRows(Protocol):
    @property
    def blocked_hashes(self) -> BlockedHashes: ...
    @property
    def escalations(self) -> Escalations: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def moderations(self) -> Moderations: ...
    @property
    def people(self) -> People: ...
    @property
    def references(self) -> References: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def strikes(self) -> Strikes: ...
    @property
    def takedowns(self) -> Takedowns: ...


class SafetyDatabase(SafetyRows, Transactions[SafetyRows], Protocol): ...
