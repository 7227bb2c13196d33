"""Identities of guests, in an identity pool of Cognito."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tatemono.usecases.identity.ports import GuestIdentitiesUnavailable
from tatemono.usecases.privacy.ports import IdentitySeen

#: The most that one call of DeleteIdentities takes, or of ListIdentities gives.
_PAGE = 60


class CognitoIdentities:
    """:param client: of `cognito-identity`"""

    def __init__(self, client: Any, pool_id: str) -> None:
        self._client = client
        self._pool_id = pool_id

    async def create(self) -> str:
        """GetId without logins makes a new identity each time.

        :raises GuestIdentitiesUnavailable: Cognito throttles, does not answer, or knows no such pool
        """
        try:
            identity_id: str = (await self._client.get_id(IdentityPoolId=self._pool_id))["IdentityId"]
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            raise GuestIdentitiesUnavailable(str(error)) from error
        return identity_id

    async def delete_identities(self, ids: Sequence[str]) -> None:
        left: list[str] = []
        for start in range(0, len(ids), _PAGE):
            try:
                answer = await self._client.delete_identities(IdentityIdsToDelete=list(ids[start : start + _PAGE]))
            except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
                raise GuestIdentitiesUnavailable(str(error)) from error
            left += [each["IdentityId"] for each in answer.get("UnprocessedIdentityIds", [])]
        if left:
            raise GuestIdentitiesUnavailable(
                f"{len(left)} of {len(ids)} identities were not deleted, the first: {left[0]}"
            )

    async def listed(self, after: str | None) -> tuple[list[IdentitySeen], str | None]:
        try:
            answer = await self._client.list_identities(
                IdentityPoolId=self._pool_id, MaxResults=_PAGE, **({"NextToken": after} if after else {})
            )
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            raise GuestIdentitiesUnavailable(str(error)) from error
        found = [IdentitySeen(each["IdentityId"], each["CreationDate"]) for each in answer["Identities"]]
        return found, answer.get("NextToken")
