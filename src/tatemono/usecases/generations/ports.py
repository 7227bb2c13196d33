"""What the use cases of generations need of the outside world: the pipeline's rows, the queue and its tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from tatemono.domain.generations.attempts import Claim, GiveUp, Outcome
from tatemono.domain.generations.budgets import Account, Cost, Terms
from tatemono.domain.generations.circuit_breaker import Breaker
from tatemono.domain.generations.dead_letters import DeadMessage
from tatemono.domain.generations.generation import PictureRequest, State, Submitted
from tatemono.domain.generations.painting import Failure, PainterUsage
from tatemono.domain.generations.queue import Priority
from tatemono.usecases.operators.ports import People
from tatemono.usecases.pictures.ports import KeptPicture, References
from tatemono.usecases.ports import Transactions


class Generations(Protocol):
    """The writes of the pipeline. Those that take a claim change nothing, and answer False, if its lease was lost."""

    async def submit(
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, cost: Cost, terms: Terms
    ) -> Submitted:
        """Hold the credits, set the money aside, insert the generation and its ticket; or find what the same key did.

        :raises NoSuchStyle: nothing was done
        :raises NoSuchReference: nothing was done
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
        """Correct, before the call, what the attempt says it may come to (micro-dollars)."""
        ...

    async def decide_to_retry(self, claim: Claim) -> bool:
        """Write down, before the painter is called, that an attempt whose end is unknown is made again."""
        ...

    async def add_partial(self, claim: Claim, index: int, webp_base64: str) -> bool:
        """Keep an unfinished picture for the user who watches."""
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
        detail: str | None = None,
    ) -> bool:
        """End it without pictures, return the credits, and record what the call cost us all the same."""
        ...

    async def retry(
        self,
        claim: Claim,
        outcome: Outcome,
        failure: Failure,
        delay: timedelta,
        provider_request_id: str | None,
        *,
        detail: str | None = None,
    ) -> bool:
        """Put it back into the queue, with a ticket, for later."""
        ...

    async def end_waiting(self, *, asked_before: timedelta, verdict: GiveUp, limit: int) -> list[UUID]:
        """End those that were asked for so long ago and wait in the queue, and return their credits.

        :param limit: of the oldest, so many at most
        :returns: their ids
        """
        ...

    async def cancel(self, user_id: UUID, generation_id: UUID) -> State | None:
        """Cancel what is queued at once; ask the worker to cancel what is running.

        :returns: the state that it was in, none if the user has no such generation
        """
        ...


class ModelChecks(Protocol):
    async def take_turn(self, *, retry_after: timedelta) -> bool:
        """Whether it is time, and this caller's turn, to ask the painter.

        :param retry_after: the next turn, should the asking fail
        """
        ...

    async def record(self, announced: Mapping[str, date | None], *, next_after: timedelta) -> None:
        """Keep what the painter said, and forget what it says no more."""
        ...


class Queue(Protocol):
    """The operators' orders to the queue. Each answers whether that is new."""

    async def pause(self, by: str, reason: str) -> bool:
        """Begin nothing more."""
        ...

    async def resume(self) -> bool: ...

    async def drain(self, by: str, reason: str) -> bool:
        """Take nothing more on."""
        ...

    async def fill(self) -> bool:
        """Take on again."""
        ...

    async def reprioritise(self, priority: Priority, *, generation_id: UUID | None, user_id: UUID | None) -> int | None:
        """Change the priority of what waits: one generation, or all of a user.

        :returns: how many changed; none if nothing of that waits
        """
        ...


class Painters(Protocol):
    """What the workers know of each painter together."""

    async def all(self) -> dict[tuple[str, str], Breaker]:
        """By provider and model. One that is not there never had any trouble."""
        ...

    async def record_outage(self, because: str | None) -> None:
        """Say that no painter takes our account, and why; none: one does."""
        ...

    async def lock(self, provider: str, model: str) -> Breaker:
        """As it is, locked until the transaction ends."""
        ...

    async def save(self, provider: str, model: str, breaker: Breaker) -> None: ...


class DeadLetters(Protocol):
    async def keep(self, queue: str, messages: Sequence[DeadMessage]) -> None:
        """Those that are kept already are counted once more."""
        ...

    async def choose(self, queue: str, ids: Sequence[UUID] | None, *, limit: int) -> list[UUID]:
        """The oldest that wait for a decision, locked: of these ids, or (none) of all."""
        ...

    async def redrive(self, ids: Sequence[UUID]) -> None:
        """Send them to their queue again, one after another."""
        ...

    async def discard(self, ids: Sequence[UUID]) -> None: ...


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


class GenerationsRows(Protocol):
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def generations(self) -> Generations: ...
    @property
    def model_checks(self) -> ModelChecks: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def painters(self) -> Painters: ...
    @property
    def people(self) -> People: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def references(self) -> References: ...


class GenerationsDatabase(GenerationsRows, Transactions[GenerationsRows], Protocol): ...


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
