"""Who is in the members' user pool, for the housekeeping: looked through, and removed."""

from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from tatemono.domain.identity.members import MembersUnavailable
from tatemono.domain.privacy.residual_data import PoolMemberSeen

_PAGE = 60
_NOT_FOUND = "UserNotFoundException"


class CognitoDirectory:
    """:param client: of `cognito-idp`"""

    def __init__(self, client: Any, pool_id: str) -> None:
        self._client = client
        self._pool_id = pool_id

    async def delete(self, sub: UUID) -> None:
        await self._of(sub, self._client.admin_delete_user)

    async def exists(self, sub: UUID) -> bool:
        return await self._of(sub, self._client.admin_get_user)

    async def listed(self, after: str | None) -> tuple[list[PoolMemberSeen], str | None]:
        try:
            answer = await self._client.list_users(
                UserPoolId=self._pool_id, Limit=_PAGE, **({"PaginationToken": after} if after else {})
            )
        except (BotoCoreError, ClientError, OSError, TimeoutError) as error:
            raise MembersUnavailable from error
        return [_seen(user) for user in answer["Users"]], answer.get("PaginationToken")

    async def _of(self, sub: UUID, call: Any) -> bool:
        try:
            # In this pool the user name is the `sub`.
            await call(UserPoolId=self._pool_id, Username=str(sub))
        except ClientError as error:
            if error.response["Error"]["Code"] == _NOT_FOUND:
                return False
            raise MembersUnavailable from error
        except (BotoCoreError, OSError, TimeoutError) as error:
            raise MembersUnavailable from error
        return True


def _seen(user: dict[str, Any]) -> PoolMemberSeen:
    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["Attributes"]}
    user_id = attributes.get("custom:user_id")
    return PoolMemberSeen(
        sub=UUID(attributes["sub"]),
        user_id=UUID(user_id) if user_id else None,
        confirmed=user["UserStatus"] != "UNCONFIRMED",
        changed_at=user["UserLastModifiedDate"],
    )
