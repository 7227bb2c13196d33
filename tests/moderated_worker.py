"""The fixture `moderated`: see `moderated.py`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from secrets import token_hex

import pytest

from conftest import CloudEndpoint
from factories import PRICES
from moderated import ModeratedWorker
from running_studio import AT_ONCE, run_studio
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.c2pa_credentials import C2paCredentials
from tatemono.adapters.openai.images import OpenAIPainter
from tatemono.adapters.openai.moderation import OpenAIModeration
from tatemono.adapters.pillow.difference_hash import DifferenceHasher
from tatemono.adapters.pillow.pictures import PillowPictures
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.pictures import S3Pictures
from tatemono.adapters.s3.quarantine import S3Quarantine
from tatemono.domain.generations.attempts import UnknownPolicy
from tatemono.domain.safety.moderation import WhenDown
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.safety.moderate_generation import GenerationModeration, HashClassifier
from tatemono_tools.laptop.secret_values import content_credentials


@pytest.fixture
async def moderated(
    database_url: str, service_database_url: Callable[[str], str], aws_environment: CloudEndpoint
) -> AsyncIterator[ModeratedWorker]:
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(await Database.connect(database_url, service="test"))
        db, admin = [
            await stack.enter_async_context(await Database.connect(service_database_url(role), service=role))
            for role in ("image-worker", "admin-api")
        ]
        (s3,) = await stack.enter_async_context(aws_clients("s3"))
        stores = []
        for _ in range(3):
            name = f"test-{token_hex(6)}"
            location = {"LocationConstraint": aws_environment.region}
            await s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
            stores.append(S3Pictures(s3, name))
        served, uploads, kept = stores
        quarantine, hasher = S3Quarantine(s3, kept._bucket, served), DifferenceHasher()
        studio = await stack.enter_async_context(run_studio(AT_ONCE))
        url = f"{studio.url}/v1"
        painter = await stack.enter_async_context(OpenAIPainter(api_key="any", base_url=url))
        moderator = await stack.enter_async_context(
            OpenAIModeration(api_key="any", base_url=url, model="omni-moderation-latest", timeout_seconds=5)
        )
        moderation = GenerationModeration(
            db=db,
            moderator=moderator,
            classifier=HashClassifier(db.blocked_hashes, hasher),
            quarantine=quarantine,
            references=uploads,
            when_down=WhenDown.CLOSED_FOR_REFERENCES,
        )
        dependencies = GenerationDependencies(
            db=db,
            painter=painter,
            inspector=PillowPictures(),
            store=served,
            model_id="gpt-image-2",
            safety_identifier_key=b"key",
            jitter=lambda: 0.5,
            registry=PRICES.registry,
            references=uploads,
            today=PRICES.today,
            unknown_policy=UnknownPolicy.parse("give-up"),
            moderation=moderation,
            credentials=C2paCredentials(content_credentials()),
        )
        yield ModeratedWorker(owner, admin, db, dependencies, studio, s3, served, uploads, kept, quarantine, hasher)
