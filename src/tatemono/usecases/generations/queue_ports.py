"""What the use cases need of the outside world about queues: their messages, and what operators tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.generations.circuit_breaker import Breaker
from tatemono.domain.generations.dead_letters import DeadMessage
from tatemono.domain.generations.queue import Priority


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


@dataclass(frozen=True, slots=True)
class Ticket:
    """An SQS message: leave to do one job. `receipt` is good until its visibility timeout passes.

    :ivar received_count: how often it was handed out, 1 the first time
    :ivar message_id: the queue's own name for it
    """

    receipt: str
    body: str
    received_count: int
    message_id: str = ""
    sent_at: datetime | None = None
    first_received_at: datetime | None = None


class TicketQueue(Protocol):
    async def send(self, bodies: Sequence[str], *, delay_seconds: int = 0) -> list[int]:
        """Send at most 10 messages in one call.

        :returns: the indexes of those that the queue did not take
        """
        ...

    async def receive(self, limit: int) -> list[Ticket]:
        """Wait, as long as the queue is configured to, for at most `limit` (1 to 10) messages."""
        ...

    async def delete(self, tickets: Sequence[Ticket]) -> None:
        """The job is done: the message must not come back. Expired receipts do not matter."""
        ...

    async def extend(self, tickets: Sequence[Ticket], visibility_seconds: int) -> None:
        """Keep messages invisible for so long from now (0: hand them back at once). Expired receipts do not matter."""
        ...


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    queue: str
    body: str


class Outbox(Protocol):
    async def lock_due(self, limit: int) -> list[OutboxRow]:
        """The oldest rows that are due, locked until the transaction ends; rows another relay has are passed over."""
        ...

    async def delete(self, ids: Sequence[int]) -> None:
        """They are sent."""
        ...
