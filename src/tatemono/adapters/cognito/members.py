"""The members' user pool in Cognito. Passwords go there, and nowhere else.

The app client has a secret, so only our services speak to the pool for it. What Cognito would tell a stranger
about an address ends here: `docs/reference/members.md` says which answers are made the same.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from tatemono.adapters.guessable_passwords import refuse_guessable
from tatemono.domain.identity.members import (
    CodeRefused,
    MembersUnavailable,
    Password,
    PasswordRefused,
    PoolBusy,
    PoolMember,
    SignInRefused,
    TotpRequired,
)

log = structlog.get_logger()

#: A stranger is told the same for all of these. Cognito names the last two when it locks an account.
_REFUSED = {
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    "InvalidParameterException",
    "TooManyFailedAttemptsException",
    "LimitExceededException",
}
_WRONG_CODE = _REFUSED | {"CodeMismatchException", "ExpiredCodeException", "EnableSoftwareTokenMFAException"}
#: The code was good and the member is confirmed; only our function failed, whose work is done again by the caller.
_FUNCTION_FAILED = {"UserLambdaValidationException", "UnexpectedLambdaException", "InvalidLambdaResponseException"}
#: No code that Cognito gives out.
_NO_CODE = "none"


@dataclass(frozen=True, slots=True)
class _Opened:
    """A member who has just shown the password, and may act on the own account."""

    member: PoolMember
    access_token: str = field(repr=False)


@asynccontextmanager
async def cognito_members(pool_id: str, client_id: str, client_secret: str) -> AsyncIterator["CognitoMembers"]:
    """The members' pool. The SDK is loaded by the first who needs it: most calls of the API never do."""
    async with AsyncExitStack() as stack:

        async def open_client() -> Any:
            from tatemono.adapters.aws import aws_clients  # noqa: PLC0415 - see above

            (client,) = await stack.enter_async_context(aws_clients("cognito-idp"))
            return client

        yield CognitoMembers(LazyClient(open_client), pool_id=pool_id, client_id=client_id, client_secret=client_secret)


class LazyClient:
    """Something that is opened by the first who awaits it, for all."""

    def __init__(self, open_it: Callable[[], Awaitable[Any]]) -> None:
        self._open = open_it
        self._lock = asyncio.Lock()
        self._opened: Any = None

    async def __call__(self) -> Any:
        async with self._lock:
            if self._opened is None:
                self._opened = await self._open()
            return self._opened


