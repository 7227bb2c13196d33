"""What the use cases need of the outside world, where the layer rule needs a name for it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.attempts import FIRST_PROVIDER, Claim, GiveUp, Outcome
from tatemono.domain.generations import PictureRequest, State, Submitted
from tatemono.domain.painting import Failure, PainterUsage, Painting, PaintRequest, PartialPicture
from tatemono.usecases.identity_ports import (
    Attestations,
    Devices,
    Guests,
    Members,
    Merges,
    People,
    Proofs,
    Sessions,
    Transfers,
)
from tatemono.usecases.queue_ports import DeadLetters, Orphans, Painters, Queue


class Painter(Protocol):
    def paint(self, request: PaintRequest) -> AsyncGenerator[PartialPicture | Painting, None]:
        """Paint; yields partial pictures as they come, and the painting last, exactly once.

        Closing the generator early hangs up.

        :raises PaintingFailed: at any step
        """
        ...


@dataclass(frozen=True, slots=True)
class ExpectedPicture:
    """What was asked for: the bytes must be just that. `output_format` is `png`, `jpeg` or `webp`."""

    width: int
    height: int
    output_format: str


@dataclass(frozen=True, slots=True)
class InspectedPicture:
    """A picture whose bytes are what they claim to be.

    :ivar thumbnail: WebP, longest side at most 512 pixels
    :ivar thumbhash: https://evanw.github.io/thumbhash/, about 25 bytes
    """

    data: bytes
    content_type: str
    width: int
    height: int
    sha256: bytes
    thumbnail: bytes
    thumbhash: bytes


class PictureInspector(Protocol):
    async def inspect(self, data: bytes, expected: ExpectedPicture) -> InspectedPicture:
        """Decode the whole picture, compare it with what was asked for, and make its thumbnail.

        :raises PaintingFailed: `Failure.NO_PICTURE`, saying what is wrong with the bytes
        """
        ...

    async def preview(self, data: bytes) -> bytes:
        """A small WebP (longest side at most 320 pixels) of a partial picture.

        :raises PaintingFailed: `Failure.NO_PICTURE`
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """:ivar modified_at: by the store's clock"""

    key: str
    modified_at: datetime


class PictureStore(Protocol):
    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """Keep an object; the same key and bytes again change nothing. With `sha256` the store checks what arrived.

        :raises PaintingFailed: `Failure.NOT_KEPT`, after the store's own retries
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class SearchableStore(PictureStore, Protocol):
    async def keys_after(self, prefix: str, after_key: str, limit: int) -> list[StoredObject]:
        """The next objects below `prefix` in the order of their keys, at most 1,000."""
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
class KeptPicture:
    """A picture whose objects are in the store already."""

    picture: InspectedPicture
    object_key: str
    thumbnail_key: str


@dataclass(frozen=True, slots=True)
class DeletedPicture:
    id: UUID
    object_key: str
    thumbnail_key: str


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    queue: str
    body: str


class Generations(Protocol):
    """The writes of the pipeline. Those that take a claim change nothing, and answer False, if its lease was lost."""

    async def submit(
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, max_waiting: int
    ) -> Submitted:
        """Hold the credits, insert the generation and its ticket; or find what the same key did before.

        :raises NoSuchStyle: nothing was done
        :raises AccountBusy: nothing was done, too much else happens to this account at once
        """
        ...

    async def claim(
        self, *, lease: timedelta, max_running: int, model: str, provider: str = FIRST_PROVIDER
    ) -> Claim | None:
        """Take the next job: one whose lease ran out, or else the oldest of the user whose turn it is."""
        ...

    async def decide_to_retry(self, claim: Claim) -> bool:
        """Write down, before the painter is called, that an attempt whose end nobody knows is made again."""
        ...

    async def any_due(self, *, max_running: int) -> bool:
        """Whether a job could be claimed, if nobody else were claiming."""
        ...

    async def extend_leases(self, claims: Sequence[Claim], *, lease: timedelta) -> dict[UUID, bool]:
        """Renew the leases that are still held: generation → whether its user wants it cancelled."""
        ...

    async def add_partial(self, claim: Claim, index: int, webp_base64: str) -> bool:
        """Keep an unfinished picture for those who watch."""
        ...

    async def succeed(
        self, claim: Claim, pictures: Sequence[KeptPicture], usage: PainterUsage, provider_request_id: str | None
    ) -> bool:
        """Record the pictures and settle the credits."""
        ...

    async def give_up(
        self,
        claim: Claim,
        outcome: Outcome,
        failure: Failure | None,
        verdict: GiveUp,
        provider_request_id: str | None,
    ) -> bool:
        """End it without pictures and return the credits."""
        ...

    async def retry(
        self, claim: Claim, outcome: Outcome, failure: Failure, delay: timedelta, provider_request_id: str | None
    ) -> bool:
        """Put it back into the queue, with a ticket, for later."""
        ...

    async def cancel(self, user_id: UUID, generation_id: UUID) -> State | None:
        """Cancel what is queued at once; ask the worker to cancel what is running.

        :returns: the state that it was in, none if the user has no such generation
        """
        ...


class Pictures(Protocol):
    async def mark_deleted(self, user_id: UUID, picture_id: UUID) -> bool:
        """Make a picture invisible at once. :returns: whether the user has such a picture, deleted before or not"""
        ...

    async def lock_deleted(self, limit: int) -> list[DeletedPicture]:
        """Pictures whose objects are to be erased, locked until the transaction ends."""
        ...

    async def erase(self, ids: Sequence[UUID]) -> None:
        """Remove the rows."""
        ...


class Outbox(Protocol):
    async def lock_due(self, limit: int) -> list[OutboxRow]:
        """The oldest rows that are due, locked until the transaction ends; rows another relay has are passed over."""
        ...

    async def delete(self, ids: Sequence[int]) -> None:
        """They are sent."""
        ...


class Rows(Protocol):
    """The aggregates, read and written through one pool or one transaction."""

    @property
    def devices(self) -> Devices: ...
    @property
    def guests(self) -> Guests: ...
    @property
    def attestations(self) -> Attestations: ...
    @property
    def proofs(self) -> Proofs: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def people(self) -> People: ...
    @property
    def transfers(self) -> Transfers: ...
    @property
    def merges(self) -> Merges: ...
    @property
    def members(self) -> Members: ...
    @property
    def generations(self) -> Generations: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def painters(self) -> Painters: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def orphans(self) -> Orphans: ...


class Notifier(Protocol):
    def notify(self, channel: str, key: str = "") -> None:
        """Tell the listeners of `channel` soon that something about `key` was committed."""
        ...


class Database(Rows, Protocol):
    """Its aggregates commit each statement by itself."""

    @property
    def notifier(self) -> Notifier: ...

    def transaction(self) -> AbstractAsyncContextManager[Rows]:
        """All or nothing: committed when the block ends, rolled back when it raises."""
        ...


#: Channels of `Notifier`. Keys of `revocations` are ids of users, those of the two channels before it, of generations.
OUTBOX_CHANNEL = "outbox"
EVENTS_CHANNEL = "generation_events"
CANCEL_CHANNEL = "generation_cancelled"
REVOCATIONS_CHANNEL = "revocations"
#: Without keys: what operators told the queue, and what is known of the painters, changed.
QUEUE_CHANNEL = "queue_controls"
PAINTERS_CHANNEL = "painters"
