"""Generations, their attempts and their credits: the writes of the pipeline, one statement each.

The statements lock in one order, a generation and then its account, or wait for neither (SKIP LOCKED), so they cannot
deadlock. Times are the database's: workers whose clocks differ agree on a lease all the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres import generations_sql as sql
from tatemono.adapters.postgres.outbox import IMAGE_JOBS
from tatemono.domain.attempts import FIRST_PROVIDER, Claim, GiveUp, History, Outcome
from tatemono.domain.generations import (
    AccountBusy,
    Background,
    Generation,
    KeyInFlight,
    NoSuchStyle,
    OutputFormat,
    PictureRequest,
    Quality,
    Size,
    State,
    Submitted,
    obstacle,
)
from tatemono.domain.money import BUDGET_SHARDS, Account, Cost, Terms, shards_from
from tatemono.domain.painting import Failure, PainterUsage
from tatemono.domain.references import NoSuchReference
from tatemono.usecases.ports import KeptPicture

#: How often to look again when the same account is changed at the same moment.
_TRIES = 10
_REFERENCE_KEY = "generations_reference_id_fkey"


def generation_of(row: Any) -> Generation:
    request = PictureRequest(
        prompt=row["prompt"],
        style=row["style"],
        size=Size(row["size"]),
        quality=Quality(row["quality"]),
        output_format=OutputFormat(row["output_format"]),
        background=Background(row["background"]),
        n=row["n"],
        seed=row["seed"],
        negative_prompt=row["negative_prompt"],
        reference_id=row["reference_id"],
    )
    return Generation(
        id=row["id"],
        user_id=row["user_id"],
        request=request,
        state=State(row["state"]),
        price=row["price"],
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expected_micros=row["expected_micros"],
    )


def account_of(row: Any) -> Account:
    """What an account has on the day of the row, whatever it had on the last day that it was used."""
    new_day = row["account_day"] != row["day"]
    return Account(
        available=row["available"] or 0,
        free_credits=row["fill_up"] or 0 if new_day else 0,
        waiting=row["waiting"] or 0,
        spent_micros=0 if new_day else row["day_micros"],
        environment_room_micros=row["room_micros"] or 0,
    )


def _claim_of(row: Any) -> Claim:
    return Claim(
        generation_of(row),
        row["fence"],
        row["ended"] + 1,
        row["cancelled"],
        row["prompt_suffix"],
        History(row["ended"], row["unknown"], row["without_picture"], row["turned_away"]),
        row["taken_over"],
    )


@dataclass(frozen=True, slots=True)
class Success:
    """What a job came to that ended in pictures."""

    claim: Claim
    pictures: Sequence[KeptPicture]
    usage: PainterUsage
    provider_request_id: str | None
    cost_micros: int = 0


class Generations:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def submit(
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, cost: Cost, terms: Terms
    ) -> Submitted:
        """Hold the credits, set the money aside, insert the generation and its ticket; or find what the same key did.

        :raises NoSuchStyle: nothing was done
        :raises KeyInFlight: nothing was done by this call, another with the same key was under way
        :raises AccountBusy: nothing was done, too much else happens to this account at once
        """
        shards = shards_from(sha256(f"{user_id}{idempotency_key}".encode()).digest())
        values = (
            user_id,
            idempotency_key,
            request.price,
            terms.max_waiting,
            request.prompt,
            request.style,
            request.size,
            request.quality,
            request.output_format,
            request.background,
            request.n,
            request.fingerprint,
            request.seed,
            request.negative_prompt,
            request.reference_id,
            cost.expected,
            cost.reserved,
            terms.daily_credits,
        )
        more = (terms.time_zone, terms.user_day_micros, terms.shard_micros, IMAGE_JOBS)
        for turn in range(_TRIES):
            # One row of the budget is enough nearly always. When it is full, the others are looked at.
            chosen = shards[:1] if turn == 0 else shards
            try:
                row = await self._executor.fetchrow(sql.SUBMIT, *values, chosen, *more)
            except asyncpg.UniqueViolationError as error:
                raise KeyInFlight from error  # it was not there when this statement began, and is now
            except asyncpg.ForeignKeyViolationError as error:
                if error.constraint_name == _REFERENCE_KEY:
                    raise NoSuchReference from error
                raise NoSuchStyle(style=request.style) from error
            if row["id"]:
                return Submitted(generation_of(row), row["fingerprint"], new=row["new"], account=account_of(row))
            if row["room_micros"] is None:
                await self.open_day(row["day"])
                continue
            submitted = Submitted(None, None, False, account_of(row), row["reference_ready"])
            # A refusal that this does not explain was decided by a change that is younger than what was read.
            if not submitted.reference_ready or obstacle(submitted.account, request, cost.reserved, terms):
                return submitted
        raise AccountBusy

    async def find_accepted(self, user_id: UUID, idempotency_key: str) -> Submitted | None:
        """What an earlier request with this key became; none if there was none."""
        row = await self._executor.fetchrow(
            "select * from generations where user_id = $1 and idempotency_key = $2", user_id, idempotency_key
        )
        return row and Submitted(generation_of(row), row["fingerprint"], new=False, account=Account(0, 0, 0, 0, 0))

    async def open_day(self, day: date) -> None:
        """Make the rows of the environment's budget for that day; those that are there stay as they are."""
        await self._executor.execute(sql.OPEN_DAY, day, BUDGET_SHARDS)

    async def account(self, user_id: UUID, terms: Terms) -> Account | None:
        """What the account may still ask for today; none if there is no such account."""
        values = (user_id, terms.time_zone, terms.daily_credits, terms.shard_micros)
        row = await self._executor.fetchrow(sql.ACCOUNT, *values)
        if row is None:
            return None
        account = account_of(row)
        # Nobody has asked for anything today yet.
        return (
            account if row["room_micros"] is not None else replace(account, environment_room_micros=terms.shard_micros)
        )

    async def expect_more(self, claim: Claim, model: str, micros: int) -> None:
        """Correct, before the call, what the attempt says it may come to."""
        await self._executor.execute(sql.EXPECT_MORE, claim.generation.id, claim.fence, model, micros)

    async def claim(
        self, *, lease: timedelta, max_running: int, model: str, provider: str = FIRST_PROVIDER
    ) -> Claim | None:
        """Take the next job: one whose lease ran out, or else the oldest of the user whose turn it is.

        The higher priority comes first. Nothing is given out while the queue is paused.
        """
        claims = await self.claim_together(1, lease=lease, max_running=max_running, model=model, provider=provider)
        return claims[0] if claims else None

    async def claim_together(
        self, most: int, *, lease: timedelta, max_running: int, model: str, provider: str = FIRST_PROVIDER
    ) -> list[Claim]:
        """Take the next jobs, at most so many, as `claim` would one after the other."""
        rows = await self._executor.fetch(sql.CLAIM, lease, max_running, model, provider, most)
        return [_claim_of(row) for row in rows]

    async def decide_to_retry(self, claim: Claim) -> bool:
        """Write down, before the painter is called, that an attempt whose end nobody knows is made again."""
        return bool(await self._executor.fetchval(sql.DECIDE_TO_RETRY, claim.generation.id, claim.fence))

    async def any_due(self, *, max_running: int) -> bool:
        """Whether a job could be claimed, if nobody else were claiming and the queue were not paused."""
        due: bool = await self._executor.fetchval(sql.ANY_DUE, max_running)
        return due

    async def extend_leases(self, claims: Sequence[Claim], *, lease: timedelta) -> dict[UUID, bool]:
        """Renew the leases that are still held.

        :returns: the generations of those, each with whether its user wants it cancelled
        """
        rows = await self._executor.fetch(
            sql.EXTEND_LEASES, [claim.generation.id for claim in claims], [claim.fence for claim in claims], lease
        )
        return {row["id"]: row["cancelled"] for row in rows}

    async def add_partial(self, claim: Claim, index: int, webp_base64: str) -> bool:
        """Keep an unfinished picture for those who watch. :returns: whether the lease was still held"""
        held = await self._executor.fetchval(
            sql.ADD_PARTIAL, claim.generation.id, claim.fence, {"index": index, "webp_base64": webp_base64}
        )
        return bool(held)

    async def succeed(
        self,
        claim: Claim,
        pictures: Sequence[KeptPicture],
        usage: PainterUsage,
        provider_request_id: str | None,
        *,
        cost_micros: int = 0,
    ) -> bool:
        """Record the pictures and the cost (micro-dollars), and settle the credits.

        :returns: whether the lease was still held; if not, no change
        """
        done = await self.succeed_together([Success(claim, pictures, usage, provider_request_id, cost_micros)])
        return bool(done)

    async def succeed_together(self, successes: Sequence[Success]) -> set[UUID]:
        """Of several generations, all or none of which are written.

        :returns: those whose lease was still held; of the others nothing changed
        """
        kept = [(success.claim.generation.id, *each) for success in successes for each in enumerate(success.pictures)]
        values = (
            [success.claim.generation.id for success in successes],
            [success.claim.fence for success in successes],
            [success.provider_request_id for success in successes],
            [success.usage.input_text_tokens for success in successes],
            [success.usage.input_image_tokens for success in successes],
            [success.usage.output_tokens for success in successes],
            [generation_id for generation_id, _, _ in kept],
            [position for _, position, _ in kept],
            [each.object_key for _, _, each in kept],
            [each.thumbnail_key for _, _, each in kept],
            [each.picture.content_type for _, _, each in kept],
            [each.picture.width for _, _, each in kept],
            [each.picture.height for _, _, each in kept],
            [len(each.picture.data) for _, _, each in kept],
            [each.picture.sha256 for _, _, each in kept],
            [each.miniature.thumbhash for _, _, each in kept],
            [success.cost_micros for success in successes],
        )
        rows = await self._undisturbed(self._executor.fetch, sql.SUCCEED, *values)
        return {row[0] for row in rows}

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
        """End it without pictures, return the credits, and record what the call cost us all the same.

        :returns: whether the lease was still held
        """
        return await self._settle(
            sql.GIVE_UP,
            claim.generation.id,
            claim.fence,
            outcome,
            failure,
            provider_request_id,
            verdict.state,
            verdict.failure_code,
            cost_micros,
        )

    async def retry(
        self, claim: Claim, outcome: Outcome, failure: Failure, delay: timedelta, provider_request_id: str | None
    ) -> bool:
        """Put it back into the queue, with a ticket, for later. :returns: whether the lease was still held"""
        return await self._settle(
            sql.RETRY, claim.generation.id, claim.fence, outcome, failure, delay, provider_request_id, IMAGE_JOBS
        )

    async def cancel(self, user_id: UUID, generation_id: UUID) -> State | None:
        """Cancel what is queued at once; ask the worker to cancel what is running.

        :returns: the state that it was in, none if the user has no such generation
        """
        state = await self._executor.fetchval(sql.CANCEL, user_id, generation_id)
        return State(state) if state else None

    async def _settle(self, statement: str, *values: object) -> bool:
        return bool(await self._undisturbed(self._executor.fetchval, statement, *values))

    async def _undisturbed(self, run: Callable[..., Awaitable[Any]], statement: str, *values: object) -> Any:
        """End an attempt. Not within a transaction.

        When two accounts are merged while the statement waits for the generation, it goes on with the balances of
        before, and PostgreSQL checks what comes of these before it finds newer ones: then it has to look again.
        """
        for _ in range(_TRIES):
            with suppress(asyncpg.CheckViolationError):
                return await run(statement, *values)
        raise AccountBusy
