"""What the use cases need of the outside world, where the layer rule needs a name for it."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from tatemono.domain.attempts import FIRST_PROVIDER, Claim, GiveUp, Outcome
from tatemono.domain.generations import PictureRequest, State, Submitted
from tatemono.domain.mail import Mail, MailKind
from tatemono.domain.mail_sending import MailClaim, MailEvent, MailState, SendFailure, SendQuota
from tatemono.domain.money import Account, Cost, Terms
from tatemono.domain.painting import Failure, PainterUsage, Painting, PaintRequest, PartialPicture
from tatemono.domain.references import CleanPicture, Reference, UploadForm
from tatemono.usecases.identity_ports import (
    Attestations,
    Devices,
    Guests,
    Members,
    Merges,
    People,
    Proofs,
    Retention,
    Sessions,
    Transfers,
)
from tatemono.usecases.leaving_ports import Deletions, Exports, Leftovers
from tatemono.usecases.queue_ports import DeadLetters, Orphans, Painters, Queue
from tatemono.usecases.safety_ports import BlockedHashes, Escalations, Moderations, Reports, Strikes, Takedowns


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
class VerifiedPicture:
    """A picture whose bytes are what they claim to be.

    :ivar pixels: what they decode to, in the inspector's own form
    """

    data: bytes
    content_type: str
    width: int
    height: int
    sha256: bytes
    pixels: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Miniature:
    """
    :ivar thumbnail: WebP, longest side at most 512 pixels
    :ivar thumbhash: https://evanw.github.io/thumbhash/, about 25 bytes
    """

    thumbnail: bytes
    thumbhash: bytes


class PictureInspector(Protocol):
    async def verify(self, data: bytes, expected: ExpectedPicture) -> VerifiedPicture:
        """Decode the whole picture, and compare it with what was asked for.

        :raises PaintingFailed: `Failure.NO_PICTURE`, saying what is wrong with the bytes
        """
        ...

    async def shrink(self, picture: VerifiedPicture) -> Miniature:
        """Make the thumbnail and the placeholder of a picture, once: its pixels are used up."""
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


class ReferenceCopies(Protocol):
    """The bucket of uploads and of the copies that were made of them, for those who only use and erase."""

    async def get(self, key: str) -> bytes | None:
        """The bytes of an object; none if there is no such object."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        ...


class ReferenceStore(ReferenceCopies, Protocol):
    async def form(self, key: str, *, content_type: str, max_bytes: int, seconds: int) -> UploadForm:
        """A presigned POST that lets whoever has it upload one object: this key, this type, so many bytes at most."""
        ...

    async def put(self, key: str, data: bytes, *, content_type: str, sha256: bytes | None = None) -> None:
        """Keep an object.

        :raises PaintingFailed: `Failure.NOT_KEPT`, after the store's own retries
        """
        ...


class ReferenceCleaner(Protocol):
    async def clean(self, data: bytes, *, longest_side: int) -> CleanPicture:
        """Decode the whole picture and make it anew, upright, without metadata, no larger than `longest_side`.

        :raises NotAPicture: it does not decode
        :raises PictureTooLarge: it has too many pixels, or too few
        """
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

    picture: VerifiedPicture
    miniature: Miniature
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
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, cost: Cost, terms: Terms
    ) -> Submitted:
        """Hold the credits, set the money aside, insert the generation and its ticket; or find what the same key did.

        :raises NoSuchStyle: nothing was done
        :raises KeyInFlight: nothing was done by this call, another with the same key was under way
        :raises AccountBusy: nothing was done, too much else happens to this account at once
        """
        ...

    async def find_accepted(self, user_id: UUID, idempotency_key: str) -> Submitted | None:
        """What an earlier request with this key became; none if there was none."""
        ...

    async def account(self, user_id: UUID, terms: Terms) -> Account | None:
        """What the account may still ask for today; none if there is no such account."""
        ...

    async def expect_more(self, claim: Claim, model: str, micros: int) -> None:
        """Correct, before the call, what the attempt says it may come to."""
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
        self,
        claim: Claim,
        pictures: Sequence[KeptPicture],
        usage: PainterUsage,
        provider_request_id: str | None,
        *,
        cost_micros: int = 0,
    ) -> bool:
        """Record the pictures and the cost (micro-dollars), and settle the credits."""
        ...

    async def give_up(
        self,
        claim: Claim,
        outcome: Outcome,
        failure: Failure | None,
        verdict: GiveUp,
        provider_request_id: str | None,
        *,
        cost_micros: int = 0,
    ) -> bool:
        """End it without pictures, return the credits, and record what the call cost us all the same."""
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


