"""User pools, identity pools and functions of the embedded cloud: read first, written where they differ."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tatemono_tools.laptop.provision.cloud_resources import Cloud
from tatemono_tools.plan.identity import Function, Identity, UserPool

RUNTIME = "python3.13"
"""Of the functions, on AWS. The embedded cloud runs them in the project's own Python."""

_MAIL = {
    "DefaultEmailOption": "CONFIRM_WITH_CODE",
    "EmailSubject": "確認コード / Your code",
    "EmailMessage": "確認コード: {####}\n\nYour code: {####}",
}


@dataclass(frozen=True)
class Pools:
    """Ids, parameters and client secrets of the pools.

    :ivar parameters: values of `Identity.parameters()`
    :ivar client_secrets: by the plan's names of the secrets
    """

    ids: dict[str, str]
    parameters: dict[str, str]
    client_secrets: dict[str, str] = field(repr=False)


async def ensure_pools(
    cloud: Cloud, identity: Identity, *, prefix: str, public_url: str, stored: Mapping[str, str]
) -> Pools:
    """Make the pools, their clients, groups and domains.

    :param prefix: of their names here, e.g. `tatemono-laptop-`
    :param stored: parameters that an earlier run has given, by the plan's names
    """
    user_pools = list(identity.user_pools.items())
    identity_pools = list(identity.identity_pools.items())
    made, guests = await asyncio.gather(
        asyncio.gather(
            *(
                _ensure_user_pool(cloud, prefix + name, name, pool, public_url=public_url, stored=stored)
                for name, pool in user_pools
            )
        ),
        asyncio.gather(
            *(
                _ensure_identity_pool(cloud, prefix + name, unauthenticated=pool.unauthenticated)
                for name, pool in identity_pools
            )
        ),
    )
    parameters = {f"{name}-identity-pool-id": pool for (name, _), pool in zip(identity_pools, guests, strict=True)}
    client_secrets = {}
    for (name, pool), (pool_id, client) in zip(user_pools, made, strict=True):
        parameters |= {
            f"{name}-pool-id": pool_id,
            f"{name}-client-id": client["ClientId"],
            f"{name}-issuer": f"https://cognito-idp.{cloud.region}.amazonaws.com/{pool_id}",
            f"{name}-jwks-url": f"{cloud.endpoint_url}/{pool_id}/.well-known/jwks.json",
        }
        if pool.domain:
            # The embedded cloud serves the pages of all domains at its one address.
            parameters[f"{name}-domain-url"] = cloud.endpoint_url
        client_secrets[pool.client.secret] = client["ClientSecret"]
    return Pools(
        {name: pool_id for (name, _), (pool_id, _) in zip(user_pools, made, strict=True)}, parameters, client_secrets
    )


async def _ensure_user_pool(
    cloud: Cloud, full_name: str, name: str, pool: UserPool, *, public_url: str, stored: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    cognito = cloud.cognito_idp
    pool_id = await _find_user_pool(cognito, full_name, stored.get(f"{name}-pool-id"))
    wanted = _pool_settings(pool)
    if pool_id is None:
        own = [{"Name": attribute, "AttributeDataType": "String", "Mutable": False} for attribute in pool.attributes]
        created = await cognito.create_user_pool(
            PoolName=full_name,
            # In an open pool the user name is Cognito's own `sub`; members sign in with the address, which can change.
            # In a closed one the address is the user name: an access token names its user and holds no address, and
            # an operator must be known by name in the audit records.
            **({"UsernameAttributes": ["email"]} if pool.sign_up == "open" else {}),
            UsernameConfiguration={"CaseSensitive": False},
            **({"Schema": own} if own else {}),
            **wanted,
        )
        pool_id = created["UserPool"]["Id"]
    found, mfa, groups, client = await asyncio.gather(
        cognito.describe_user_pool(UserPoolId=pool_id),
        cognito.get_user_pool_mfa_config(UserPoolId=pool_id),
        cognito.list_groups(UserPoolId=pool_id),
        _ensure_client(cognito, pool_id, pool, public_url, stored.get(f"{name}-client-id")),
    )
    if any(found["UserPool"].get(setting) != value for setting, value in wanted.items()):
        # AWS resets what UpdateUserPool is not given.
        trigger = {"LambdaConfig": found["UserPool"].get("LambdaConfig") or {}}
        await cognito.update_user_pool(UserPoolId=pool_id, **wanted, **trigger)
    # CreateUserPool takes no authenticator apps.
    totp = {
        "MfaConfiguration": "ON" if pool.totp == "required" else "OPTIONAL",
        "SoftwareTokenMfaConfiguration": {"Enabled": True},
    }
    if any(mfa.get(setting) != value for setting, value in totp.items()):
        await cognito.set_user_pool_mfa_config(UserPoolId=pool_id, **totp)
    known = {group["GroupName"] for group in groups["Groups"]}
    for group in pool.groups:
        if group not in known:
            await cognito.create_group(UserPoolId=pool_id, GroupName=group)
    if pool.domain and not found["UserPool"].get("Domain"):
        await cognito.create_user_pool_domain(UserPoolId=pool_id, Domain=full_name)
    return pool_id, client


def _pool_settings(pool: UserPool) -> dict[str, Any]:
    return {
        "Policies": {
            "PasswordPolicy": {
                "MinimumLength": pool.password_min_characters,
                "RequireUppercase": False,
                "RequireLowercase": False,
                "RequireNumbers": False,
                "RequireSymbols": False,
                "TemporaryPasswordValidityDays": 1,
            }
        },
        "AutoVerifiedAttributes": ["email"],
        # A new address counts when its code was shown, and the old one until then.
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": pool.sign_up == "closed"},
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
        "VerificationMessageTemplate": _MAIL,
    }


async def _find_user_pool(cognito: Any, name: str, known_id: str | None) -> str | None:
    if known_id:
        try:
            await cognito.describe_user_pool(UserPoolId=known_id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
        else:
            return known_id
    async for page in cognito.get_paginator("list_user_pools").paginate(PaginationConfig={"PageSize": 60}):
        for pool in page["UserPools"]:
            if pool["Name"] == name:
                return str(pool["Id"])
    return None


async def _ensure_client(
    cognito: Any, pool_id: str, pool: UserPool, public_url: str, known_id: str | None
) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "ExplicitAuthFlows": [f"ALLOW_{flow}" for flow in pool.client.flows],
        # An unknown address looks like a wrong password or a wrong code.
        "PreventUserExistenceErrors": "ENABLED",
        "EnableTokenRevocation": True,
    }
    if pool.client.callback_path is not None:
        wanted |= {
            "CallbackURLs": [public_url + pool.client.callback_path],
            "LogoutURLs": [public_url + (pool.client.sign_out_path or "")],
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthFlows": ["code"],
            "AllowedOAuthScopes": ["openid", "email"],
            "SupportedIdentityProviders": ["COGNITO"],
        }
    listed = (await cognito.list_user_pool_clients(UserPoolId=pool_id, MaxResults=60))["UserPoolClients"]
    ids = [client["ClientId"] for client in listed]
    client_id = known_id if known_id in ids else next(iter(ids), None)
    if client_id is None:
        created = await cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName="services", GenerateSecret=True, **wanted
        )
        client: dict[str, Any] = created["UserPoolClient"]
        return client
    found = await cognito.describe_user_pool_client(UserPoolId=pool_id, ClientId=client_id)
    client = found["UserPoolClient"]
    if any(client.get(setting) != value for setting, value in wanted.items()):
        await cognito.update_user_pool_client(UserPoolId=pool_id, ClientId=client_id, ClientName="services", **wanted)
    return client


