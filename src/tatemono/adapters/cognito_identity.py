"""Identities of guests, in an identity pool of Cognito."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tatemono.usecases.identity_ports import IdentitiesAway


class CognitoIdentities:
    """:param client: of `cognito-identity`"""

    def __init__(self, client: Any, pool_id: str) -> None:
        self._client = client
        self._pool_id = pool_id

    async def create(self) -> str:
        """GetId without logins makes a new identity each time.

        :raises IdentitiesAway: Cognito throttles, does not answer, or knows no such pool
        """
        try:
            identity_id: str = (await self._client.get_id(IdentityPoolId=self._pool_id))["IdentityId"]
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            raise IdentitiesAway(str(error)) from error
        return identity_id
