"""Operators in the running building's user pool: made, listed, changed, and signed in with password and second factor.

An operator that `create` makes begins without a role. It comes last, when the authenticator app is set up: an operator
with a role has both factors, and one that is broken off before is removed again. On AWS the pool asks for the second
one by itself, at every sign-in; MiniStack 1.5.33 does not ask an operator that has none yet, at its API. An invited
operator has the role at once, and sets both factors up on the sign-in pages, which cannot be passed without them.
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

from botocore.exceptions import ClientError

from tatemono.domain.operators.roles import Role
from tatemono_tools.invocation import typed
from tatemono_tools.laptop.process.state import NotRunning
from tatemono_tools.laptop.provision.cloud_resources import open_cloud, read_parameters
from tatemono_tools.laptop.provision.provision import ENVIRONMENT, read_secret
from tatemono_tools.plan.building import Plan

POOL = "operators"
_ATTEMPTS = 5


class OperatorRefused(ValueError):
    """The user pool does not do it; the message says why, and what to do."""


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs (https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""

    email: str
    secret: str = field(repr=False)

    @property
    def uri(self) -> str:
        label = quote(f"Tatemono ({ENVIRONMENT}):{self.email}")
        return f"otpauth://totp/{label}?secret={self.secret}&issuer={quote(f'Tatemono ({ENVIRONMENT})')}"


@dataclass(frozen=True)
class ListedOperator:
    """:ivar second_factor: an authenticator app is set up"""

    email: str
    roles: tuple[str, ...]
    enabled: bool
    second_factor: bool


@dataclass(frozen=True)
class OperatorPool:
    """The operators' user pool and its one client. Made by `open_pool`."""

    cognito: Any = field(repr=False)
    pool_id: str
    client_id: str
    client_secret: str = field(repr=False)
    site_url: str = ""

    async def invite(self, email: str, role: Role) -> str:
        """Make an operator who chooses a password and sets an authenticator app up at the first sign-in on the site.

        An operator that has not signed in yet may be invited again, with another password and role.

        :returns: the temporary password, which cannot be read again
        :raises OperatorRefused: there is such an operator already
        """
        email = _normalised(email)
        password = secrets.token_urlsafe(12)
        try:
            found = await self.cognito.admin_get_user(UserPoolId=self.pool_id, Username=email)
        except self.cognito.exceptions.UserNotFoundException:
            await self._call(
                "admin_create_user",
                Username=email,
                UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
                MessageAction="SUPPRESS",
                TemporaryPassword=password,
            )
        else:
            if found["UserStatus"] != "FORCE_CHANGE_PASSWORD":
                raise OperatorRefused(f"{email} is an operator already; `{typed()} operator set-role` changes the role")
            await self._call("admin_set_user_password", Username=email, Password=password, Permanent=False)
        for group in await self._roles(email) - {role.value}:
            await self._call("admin_remove_user_from_group", Username=email, GroupName=group)
        await self._call("admin_add_user_to_group", Username=email, GroupName=role.value)
        return password

    async def create(self, email: str, role: Role, ask_code: Callable[[Enrolment], str]) -> str:
        """Make an operator with both factors and this role.

        :param ask_code: shows the person what the authenticator app needs, and asks for the code that it shows then;
            it is asked again when the code is wrong
        :returns: the password, which cannot be read again
        :raises OperatorRefused: there is such an operator already, or no code was right
        """
        email = _normalised(email)
        await self._remove_incomplete(email)
        await self._call(
            "admin_create_user",
            Username=email,
            UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            MessageAction="SUPPRESS",
        )
        try:
            password = secrets.token_urlsafe(18)
            await self._call("admin_set_user_password", Username=email, Password=password, Permanent=True)
            signed_in = await self._begin(email, password)
            await self._enrol(email, signed_in["AuthenticationResult"]["AccessToken"], ask_code)
            await self._call("admin_add_user_to_group", Username=email, GroupName=role.value)
        except BaseException:
            # Also when the person breaks it off. If the cloud does not answer now, `_remove_incomplete` is left.
            with contextlib.suppress(Exception):
                await self._call("admin_delete_user", Username=email)
            raise
        return password

    async def _remove_incomplete(self, email: str) -> None:
        """An operator without a role is what a `create` has left whose process was killed."""
        try:
            if await self._roles(email):
                raise OperatorRefused(f"{email} is an operator already; `{typed()} operator set-role` changes the role")
        except self.cognito.exceptions.UserNotFoundException:
            return
        await self._call("admin_delete_user", Username=email)

    async def _enrol(self, email: str, access_token: str, ask_code: Callable[[Enrolment], str]) -> None:
        associated = await self.cognito.associate_software_token(AccessToken=access_token)
        enrolment = Enrolment(email, associated["SecretCode"])
        for _ in range(_ATTEMPTS):
            try:
                await self.cognito.verify_software_token(AccessToken=access_token, UserCode=ask_code(enrolment))
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("EnableSoftwareTokenMFAException", "CodeMismatchException"):
                    raise
            else:
                break
        else:
            raise OperatorRefused("none of these codes was right: check the clock of the phone, and begin again")
        totp = {"Enabled": True, "PreferredMfa": True}
        await self._call("admin_set_user_mfa_preference", Username=email, SoftwareTokenMfaSettings=totp)

    async def sign_in(self, email: str, password: str, ask_code: Callable[[], str]) -> dict[str, str]:
        """Sign in with both factors.

        :returns: Cognito's `AccessToken`, `IdToken` and `RefreshToken`
        :raises OperatorRefused: one of them is wrong or missing
        """
        email = _normalised(email)
        began = await self._begin(email, password)
        if began.get("ChallengeName") != "SOFTWARE_TOKEN_MFA":
            raise OperatorRefused(f"{email} has no authenticator app: run `{typed()} operator create` again")
        answer = await self._call(
            "admin_respond_to_auth_challenge",
            ClientId=self.client_id,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=began["Session"],
            ChallengeResponses={
                "USERNAME": email,
                "SOFTWARE_TOKEN_MFA_CODE": ask_code(),
                "SECRET_HASH": self._secret_hash(email),
            },
        )
        tokens: dict[str, str] = answer["AuthenticationResult"]
        return tokens

    async def list_operators(self) -> list[ListedOperator]:
        pages = self.cognito.get_paginator("list_users").paginate(UserPoolId=self.pool_id)
        names = sorted([user["Username"] async for page in pages for user in page["Users"]])
        found = []
        for name in names:
            user = await self._call("admin_get_user", Username=name)
            apps = "SOFTWARE_TOKEN_MFA" in user.get("UserMFASettingList", ())
            found.append(ListedOperator(name, tuple(sorted(await self._roles(name))), user["Enabled"], apps))
        return found

    async def set_role(self, email: str, role: Role) -> None:
        """Give an operator this role and take the others away. It counts from the next access token on.

        :raises OperatorRefused: there is no such operator, or one that is not complete
        """
        email = _normalised(email)
        had = await self._known_roles(email)
        if not had:
            raise OperatorRefused(f"{email} was never fully made: run `{typed()} operator create` again")
        for group in had - {role.value}:
            await self._call("admin_remove_user_from_group", Username=email, GroupName=group)
        await self._call("admin_add_user_to_group", Username=email, GroupName=role.value)

    async def disable(self, email: str) -> None:
        """Let an operator in no more. An access token that is out stays good until it expires.

        :raises OperatorRefused: there is no such operator
        """
        email = _normalised(email)
        await self._known_roles(email)
        await self._call("admin_disable_user", Username=email)
        await self._call("admin_user_global_sign_out", Username=email)

    async def _known_roles(self, email: str) -> set[str]:
        try:
            return await self._roles(email)
        except self.cognito.exceptions.UserNotFoundException:
            raise OperatorRefused(f"there is no operator {email}; `{typed()} operator list` shows all") from None

    async def _roles(self, email: str) -> set[str]:
        answer = await self.cognito.admin_list_groups_for_user(UserPoolId=self.pool_id, Username=email)
        return {group["GroupName"] for group in answer["Groups"]}

    async def _begin(self, email: str, password: str) -> dict[str, Any]:
        return await self._call(
            "admin_initiate_auth",
            ClientId=self.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password, "SECRET_HASH": self._secret_hash(email)},
        )

    def _secret_hash(self, email: str) -> str:
        """https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html"""
        digest = hmac.digest(self.client_secret.encode(), (email + self.client_id).encode(), hashlib.sha256)
        return base64.b64encode(digest).decode()

    async def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """:raises OperatorRefused: what Cognito says to a person"""
        try:
            answer: dict[str, Any] = await getattr(self.cognito, operation)(UserPoolId=self.pool_id, **arguments)
        except ClientError as error:
            reason = error.response["Error"]
            raise OperatorRefused(f"Cognito refuses: {reason.get('Message') or reason['Code']}") from error
        return answer


