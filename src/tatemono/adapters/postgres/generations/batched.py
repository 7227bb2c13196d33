"""Submissions, claims and ends of jobs that come at the same time share a statement, and so a commit."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.batching import Batcher
from tatemono.adapters.postgres.generations.generations import Generations, Success
from tatemono.adapters.postgres.generations.submissions import Submission
from tatemono.domain.generations.attempts import FIRST_PROVIDER, Claim
from tatemono.domain.generations.budgets import Cost, Terms
from tatemono.domain.generations.generation import PictureRequest, Submitted
from tatemono.domain.generations.painting import PainterUsage
from tatemono.usecases.pictures.ports import KeptPicture


class BatchedGenerations(Generations):
    """Generations of a pool, where each statement is committed by itself."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._submissions: dict[Terms, Batcher[Submission, Submitted | None]] = {}
        self._claims: dict[tuple[timedelta, int, str, str], Batcher[None, Claim | None]] = {}
        self._successes: Batcher[Success, bool | Exception] = Batcher(self._succeed_together)
        self._looks: Batcher[int, bool] = Batcher(self._look_together)

    async def submit(
        self, user_id: UUID, request: PictureRequest, *, idempotency_key: str, cost: Cost, terms: Terms
    ) -> Submitted:
        if terms not in self._submissions:

            async def together(submissions: Sequence[Submission]) -> Sequence[Submitted | None]:
                return await self._submit_together(submissions, terms)

            # One statement at a time: it takes many, and two would wait for each other's commit.
            self._submissions[terms] = Batcher(together, at_a_time=1)
        submitted = await self._submissions[terms](Submission(user_id, request, idempotency_key, cost))
        # Nothing was done for this user: the statement for one says why.
        return submitted or await super().submit(
            user_id, request, idempotency_key=idempotency_key, cost=cost, terms=terms
        )

    async def _submit_together(self, submissions: Sequence[Submission], terms: Terms) -> Sequence[Submitted | None]:
        # The second of a user's would not see what the first leaves of the account.
        first = {submission.user_id: submission for submission in reversed(submissions)}
        if len(first) == 1:
            return [None] * len(submissions)
        try:
            done = await self.submit_together(list(first.values()), terms)
        except asyncpg.IntegrityConstraintViolationError:
            return [None] * len(submissions)
        return [
            done.get(submission.user_id) if first[submission.user_id] is submission else None
            for submission in submissions
        ]

    async def claim(
        self, *, lease: timedelta, max_running: int, model: str, provider: str = FIRST_PROVIDER
    ) -> Claim | None:
        kind = (lease, max_running, model, provider)
        if kind not in self._claims:

            async def together(askers: Sequence[None]) -> Sequence[Claim | None]:
                claims = await self.claim_together(
                    len(askers), lease=lease, max_running=max_running, model=model, provider=provider
                )
                return [*claims, *[None] * (len(askers) - len(claims))]

            self._claims[kind] = Batcher(together)
        return await self._claims[kind](None)

    async def any_due(self, *, max_running: int) -> bool:
        return await self._looks(max_running)

    async def succeed(
        self,
        claim: Claim,
        pictures: Sequence[KeptPicture],
        usage: PainterUsage,
        provider_request_id: str | None,
        *,
        cost_micros: int = 0,
    ) -> bool:
        result = await self._successes(Success(claim, pictures, usage, provider_request_id, cost_micros))
        if isinstance(result, Exception):
            raise result
        return bool(result)

    async def _look_together(self, limits: Sequence[int]) -> Sequence[bool]:
        found = {limit: await super(BatchedGenerations, self).any_due(max_running=limit) for limit in set(limits)}
        return [found[limit] for limit in limits]

    async def _succeed_together(self, successes: Sequence[Success]) -> Sequence[bool | Exception]:
        try:
            done = await self.succeed_together(successes)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if len(successes) == 1 or isinstance(error, asyncpg.PostgresConnectionError):
                raise
            # One of them cannot be written: the others must not pay for it.
            return [await self._succeed_alone(success) for success in successes]
        return [success.claim.generation.id in done for success in successes]

    async def _succeed_alone(self, success: Success) -> bool | Exception:
        try:
            done = await self.succeed_together([success])
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            failure: Exception = error
            return failure
        return bool(done)