async def _ensure_identity_pool(cloud: Cloud, name: str, *, unauthenticated: bool) -> str:
    cognito = cloud.cognito_identity
    listed = (await cognito.list_identity_pools(MaxResults=60))["IdentityPools"]
    wanted = {"IdentityPoolName": name, "AllowUnauthenticatedIdentities": unauthenticated}
    pool_id = next((pool["IdentityPoolId"] for pool in listed if pool["IdentityPoolName"] == name), None)
    if pool_id is None:
        return str((await cognito.create_identity_pool(**wanted))["IdentityPoolId"])
    found = await cognito.describe_identity_pool(IdentityPoolId=pool_id)
    if any(found.get(setting) != value for setting, value in wanted.items()):
        await cognito.update_identity_pool(IdentityPoolId=pool_id, **wanted)
    return str(pool_id)


async def ensure_functions(
    cloud: Cloud, identity: Identity, pools: Pools, *, prefix: str, code: bytes, secret_arns: Mapping[str, str]
) -> None:
    """Deploy the functions, each with a role that may read its secrets, and set which one each pool calls.

    :param code: the zip, the same bytes for the same sources
    :param secret_arns: of the plan's secrets, by name
    """
    names = list(identity.functions)
    arns = await asyncio.gather(
        *(
            _ensure_function(cloud, prefix + name, function, code, secret_arns)
            for name, function in identity.functions.items()
        )
    )
    functions = dict(zip(names, arns, strict=True))
    for name, pool in identity.user_pools.items():
        pool_id = pools.ids[name]
        wanted = {"PostConfirmation": functions[pool.post_confirmation]} if pool.post_confirmation else {}
        found = (await cloud.cognito_idp.describe_user_pool(UserPoolId=pool_id))["UserPool"].get("LambdaConfig") or {}
        if found != wanted:
            await cloud.cognito_idp.update_user_pool(UserPoolId=pool_id, LambdaConfig=wanted, **_pool_settings(pool))


async def _ensure_function(
    cloud: Cloud, name: str, function: Function, code: bytes, secret_arns: Mapping[str, str]
) -> str:
    variables = {variable: secret_arns[secret] for variable, secret in function.secrets.items()}
    wanted: dict[str, Any] = {
        "Role": await _ensure_role(cloud, name, list(variables.values())),
        "Handler": function.handler,
        "Runtime": RUNTIME,
        "MemorySize": function.memory_mib,
        "Timeout": function.timeout_seconds,
        "Environment": {"Variables": variables},
    }
    functions = cloud.functions
    try:
        found = await functions.get_function_configuration(FunctionName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        created = await functions.create_function(FunctionName=name, Code={"ZipFile": code}, **wanted)
        return str(created["FunctionArn"])
    if any(found.get(setting) != value for setting, value in wanted.items()):
        await functions.update_function_configuration(FunctionName=name, **wanted)
    if found["CodeSha256"] != base64.b64encode(hashlib.sha256(code).digest()).decode():
        await functions.update_function_code(FunctionName=name, ZipFile=code)
    return str(found["FunctionArn"])


async def _ensure_role(cloud: Cloud, name: str, secret_arns: list[str]) -> str:
    """The function's role: it may read these secrets."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret_arns}
    policies = [json.dumps({"Version": "2012-10-17", "Statement": [statement]}) for statement in (trust, may)]
    try:
        role = (await cloud.iam.get_role(RoleName=name))["Role"]
    except cloud.iam.exceptions.NoSuchEntityException:
        role = (await cloud.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policies[0]))["Role"]
    await cloud.iam.put_role_policy(RoleName=name, PolicyName="secrets", PolicyDocument=policies[1])
    return str(role["Arn"])
