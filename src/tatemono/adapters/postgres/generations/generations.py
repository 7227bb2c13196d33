"""Generations, their attempts and their credits: the writes of the pipeline, one statement each.

The statements lock in one order, a generation and then its account, or wait for neither (SKIP LOCKED), so they cannot
deadlock. Times are the database's: workers whose clocks differ agree on a lease all the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres.generations import claims_sql
from tatemono.adapters.postgres.generations import generations_sql as sql
from tatemono.adapters.postgres.generations.submissions import Submissions, generation_of
from tatemono.adapters.postgres.outbox import IMAGE_JOBS
from tatemono.adapters.postgres.statements import Statement
from tatemono.domain.generations.attempts import FIRST_PROVIDER, Claim, GiveUp, History, Outcome
from tatemono.domain.generations.generation import AccountBusy, State
from tatemono.domain.generations.painting import Failure, PainterUsage
from tatemono.usecases.pictures.ports import KeptPicture

#: How often to look again when the same account is changed at the same moment.
_TRIES = 10


def _claim_of(row: Any) -> Claim:
    return Claim(
        generation_of(row),
        row["fence"],
        row["ended"] + 1,
        row["cancelled"],
        row["prompt_suffix"],
        History(row["ended"], row["unknown"], row["without_picture"], row["turned_away"], row["account_refused"]),
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


class Generations(Submissions):
    async def expect_more(self, claim: Claim, model: str, micros: int) -> None:
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
        rows = await self._executor.fetch(
            *claims_sql.CLAIM.bind(lease=lease, max_running=max_running, model=model, provider=provider, most=most)
        )
        return [_claim_of(row) for row in rows]

    async def decide_to_retry(self, claim: Claim) -> bool:
        return bool(await self._executor.fetchval(claims_sql.DECIDE_TO_RETRY, claim.generation.id, claim.fence))

    async def any_due(self, *, max_running: int) -> bool:
        """Whether a job could be claimed, if no other worker were claiming and the queue were not paused."""
        due: bool = await self._executor.fetchval(claims_sql.ANY_DUE, max_running)
        return due

    async def extend_leases(self, claims: Sequence[Claim], *, lease: timedelta) -> dict[UUID, bool]:
        """Renew the leases that are still held.

        :returns: the generations of those, each with whether its user wants it cancelled
        """
        rows = await self._executor.fetch(
            claims_sql.EXTEND_LEASES,
            [claim.generation.id for claim in claims],
            [claim.fence for claim in claims],
            lease,
        )
        return {row["id"]: row["cancelled"] for row in rows}

    async def add_partial(self, claim: Claim, index: int, webp_base64: str) -> bool:
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
        done = await self.succeed_together([Success(claim, pictures, usage, provider_request_id, cost_micros)])
        return bool(done)

    async def succeed_together(self, successes: Sequence[Success]) -> set[UUID]:
        """Of several generations, all or none of which are written.

        :returns: those whose lease was still held; of the others nothing changed
        """
        kept = [(success.claim.generation.id, *each) for success in successes for each in enumerate(success.pictures)]
        statement = sql.SUCCEED.bind(
            id=[success.claim.generation.id for success in successes],
            fence=[success.claim.fence for success in successes],
            provider_request_id=[success.provider_request_id for success in successes],
            input_text_tokens=[success.usage.input_text_tokens for success in successes],
            input_image_tokens=[success.usage.input_image_tokens for success in successes],
            output_tokens=[success.usage.output_tokens for success in successes],
            cost_micros=[success.cost_micros for success in successes],
            refund=[success.claim.generation.refund(len(success.pictures)) for success in successes],
            generation_id=[generation_id for generation_id, _, _ in kept],
            position=[position for _, position, _ in kept],
            object_key=[each.object_key for _, _, each in kept],
            thumbnail_key=[each.thumbnail_key for _, _, each in kept],
            content_type=[each.picture.content_type for _, _, each in kept],
            width=[each.picture.width for _, _, each in kept],
            height=[each.picture.height for _, _, each in kept],
            size_bytes=[len(each.picture.data) for _, _, each in kept],
            sha256=[each.sha256 for _, _, each in kept],
            thumbhash=[each.miniature.thumbhash for _, _, each in kept],
        )
        rows = await self._undisturbed(self._executor.fetch, *statement)
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
        detail: str | None = None,
    ) -> bool:
        return await self._settle(
            sql.GIVE_UP,
            claim,
            outcome=outcome,
            failure=failure,
            provider_request_id=provider_request_id,
            state=verdict.state,
            failure_code=verdict.failure_code,
            cost_micros=cost_micros,
            detail=detail,
        )

    async def end_waiting(self, *, asked_before: timedelta, verdict: GiveUp, limit: int) -> list[UUID]:
        rows = await self._undisturbed(self._executor.fetch, sql.END_WAITING, asked_before, verdict.failure_code, limit)
        return [row[0] for row in rows]

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
        return await self._settle(
            sql.RETRY,
            claim,
            outcome=outcome,
            failure=failure,
            delay=delay,
            provider_request_id=provider_request_id,
            detail=detail,
            queue=IMAGE_JOBS,
        )

    async def cancel(self, user_id: UUID, generation_id: UUID) -> State | None:
        # It may race with a worker that puts the job back: see `_undisturbed`.
        state = await self._undisturbed(self._executor.fetchval, sql.CANCEL, user_id, generation_id)
        return State(state) if state else None

    async def _settle(self, statement: Statement, claim: Claim, **values: object) -> bool:
        bound = statement.bind(id=claim.generation.id, fence=claim.fence, **values)
        return bool(await self._undisturbed(self._executor.fetchval, *bound))

    async def _undisturbed(self, run: Callable[..., Awaitable[Any]], statement: str, *values: object) -> Any:
        """End an attempt. Not within a transaction.

        When two accounts are merged while the statement waits for the generation, it goes on with the balances of
        before, and PostgreSQL checks what comes of these before it finds newer ones: then it has to look again.
        """
        for _ in range(_TRIES):
            with suppress(asyncpg.CheckViolationError):
                return await run(statement, *values)
        raise AccountBusy
