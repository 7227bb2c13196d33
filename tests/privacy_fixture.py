"""The fixture `privacy`: accounts that are deleted and exported, with production's roles and the real cloud."""

import secrets
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from conftest import CloudEndpoint
from privacy_services import PrivacyServices
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cognito.directory import CognitoDirectory
from tatemono.adapters.cognito.identities import CognitoIdentities
from tatemono.adapters.cognito.members import cognito_members
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.folders import S3Folders
from tatemono_tools.laptop.provision.cloud_resources import Cloud, ensure_bucket
from tatemono_tools.laptop.provision.identity_resources import ensure_pools
from tatemono_tools.plan.building import Plan

PUBLIC_URL = "https://pictures.example.jp"


@pytest.fixture
async def privacy(
    service_database_url: Callable[[str], str],
    database_url: str,
    aws_environment: CloudEndpoint,
    opened_cloud: Cloud,
    plan: Plan,
) -> AsyncIterator[PrivacyServices]:
    bucket = f"test-{secrets.token_hex(6)}"
    await ensure_bucket(opened_cloud, bucket, versioned=False)
    # Pools of its own, since the search for residual data would find that of other tests.
    prefix = f"privacy-{secrets.token_hex(4)}-"
    pools = await ensure_pools(opened_cloud, plan.identity, prefix=prefix, public_url=PUBLIC_URL, stored={})
    facts, secret = pools.parameters, pools.client_secrets["members-client-secret"]
    pool_id = facts["members-pool-id"]
    owner = await asyncpg.connect(database_url)
    identity_pool = facts["guests-identity-pool-id"]
    async with (
        await Database.connect(service_database_url("mobile-api"), service="mobile-api") as api,
        await Database.connect(service_database_url("outbox-relay"), service="outbox-relay") as relay,
        await Database.connect(service_database_url("image-worker"), service="image-worker") as worker,
        aws_clients("s3", "cognito-idp", "cognito-identity") as (s3, idp, identity),
        cognito_members(pool_id, facts["members-client-id"], secret) as members,
    ):
        yield PrivacyServices(
            owner=owner,
            api=api,
            relay=relay,
            worker=worker,
            cloud=opened_cloud,
            bucket=bucket,
            store=S3Folders(s3, bucket),
            pool=members,
            pool_id=pool_id,
            directory=CognitoDirectory(idp, pool_id),
            identities=CognitoIdentities(identity, identity_pool),
            identity_pool=identity_pool,
        )
    await owner.close()
