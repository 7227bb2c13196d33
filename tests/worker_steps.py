"""What the image worker does to the database, without a worker: the steps of one generation, driven by a test."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.database import Database
from tatemono.domain.generations.attempts import Claim, GiveUp, Outcome
from tatemono.domain.generations.generation import MAX_RUNNING, State
from tatemono.domain.generations.painting import Failure, PainterUsage
from tatemono.domain.pictures.picture import object_key, thumbnail_key
from tatemono.settings import MobileApiSettings
from tatemono.usecases.pictures.ports import KeptPicture, Miniature, VerifiedPicture
from tatemono.usecases.ports import EVENTS_CHANNEL

_LEASE = timedelta(seconds=60)


class Worker:
    """Takes the oldest generation and lets the test say what becomes of it. All watchers are told."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(self) -> Claim:
        claim = await self._db.generations.claim(lease=_LEASE, max_running=MAX_RUNNING, model="for tests")
        assert claim is not None
        return self._tell(claim)

    async def refuse_account(self, because: str) -> None:
        """As when no painter takes our account."""
        await self._db.painters.record_outage(because)

    async def partial(self, claim: Claim, index: int) -> None:
        assert await self._db.generations.add_partial(claim, index, "UklGRg==")
        self._tell(claim)

    async def succeed(self, claim: Claim) -> None:
        kept = [_kept(claim, position) for position in range(claim.generation.request.n)]
        assert await self._db.generations.succeed(claim, kept, PainterUsage(1, 0, 2), None)
        self._tell(claim)

    async def fail(self, claim: Claim, code: str = "painter_busy") -> None:
        verdict = GiveUp(State.FAILED, code)
        assert await self._db.generations.give_up(claim, Outcome.FAILED, Failure.RATE_LIMITED, verdict, None)
        self._tell(claim)

    async def retry(self, claim: Claim) -> None:
        retry = self._db.generations.retry(claim, Outcome.FAILED, Failure.RATE_LIMITED, timedelta(0), None)
        assert await retry
        self._tell(claim)

    def _tell(self, claim: Claim) -> Claim:
        self._db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
        return claim


@asynccontextmanager
async def worker(settings: MobileApiSettings) -> AsyncIterator[Worker]:
    """A worker on the same database, signed in as the service's own role."""
    url = settings.database_url.get_secret_value().replace("//mobile_api:", "//image_worker:")
    async with await Database.connect(url, service="a test's worker") as db:
        yield Worker(db)


async def paint(settings: MobileApiSettings, generation_id: str) -> list[UUID]:
    """Let the only waiting generation succeed. :returns: the ids of its pictures"""
    async with worker(settings) as painter:
        claim = await painter.claim()
        assert str(claim.generation.id) == generation_id
        await painter.succeed(claim)
        return [row.id for row in await painter._db.queries.pictures_of([claim.generation.id])]


def _kept(claim: Claim, position: int) -> KeptPicture:
    request: Any = claim.generation.request
    data = f"picture {position}".encode()
    key = object_key(claim.generation.user_id, claim.generation.id, claim.fence, position, request.output_format)
    picture = VerifiedPicture(
        data=data,
        content_type=f"image/{request.output_format}",
        width=request.size.width,
        height=request.size.height,
    )
    return KeptPicture(
        picture, hashlib.sha256(data).digest(), Miniature(b"thumbnail", b"\x01\x02\x03"), key, thumbnail_key(key)
    )