class References(Protocol):
    async def add(self, user_id: UUID, *, at_most: int) -> Reference:
        """A new one that waits for its upload.

        :raises TooManyReferences: the user has so many
        """
        ...

    async def find(self, reference_id: UUID, user_id: UUID | None = None) -> Reference | None:
        """One of the user's, or with no user given, anybody's."""
        ...

    async def mark_ready(self, reference_id: UUID, *, clean_key: str, width: int, height: int) -> Reference | None:
        """Its clean copy is kept. Once it is ready it stays as it is; none if it is gone."""
        ...

    async def forget_copy(self, reference_id: UUID) -> None:
        """Its clean copy is gone: it cannot be used any more."""
        ...

    async def lock_old(self, *, older_than: timedelta, limit: int) -> list[Reference]:
        """Those of that age which no unfinished generation needs, locked until the transaction ends."""
        ...

    async def erase(self, ids: Sequence[UUID]) -> None:
        """Remove the rows."""
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


class Budgets(Protocol):
    async def fold_returns(self, limit: int) -> int:
        """Take what ended generations give back off their days' budgets. :returns: how many were folded"""
        ...


class ModelChecks(Protocol):
    async def take_turn(self, *, retry_after: timedelta) -> bool:
        """Whether it is time to ask the painter, and this is who does; if it fails, somebody may so much later."""
        ...

    async def record(self, announced: Mapping[str, date | None], *, next_after: timedelta) -> None:
        """Keep what the painter said, and forget what it says no more."""
        ...


class Outbox(Protocol):
    async def lock_due(self, limit: int) -> list[OutboxRow]:
        """The oldest rows that are due, locked until the transaction ends; rows another relay has are passed over."""
        ...

    async def delete(self, ids: Sequence[int]) -> None:
        """They are sent."""
        ...


class Mails(Protocol):
    """Those that take a claim change nothing, and answer False, if the claim counts no more."""

    async def put(self, mail: Mail) -> bool:
        """Write the mail and its ticket. Tell the relay (`OUTBOX_CHANNEL`) after the commit.

        :returns: whether it is new; if there is one for the same cause already, nothing changes
        """
        ...

    async def claim(self, *, lease: timedelta) -> MailClaim | None:
        """Take the next mail, if SES's quota lets one more go, and note that SES is about to be called."""
        ...

    async def seconds_until_next(self) -> float | None:
        """How long until the quota lets a mail go that is due now; none if nothing is due."""
        ...

    async def sent(self, claim: MailClaim, ses_message_id: str) -> bool:
        """SES has taken it."""
        ...

    async def send_again(self, claim: MailClaim, failure: SendFailure, detail: str, delay: timedelta) -> bool:
        """SES has not taken it: later."""
        ...

    async def end(self, claim: MailClaim, failure: SendFailure, detail: str, state: MailState) -> bool:
        """It is not sent, for good."""
        ...

    async def wait_for_word(self, claim: MailClaim, detail: str, silence: timedelta) -> bool:
        """Nobody knows whether SES has taken it."""
        ...

    async def lose_leases(self, *, silence: timedelta) -> int:
        """Mails whose worker vanished: nobody knows whether it had called SES."""
        ...

    async def end_silence(self, *, again: Collection[MailKind], max_attempts: int) -> tuple[int, int]:
        """Decide about mails of which SES said nothing for long enough: how many are sent again, how many failed."""
        ...

    async def record(self, event: MailEvent) -> bool:
        """Keep what SES told, once."""
        ...

    async def unsubscribe(self, digest: bytes, kind: MailKind) -> None:
        """Send no mail of this kind to the address any more; again changes nothing."""
        ...

    async def erase(self, *, older_than: timedelta, limit: int) -> int:
        """Take address and facts from mails that ended so long ago."""
        ...

    async def may_ask_quota(self, *, every: timedelta) -> bool:
        """Whether it is time, and this caller's turn, to ask SES for its quota."""
        ...

    async def take_quota(self, quota: SendQuota) -> None:
        """What SES said counts from now on, for all workers."""
        ...

    async def pause(self, duration: timedelta) -> None:
        """Let no worker send anything for so long."""
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
    def retention(self) -> Retention: ...
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
    def deletions(self) -> Deletions: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def leftovers(self) -> Leftovers: ...
    @property
    def generations(self) -> Generations: ...
    @property
    def references(self) -> References: ...
    @property
    def budgets(self) -> Budgets: ...
    @property
    def model_checks(self) -> ModelChecks: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def painters(self) -> Painters: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def orphans(self) -> Orphans: ...
    @property
    def blocked_hashes(self) -> BlockedHashes: ...
    @property
    def moderations(self) -> Moderations: ...
    @property
    def strikes(self) -> Strikes: ...
    @property
    def escalations(self) -> Escalations: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def takedowns(self) -> Takedowns: ...


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
#: Without keys: something about them has changed.
BLOCKED_WORDS_CHANNEL = "blocked_words"
TAKEDOWNS_CHANNEL = "takedowns"
