"""The Lambda function that Cognito calls when a person has confirmed an address: it records the member here, too.

Cognito waits five seconds, calls three times at most, and calls for a new password as well; so the same call again
changes nothing. https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-post-confirmation.html
"""

import asyncio
import json
import os
from typing import Any
from uuid import UUID

import asyncpg

from tatemono.adapters.postgres.iam_sign_in import password_for
from tatemono.adapters.postgres.identity.members import Members
from tatemono.domain.identity.members import AccountErased, PoolMember

_CONNECT_TIMEOUT_SECONDS = 2
_COMMAND_TIMEOUT_SECONDS = 2
_CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidPasswordError,
)


class _Function:
    """One instance of the function: it keeps its connection from one call to the next."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None

    def handle(self, event: dict[str, Any]) -> None:
        self._loop.run_until_complete(self._handle(event))

    async def _handle(self, event: dict[str, Any]) -> None:
        member = member_of(event)
        try:
            user_id: UUID | None = await self._written(member)
        except _CONNECTION_ERRORS:
            # The function was frozen for longer than the connection lived, or the password has changed.
            self._connection = None
            user_id = await self._written(member)
        # Only ids, no address: Lambda sends this to CloudWatch.
        print(json.dumps({"event": event["triggerSource"], "user_id": str(user_id), "sub": str(member.sub)}))  # noqa: T201

    async def _written(self, member: PoolMember) -> UUID | None:
        try:
            return await self._confirm(member)
        except AccountErased:
            # Another call would change nothing: the erasure is about to end the membership, too.
            return None

    async def _confirm(self, member: PoolMember) -> UUID:
        if self._connection is None or self._connection.is_closed():
            dsn = database_url(os.environ["DATABASE_SECRET_ARN"])
            self._connection = await asyncpg.connect(
                dsn,
                password=password_for(dsn),
                timeout=_CONNECT_TIMEOUT_SECONDS,
                command_timeout=_COMMAND_TIMEOUT_SECONDS,
                server_settings={"application_name": "cognito-trigger", "jit": "off"},
            )
        return await Members(self._connection).confirm(member)


def member_of(event: dict[str, Any]) -> PoolMember:
    """The member that a PostConfirmation event is about."""
    attributes = event["request"]["userAttributes"]
    # Set at sign-up by our own services, which alone know the client's secret; it cannot be changed afterwards.
    user_id = attributes.get("custom:user_id")
    return PoolMember(UUID(attributes["sub"]), attributes["email"], UUID(user_id) if user_id else None)


def database_url(secret_arn: str) -> str:
    import botocore.session  # noqa: PLC0415 - Lambda's runtime has it; calls that find a connection do without

    client = botocore.session.get_session().create_client("secretsmanager")
    url: str = client.get_secret_value(SecretId=secret_arn)["SecretString"]
    return url


_function: _Function | None = None


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What Lambda calls. An exception tells Cognito to call again."""
    global _function  # noqa: PLW0603 - Lambda keeps a module, and nothing else, between calls
    if event["triggerSource"].startswith("PostConfirmation_"):
        _function = _function or _Function()
        _function.handle(event)
    return event
