"""User pools of a test's own in the embedded cloud."""

import secrets
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from conftest import CloudEndpoint
from mailbox_of import Mailbox
from tatemono.adapters.cognito.members import CognitoMembers, cognito_members
from tatemono.settings import MobileApiSettings
from tatemono_tools.laptop.provision.cloud_resources import Cloud, open_cloud
from tatemono_tools.laptop.provision.identity_resources import Pools, ensure_pools
from tatemono_tools.plan.building import Plan

PUBLIC_URL = "https://pictures.example.jp"


@pytest.fixture(scope="session")
async def opened_cloud(cloud: CloudEndpoint) -> AsyncIterator[Cloud]:
    async with open_cloud(
        cloud.endpoint_url,
        region=cloud.region,
        access_key_id=cloud.access_key_id,
        secret_access_key=cloud.secret_access_key,
    ) as clients:
        yield clients


@pytest.fixture(scope="session")
async def user_pools(opened_cloud: Cloud, plan: Plan) -> Pools:
    """The plan's pools; no function is called when somebody confirms."""
    prefix = f"test-{secrets.token_hex(4)}-"
    return await ensure_pools(opened_cloud, plan.identity, prefix=prefix, public_url=PUBLIC_URL, stored={})


@pytest.fixture
def with_members(user_pools: Pools, aws_environment: CloudEndpoint) -> Callable[..., MobileApiSettings]:
    """Gives the settings of a mobile API the pools, and how long its answers about addresses take at least."""
    facts = user_pools.parameters

    def given(settings: MobileApiSettings, *, even_seconds: float) -> MobileApiSettings:
        return settings.model_copy(
            update={
                "members_pool_id": facts["members-pool-id"],
                "members_client_id": facts["members-client-id"],
                "members_client_secret": SecretStr(user_pools.client_secrets["members-client-secret"]),
                "even_seconds": even_seconds,
            }
        )

    return given


@pytest.fixture
async def member_pool(aws_environment: CloudEndpoint, user_pools: Pools) -> AsyncIterator[CognitoMembers]:
    facts = user_pools.parameters
    secret = user_pools.client_secrets["members-client-secret"]
    async with cognito_members(facts["members-pool-id"], facts["members-client-id"], secret) as members:
        yield members


@pytest.fixture
def mailbox(cloud: CloudEndpoint) -> Mailbox:
    return Mailbox(cloud, f"aki-{secrets.token_hex(6)}@example.com")
