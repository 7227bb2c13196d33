"""A worker's dependencies with moderation, between the real database, S3, and a studio of the test's own."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from factories import guest, submitted
from running_studio import RunningStudio
from tatemono.adapters.cloudfront.invalidation import NoEdgeCache
from tatemono.adapters.pillow.difference_hash import DifferenceHasher
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.s3.quarantine import S3Quarantine
from tatemono.domain.generations.attempts import Claim, Outcome
from tatemono.domain.generations.generation import Generation, PictureRequest, Quality
from tatemono.domain.operators.roles import Act, Operator, Role
from tatemono.domain.safety.moderation import WhenDown
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.run_generation import run_generation
from tatemono.usecases.pictures.ports import Painter
from tatemono.usecases.safety.carry_out_takedowns import carry_out_takedowns
from tatemono.usecases.safety.moderate_generation import GenerationModeration

LEASE = timedelta(seconds=60)
ACT = Act(Operator("sub", "hanako@example.jp", frozenset({Role.ADMIN})), "a test", "request", "203.0.113.7")


@dataclass
class ModeratedWorker:
    """:ivar owner: the database as its owner sees it
    :ivar admin: as the admin API does
    """

    owner: Database
    admin: Database
    worker: Database
    dependencies: GenerationDependencies
    studio: RunningStudio
    s3: Any
    served: S3Pictures
    uploads: S3Pictures
    kept: S3Pictures
    quarantine: S3Quarantine
    hasher: DifferenceHasher

    async def claim(self, user_id: UUID | None = None, **request: Any) -> Claim:
        user_id = user_id or await guest(self.owner, credits=100)
        asked = {"prompt": "A fox under the moon", "quality": Quality.LOW} | request
        await submitted(self.owner, user_id, PictureRequest(**asked))
        claim = await self.worker.generations.claim(lease=timedelta(seconds=60), max_running=4, model="gpt-image-2")
        assert claim is not None
        return claim

    async def run(self, claim: Claim, *, when_down: WhenDown | None = None) -> Outcome | None:
        dependencies = self.dependencies
        if when_down is not None:
            assert isinstance(dependencies.moderation, GenerationModeration)
            dependencies = replace(dependencies, moderation=replace(dependencies.moderation, when_down=when_down))
        result = await run_generation(dependencies, claim, asyncio.get_running_loop().create_future())
        return result.outcome

    def paints_with(self, painter: Painter) -> None:
        self.dependencies = replace(self.dependencies, painter=painter)

    async def paint(self, user_id: UUID | None = None, **request: Any) -> tuple[Claim, UUID]:
        """:returns: the claim, and its picture"""
        claim = await self.claim(user_id, **request)
        assert await self.run(claim) is Outcome.SUCCEEDED
        return claim, (await self.owner.queries.pictures_of([claim.generation.id]))[0].id

    async def reference(self, user_id: UUID, data: bytes) -> UUID:
        reference = await self.owner.references.add(user_id, at_most=20)
        key = f"clean/{user_id}/{reference.id}.png"
        await self.uploads.put(key, data, content_type="image/png")
        await self.owner.references.mark_ready(reference.id, clean_key=key, width=640, height=480)
        return reference.id

    async def after(self, claim: Claim) -> tuple[Generation, int]:
        """The generation now, and the credits its user has left."""
        generation = await self.owner.queries.generation(claim.generation.user_id, claim.generation.id)
        me = await self.owner.queries.me(claim.generation.user_id)
        assert generation is not None
        assert me is not None
        return generation, me.credits_available

    async def fetch(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.owner._pool.fetch(statement, *values)]

    async def endpoints(self) -> list[str]:
        """What the studio was asked for, the oldest first."""
        return [call["endpoint"] for call in reversed(await self.studio.calls())]

    async def keys(self, store: S3Pictures) -> set[str]:
        listed = await self.s3.list_objects_v2(Bucket=store._bucket)
        return {entry["Key"] for entry in listed.get("Contents", [])}

    async def carry_out(self) -> int:
        return await carry_out_takedowns(self.worker, self.quarantine, self.hasher, NoEdgeCache())