class CognitoMembers:
    def __init__(
        self, client: Callable[[], Awaitable[Any]], *, pool_id: str, client_id: str, client_secret: str
    ) -> None:
        """:param client: gives aiobotocore's of `cognito-idp`"""
        self._client = client
        self._pool_id = pool_id
        self._client_id = client_id
        self._client_secret = client_secret.encode()

    async def sign_up(self, email: str, password: Password, user_id: UUID) -> None:
        await refuse_guessable(password, email)
        async with _cognito():
            try:
                await self._sign_up(email, password, user_id)
            except ClientError as error:
                if _code(error) != "UsernameExistsException":
                    raise
                # A person typed this address before and never showed that they read its mail. Their password and their
                # guest must not be what is confirmed now.
                if await self._drop_unconfirmed(email):
                    await self._sign_up(email, password, user_id)

    async def confirm(self, email: str, code: str, user_id: UUID) -> PoolMember:
        known = await self._find(email)
        mine = known is not None and known[0].user_id == user_id
        if known is not None and mine and known[1] == "CONFIRMED":
            return known[0]  # The answer got lost, and the request came again.
        async with _cognito(refused=_WRONG_CODE, by=CodeRefused):
            try:
                await self._call("confirm_sign_up", **self._person(email), ConfirmationCode=code if mine else _NO_CODE)
            except ClientError as error:
                if _code(error) not in _FUNCTION_FAILED:
                    raise
                log.warning("post_confirmation_failed", error=_code(error))
        if known is None or not mine:
            raise CodeRefused
        return known[0]

    async def resend(self, email: str) -> None:
        async with _cognito(ignored=_REFUSED):
            await self._call("resend_confirmation_code", **self._person(email))

    async def sign_in(self, email: str, password: Password, totp_code: str | None) -> PoolMember:
        return (await self._open(email, password, totp_code)).member

    async def forgot(self, email: str) -> None:
        async with _cognito(ignored=_REFUSED):
            await self._call("forgot_password", **self._person(email))

    async def reset(self, email: str, code: str, password: Password) -> PoolMember:
        await refuse_guessable(password, email)
        known = await self._find(email)
        # A person who never confirmed the sign-up has no password to forget.
        confirmed = known is not None and known[1] != "UNCONFIRMED"
        async with _cognito(refused=_WRONG_CODE, by=CodeRefused):
            try:
                await self._call(
                    "confirm_forgot_password",
                    **self._person(email),
                    ConfirmationCode=code if confirmed else _NO_CODE,
                    Password=password.text,
                )
            except ClientError as error:
                if _code(error) not in _FUNCTION_FAILED:
                    raise
                log.warning("post_confirmation_failed", error=_code(error))
        if known is None or not confirmed:
            raise CodeRefused
        return known[0]

    async def change_password(self, email: str, old: Password, new: Password, totp_code: str | None) -> None:
        await refuse_guessable(new, email)
        opened = await self._open(email, old, totp_code)
        async with _cognito(told=True):
            await self._call(
                "change_password", AccessToken=opened.access_token, PreviousPassword=old.text, ProposedPassword=new.text
            )

    async def change_email(self, email: str, password: Password, totp_code: str | None, new_email: str) -> None:
        opened = await self._open(email, password, totp_code)
        async with _cognito(ignored={"AliasExistsException"}, told=True):
            await self._call(
                "update_user_attributes",
                AccessToken=opened.access_token,
                UserAttributes=[{"Name": "email", "Value": new_email}],
            )

    async def confirm_email(self, email: str, password: Password, totp_code: str | None, code: str) -> PoolMember:
        opened = await self._open(email, password, totp_code)
        async with _cognito(refused=_WRONG_CODE | {"AliasExistsException"}, by=CodeRefused):
            await self._call("verify_user_attribute", AccessToken=opened.access_token, AttributeName="email", Code=code)
            found = await self._call("get_user", AccessToken=opened.access_token)
        return _member(found["UserAttributes"])

    async def set_up_totp(self, email: str, password: Password, totp_code: str | None) -> str:
        opened = await self._open(email, password, totp_code)
        async with _cognito(told=True):
            answer = await self._call("associate_software_token", AccessToken=opened.access_token)
        secret: str = answer["SecretCode"]
        return secret

    async def confirm_totp(self, email: str, password: Password, totp_code: str | None, code: str) -> None:
        opened = await self._open(email, password, totp_code)
        async with _cognito(refused=_WRONG_CODE, by=CodeRefused):
            await self._call("verify_software_token", AccessToken=opened.access_token, UserCode=code)
            await self._prefer_totp(opened, wanted=True)

    async def remove_totp(self, email: str, password: Password, totp_code: str | None) -> None:
        opened = await self._open(email, password, totp_code)
        async with _cognito(told=True):
            await self._prefer_totp(opened, wanted=False)

    async def delete(self, sub: UUID) -> None:
        """The membership is over; one that is gone already does not matter."""
        async with _cognito(ignored={"UserNotFoundException"}):
            await self._call("admin_delete_user", UserPoolId=self._pool_id, Username=str(sub))

    async def _sign_up(self, email: str, password: Password, user_id: UUID) -> None:
        attributes = {"email": email, "custom:user_id": str(user_id)}
        await self._call(
            "sign_up",
            **self._person(email),
            Password=password.text,
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )

    async def _drop_unconfirmed(self, email: str) -> bool:
        known = await self._find(email)
        if known is None or known[1] != "UNCONFIRMED":
            return False
        await self.delete(known[0].sub)
        return True

    async def _find(self, email: str) -> tuple[PoolMember, str] | None:
        """The user who has the address, and their status."""
        async with _cognito():
            try:
                found = await self._call("admin_get_user", UserPoolId=self._pool_id, Username=email)
            except ClientError as error:
                if _code(error) == "UserNotFoundException":
                    return None
                raise
        return _member(found["UserAttributes"]), found["UserStatus"]

    async def _open(self, email: str, password: Password, totp_code: str | None) -> _Opened:
        place = {"UserPoolId": self._pool_id, "ClientId": self._client_id}
        async with _cognito(refused=_REFUSED, by=SignInRefused):
            answer = await self._call(
                "admin_initiate_auth",
                **place,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password.text, "SECRET_HASH": self._hash(email)},
            )
        if answer.get("ChallengeName") == "SOFTWARE_TOKEN_MFA":
            if not totp_code:
                raise TotpRequired
            # The challenge is answered at once, so its session never leaves this process.
            name = answer["ChallengeParameters"]["USER_ID_FOR_SRP"]
            async with _cognito(refused=_WRONG_CODE, by=TotpRequired):
                answer = await self._call(
                    "admin_respond_to_auth_challenge",
                    **place,
                    ChallengeName="SOFTWARE_TOKEN_MFA",
                    Session=answer["Session"],
                    ChallengeResponses={
                        "USERNAME": name,
                        "SOFTWARE_TOKEN_MFA_CODE": totp_code,
                        "SECRET_HASH": self._hash(name),
                    },
                )
        if "AuthenticationResult" not in answer:
            # An operator has set a temporary password: the way on is to set a new one.
            raise SignInRefused
        tokens = answer["AuthenticationResult"]
        return _Opened(_member_of_token(tokens["IdToken"]), tokens["AccessToken"])

    async def _prefer_totp(self, opened: _Opened, *, wanted: bool) -> None:
        await self._call(
            "set_user_mfa_preference",
            AccessToken=opened.access_token,
            SoftwareTokenMfaSettings={"Enabled": wanted, "PreferredMfa": wanted},
        )

    async def _call(self, operation: str, **arguments: Any) -> Any:
        return await getattr(await self._client(), operation)(**arguments)

    def _person(self, email: str) -> dict[str, str]:
        return {"ClientId": self._client_id, "Username": email, "SecretHash": self._hash(email)}

    def _hash(self, username: str) -> str:
        """https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash"""
        digest = hmac.digest(self._client_secret, (username + self._client_id).encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()


@asynccontextmanager
async def _cognito(
    *,
    refused: set[str] = frozenset(),  # type: ignore[assignment]
    by: type[Exception] = MembersUnavailable,
    ignored: set[str] = frozenset(),  # type: ignore[assignment]
    told: bool = False,
) -> AsyncIterator[None]:
    """Calls of Cognito, whose failures become ours.

    :param refused: failures that become `by`
    :param ignored: failures that are passed over
    :param told: the caller is signed in and may know that Cognito takes no more attempts
    """
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in ignored:
            return
        if code in refused:
            raise by from None
        if code == "InvalidPasswordException":
            raise PasswordRefused from None
        if told and code in {"LimitExceededException", "TooManyFailedAttemptsException"}:
            raise PoolBusy from None
        log.warning("cognito_failed", error=code, operation=error.operation_name)
        raise MembersUnavailable from None
    except (BotoCoreError, OSError, TimeoutError) as error:
        log.warning("cognito_away", error=type(error).__name__)
        raise MembersUnavailable from None


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _member(attributes: list[dict[str, str]]) -> PoolMember:
    return _pool_member({attribute["Name"]: attribute["Value"] for attribute in attributes})


def _member_of_token(id_token: str) -> PoolMember:
    """It came from Cognito itself over TLS, so its signature says nothing more (OpenID Connect Core, 3.1.3.7)."""
    claims = id_token.split(".")[1]
    return _pool_member(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))))


def _pool_member(attributes: dict[str, str]) -> PoolMember:
    user_id = attributes.get("custom:user_id")
    return PoolMember(UUID(attributes["sub"]), attributes["email"], UUID(user_id) if user_id else None)
