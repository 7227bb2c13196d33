"""What the use cases need of the outside world about the queue as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.breakers import Breaker
from tatemono.domain.dead_letters import DeadMessage
from tatemono.domain.queue import Priority


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """One that may have left objects in the store, whose keys begin with `object_stem`."""

    generation_id: UUID
    fence: int
    object_stem: str
    pictures: int
    extension: str


class Queue(Protocol):
    """What operators tell the queue. :returns: whether it was not so before"""

    async def pause(self, by: str, reason: str) -> bool: ...
    async def resume(self) -> bool: ...
    async def drain(self, by: str, reason: str) -> bool: ...
    async def fill(self) -> bool: ...
    async def reprioritise(
        self, priority: Priority, *, generation_id: UUID | None, user_id: UUID | None
    ) -> int | None: ...


class Painters(Protocol):
    """What the workers know of each painter together."""

    async def lock(self, provider: str, model: str) -> Breaker: ...
    async def save(self, provider: str, model: str, breaker: Breaker) -> None: ...


class DeadLetters(Protocol):
    async def keep(self, queue: str, messages: Sequence[DeadMessage]) -> None:
        """Those that are kept already are counted once more."""
        ...

    async def choose(self, queue: str, ids: Sequence[UUID] | None, *, limit: int) -> list[UUID]:
        """The oldest that wait for a decision, locked: of these ids, or (none) of all."""
        ...

    async def redrive(self, ids: Sequence[UUID]) -> None: ...
    async def discard(self, ids: Sequence[UUID]) -> None: ...


class Orphans(Protocol):
    async def lock_lost_attempts(self, *, older_than: timedelta, limit: int) -> list[LostAttempt]:
        """Attempts that may have left objects behind, locked until the transaction ends."""
        ...

    async def mark_erased(self, attempts: Sequence[LostAttempt]) -> None: ...

    async def lock_search(self) -> str | None:
        """The key after which the search goes on, locked until the transaction ends; none if another searches."""
        ...

    async def move_search(self, after_key: str) -> None: ...

    async def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that belong to a picture, deleted or not."""
        ...

    async def unfinished(self, generation_ids: Sequence[UUID]) -> set[UUID]:
        """Those of the generations that may still be painted."""
        ...