@asynccontextmanager
async def open_pool(plan: Plan, cloud_arguments: dict[str, str]) -> AsyncIterator[OperatorPool]:
    """The pool in the cloud that `cloud_arguments` open (those of `open_cloud`).

    :raises NotRunning: the building is not provisioned yet
    """
    names = {entry: plan.parameter_name(ENVIRONMENT, f"{POOL}-{entry}") for entry in ("pool-id", "client-id")}
    names["site"] = plan.parameter_name(ENVIRONMENT, "public-url")
    async with open_cloud(**cloud_arguments) as cloud:
        parameters = await read_parameters(cloud, list(names.values()))
        if names.values() - parameters.keys():
            raise NotRunning("the building has no user pool for operators yet: wait until it is up")
        secret = await read_secret(plan, plan.identity.user_pools[POOL].client.secret, cloud)
        pool_id, client_id, site = (parameters[names[entry]] for entry in ("pool-id", "client-id", "site"))
        yield OperatorPool(cloud.cognito_idp, pool_id, client_id, secret, f"{site}/")


def _normalised(email: str) -> str:
    """:raises OperatorRefused: it is no address"""
    text = normalize("NFC", email).strip().lower()
    local, _, domain = text.partition("@")
    if not local or "." not in domain or any(character.isspace() for character in text):
        raise OperatorRefused(f"{email!r} is no e-mail address")
    return text
