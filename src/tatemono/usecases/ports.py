"""What the use cases need of the outside world, where the layer rule needs a name for it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.generations.attempts import FIRST_PROVIDER, Claim, GiveUp, Outcome
from tatemono.domain.generations.budgets import Account, Cost, Terms
from tatemono.domain.generations.generation import PictureRequest, State, Submitted
from tatemono.domain.generations.painting import Failure, PainterUsage
from tatemono.domain.pictures.references import Reference
from tatemono.usecases.generations.queue_ports import DeadLetters, Orphans, Outbox, Painters, Queue
from tatemono.usecases.identity.ports import (
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
from tatemono.usecases.mail.ports import Mails
from tatemono.usecases.pictures.ports import DeletedPicture, KeptPicture
from tatemono.usecases.privacy.ports import Deletions, Exports, ResidualData
from tatemono.usecases.safety.ports import BlockedHashes, Escalations, Moderations, Reports, Strikes, Takedowns


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
    def residual_data(self) -> ResidualData: ...
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
