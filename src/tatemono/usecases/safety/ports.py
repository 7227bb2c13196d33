"""What keeping people safe needs of the outside world."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tatemono.domain.safety.moderation import Finding, HashClass, Stage, Strike
from tatemono.domain.safety.reports import Decision, MovingPicture, Origin, Report, ReportReason, Takedown


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
    """Judges pictures here, without telling anybody: the hook for a classifier of one's own."""

    async def classify(self, picture: bytes, stage: Stage) -> Finding: ...


class PictureHasher(Protocol):
    async def hashes(self, picture: bytes) -> tuple[int, ...]:
        """Difference hashes, 64 bits each: of the picture, and of its mirror image."""
        ...


class Quarantine(Protocol):
    """A bucket that nothing is served from, and only the worker's role can read."""

    async def keep(self, key: str, data: bytes, *, content_type: str) -> None: ...

    async def move_in(self, key: str, to: str) -> bytes | None:
        """Take an object out of where pictures are served. To repeat it changes nothing.

        :returns: its bytes; none if it is in neither place
        """
        ...

    async def move_back(self, key: str, to: str, *, content_type: str) -> bool:
        """:returns: whether it is where it was"""
        ...

    async def erase(self, keys: Sequence[str]) -> None: ...


class EdgeCache(Protocol):
    async def invalidate(self, object_keys: Sequence[str], *, reference: str) -> None:
        """Have the edge forget these objects.

        :param reference: to ask again with the same changes nothing
        """
        ...


class ContentCredentials(Protocol):
    async def sign(self, picture: bytes, content_type: str, *, model: str) -> bytes:
        """The same pixels, with a signed statement that a model made them."""
        ...


class BlockedHashes(Protocol):
    async def match(self, hashes: Sequence[int]) -> HashClass | None: ...
    async def add(
        self, difference_hash: int, hash_class: HashClass, note: str | None, *, by: str, picture_id: UUID | None = None
    ) -> Any: ...
    async def remove_of(self, picture_id: UUID) -> None: ...


class Moderations(Protocol):
    async def record(
        self, generation_id: UUID, fence: int, finding: Finding, *, by: str, request_id: str | None, away: bool = False
    ) -> None: ...


class Strikes(Protocol):
    async def add(self, user_id: UUID, reason: str, picture_id: UUID | None, *, counts_for: timedelta) -> bool: ...
    async def of(self, user_id: UUID) -> list[Strike]: ...
    async def remove_of(self, picture_id: UUID) -> None: ...
    async def suspend(self, user_id: UUID, *, until: datetime, reason: str) -> bool: ...
    async def email_of(self, user_id: UUID) -> str | None: ...
    async def freeze(self, user_id: UUID, reason: str) -> bool: ...


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
    ) -> bool: ...
    async def decide(self, report_id: UUID, by: str, decision: Decision) -> Report: ...


class Takedowns(Protocol):
    async def take_down(
        self, picture_id: UUID, *, reason: str, by: str, undo_for: timedelta, escalated: bool
    ) -> bool: ...
    async def find(self, picture_id: UUID) -> tuple[Takedown, MovingPicture, bytes] | None: ...
    async def escalate(self, picture_id: UUID) -> None: ...
    async def ask_undo(self, picture_id: UUID) -> None: ...
    async def to_move(self, limit: int) -> list[MovingPicture]: ...
    async def to_invalidate(self, limit: int) -> list[MovingPicture]: ...
    async def to_bring_back(self, limit: int) -> list[MovingPicture]: ...
    async def to_erase(self, limit: int) -> list[MovingPicture]: ...
    async def mark_moved(self, picture_id: UUID) -> None: ...
    async def mark_invalidated(self, picture_ids: Sequence[UUID]) -> None: ...
    async def bring_back(self, picture_id: UUID) -> bool: ...
    async def refuse_undo(self, picture_id: UUID) -> None: ...
    async def forget(self, picture_id: UUID) -> None: ...
