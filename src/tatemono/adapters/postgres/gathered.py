"""Claims and ends of jobs that come at the same time share a statement, and so a commit."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from tatemono.adapters.gathering import Gathered
from tatemono.adapters.postgres.generations import Generations, Success
from tatemono.domain.attempts import FIRST_PROVIDER, Claim
from tatemono.domain.painting import PainterUsage
from tatemono.usecases.ports import KeptPicture


class GatheredGenerations(Generations):
    """Generations of a pool, where each statement is committed by itself."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._claims: dict[tuple[timedelta, int, str, str], Gathered[None, Claim | None]] = {}
        self._successes: Gathered[Success, bool | Exception] = Gathered(self._succeed_together)
        self._looks: Gathered[int, bool] = Gathered(self._look_together)

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

            self._claims[kind] = Gathered(together)
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
        found = {limit: await super(GatheredGenerations, self).any_due(max_running=limit) for limit in set(limits)}
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
