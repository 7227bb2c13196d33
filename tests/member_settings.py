"""A mobile API's settings that name a user pool which is there."""

from pydantic import SecretStr

from tatemono.laptop.identity_resources import Pools
from tatemono.settings import MobileApiSettings


def with_members(settings: MobileApiSettings, pools: Pools) -> MobileApiSettings:
    """Answers take no longer than they need."""
    facts = pools.parameters
    return settings.model_copy(
        update={
            "members_pool_id": facts["members-pool-id"],
            "members_client_id": facts["members-client-id"],
            "members_client_secret": SecretStr(pools.client_secrets["members-client-secret"]),
            "even_seconds": 0.0,
        }
    )
