"""A house that people leave, with the roles of production and the real cloud."""

import secrets
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from conftest import CloudEndpoint
from house import House
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cognito import CognitoMembers
from tatemono.adapters.cognito_directory import CognitoDirectory
from tatemono.adapters.cognito_identity import CognitoIdentities
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3_folders import S3Folders
from tatemono.laptop.cloud_resources import Cloud, ensure_bucket
from tatemono.laptop.identity_resources import Pools


@pytest.fixture
async def house(  # noqa: PLR0917 - fixtures are asked for by name
    service_database_url: Callable[[str], str],
    database_url: str,
    aws_environment: CloudEndpoint,
    opened_cloud: Cloud,
    user_pools: Pools,
    member_pool: CognitoMembers,
) -> AsyncIterator[House]:
    bucket = f"test-{secrets.token_hex(6)}"
    await ensure_bucket(opened_cloud, bucket, versioned=False)
    pool_id = user_pools.parameters["members-pool-id"]
    owner = await asyncpg.connect(database_url)
    made = await opened_cloud.cognito_identity.create_identity_pool(
        IdentityPoolName=f"guests {secrets.token_hex(4)}", AllowUnauthenticatedIdentities=True
    )
    async with (
        await Database.connect(service_database_url("mobile-api"), service="mobile-api") as api,
        await Database.connect(service_database_url("outbox-relay"), service="outbox-relay") as relay,
        await Database.connect(service_database_url("image-worker"), service="image-worker") as worker,
        aws_clients("s3", "cognito-idp", "cognito-identity") as (s3, idp, identity),
    ):
        yield House(
            owner=owner,
            api=api,
            relay=relay,
            worker=worker,
            cloud=opened_cloud,
            bucket=bucket,
            store=S3Folders(s3, bucket),
            pool=member_pool,
            pool_id=pool_id,
            directory=CognitoDirectory(idp, pool_id),
            identities=CognitoIdentities(identity, made["IdentityPoolId"]),
            identity_pool=made["IdentityPoolId"],
        )
    await owner.close()
