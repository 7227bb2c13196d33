"""What Terraform does on AWS, done in the embedded cloud and database: make them hold what the plan says.

Everything here reads first and writes what differs, so that a second run changes nothing and a later start is quick.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.laptop.provision.cloud_resources import (
    Cloud,
    StoredSecret,
    ensure_bucket,
    ensure_parameters,
    ensure_queue,
    ensure_secret,
    read_parameters,
    read_secrets,
)
from tatemono_tools.laptop.provision.identity_resources import ensure_functions, ensure_pools
from tatemono_tools.laptop.provision.mail_resources import ensure_mail
from tatemono_tools.plan.building import Plan, Secret
from tatemono_tools.release.functions_zip import zip_of_modules

ENVIRONMENT = "laptop"
"""The laptop's name among dev, stg and prod."""

_CONFIGURATION_SET = "mail-configuration-set"


_FIRST_VALUES: Mapping[str, Callable[[], str]] = {
    "random": secret_values.random_value,
    "ec-p256-jwks": secret_values.signing_keys,
    "ec-p256-pem": secret_values.private_key_pem,
    "content-credentials": secret_values.content_credentials,
    "provided": lambda: secret_values.OFFLINE_API_KEY,
}


class Unprovisioned(Exception):
    """A value the plan asks for exists nowhere; the message names it."""


@dataclass(frozen=True, kw_only=True)
class LaptopFacts:
    """The facts of this laptop, which the plan does not have.

    :ivar database_url: of the superuser, on the embedded server
    :ivar parameters: values of parameters that the plan leaves to the building, e.g. `public-url`, or that differ here,
        e.g. `openai-base-url`. Provisioning knows these itself: `<bucket>-bucket`, `<queue>-queue-url`,
        `<secret>-id` of the public half of an `ec-p256-pem` secret, `<secret>-arn`, `mail-configuration-set`, and
        `Identity.parameters()`
    :ivar secrets: new values of secrets that a person puts in; the others keep theirs
    :ivar picture_keys_file: where the embedded cloud reads the public keys it trusts: JSON, id → PEM
    """

    database_url: str = field(repr=False)
    parameters: Mapping[str, str]
    picture_keys_file: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


async def provision(plan: Plan, facts: LaptopFacts, cloud: Cloud) -> None:
    """Make the embedded cloud and database hold what the plan says. Cheap when they do already.

    A secret keeps its first value; only a database URL follows the server to another address, with the same password.

    :raises Unprovisioned: the plan leaves the value of a parameter to the building, and no value is given
    """
    _refuse_missing_values(plan, facts)
    known, stored, urls, configuration_set, _ = await asyncio.gather(
        read_secrets(cloud, [_secret_name(plan, name) for name in plan.secrets]),
        read_parameters(cloud, [_parameter_name(plan, name) for name in (*plan.parameters, *plan.secrets)]),
        asyncio.gather(*(ensure_queue(cloud, name, queue) for name, queue in plan.queues.items())),
        ensure_mail(cloud, plan.mail, prefix=_prefix(plan), sender=_value(plan, facts, "mail-sender")),
        asyncio.gather(
            *(ensure_bucket(cloud, bucket_name(plan, name), versioned=b.versioned) for name, b in plan.buckets.items())
        ),
    )
    pools = await ensure_pools(
        cloud,
        plan.identity,
        prefix=_prefix(plan),
        public_url=facts.parameters.get("public-url", ""),
        stored={name: stored.get(_parameter_name(plan, name), "") for name in plan.identity.parameters()},
    )
    secrets = await _ensure_secrets(plan, facts, cloud, known, pools.client_secrets)
    keys = {name: secret_values.public_key(secrets[name].value) for name in _picture_keys(plan)}
    _write_keys(facts.picture_keys_file, dict(keys.values()))
    provided = (
        {f"{name}-bucket": bucket_name(plan, name) for name in plan.buckets}
        | {f"{name}-queue-url": url for name, url in zip(plan.queues, urls, strict=True)}
        | {_CONFIGURATION_SET: configuration_set}
        | {f"{name}-id": key_id for name, (key_id, _) in keys.items()}
        | {f"{name}-arn": secret.arn for name, secret in secrets.items()}
        | pools.parameters
        | dict(facts.parameters)
    )
    values = {name: provided.get(name, parameter.value or "") for name, parameter in plan.parameters.items()}
    values |= {name: secret.arn for name, secret in secrets.items()}
    await asyncio.gather(
        ensure_parameters(cloud, {_parameter_name(plan, name): value for name, value in values.items()}, stored),
        prepare_database(
            plan.database,
            facts.database_url,
            {secret.role: secrets[name].value for name, secret in plan.secrets.items() if secret.role is not None},
        ),
        ensure_functions(
            cloud,
            plan.identity,
            pools,
            prefix=_prefix(plan),
            code=zip_of_modules(),
            secret_arns={name: secret.arn for name, secret in secrets.items()},
        ),
    )


async def resolve_environment(
    plan: Plan, service_name: str, cloud: Cloud, *, port: int | None = None
) -> dict[str, str]:
    """The environment of a service, read as ECS reads it: the parameter, then the secret whose ARN it holds.

    :param port: where the service listens, when not on the port of the plan
    :raises Unprovisioned: Parameter Store or Secrets Manager lacks a value
    """
    service = plan.services[service_name]
    names = {
        variable: _parameter_name(plan, entry)
        for variable, source in service.environment.items()
        if (entry := source.parameter or source.secret)
    }
    parameters = await read_parameters(cloud, list(names.values()))
    if missing := names.values() - parameters.keys():
        raise Unprovisioned(f"{service_name}: Parameter Store lacks {', '.join(sorted(missing))}")
    arns = [parameters[names[variable]] for variable, source in service.environment.items() if source.secret]
    secrets = {secret.arn: secret.value for secret in (await read_secrets(cloud, arns)).values()}
    if missing := set(arns) - secrets.keys():
        raise Unprovisioned(f"{service_name}: Secrets Manager lacks {', '.join(sorted(missing))}")
    environment = _sdk_environment(cloud) | {"SERVICE_NAME": service_name}
    if service.kind == "http":
        environment["PORT"] = str(port or service.port)
    for variable, source in service.environment.items():
        if source.value is not None:
            environment[variable] = source.value
        elif source.ip_set is not None:
            environment[variable] = ",".join(plan.edge.ip_sets[source.ip_set])
        elif source.limits:
            environment[variable] = _limits(plan)
        else:
            value = parameters[names[variable]]
            environment[variable] = secrets[value] if source.secret else value
    return environment


def _value(plan: Plan, facts: LaptopFacts, parameter: str) -> str:
    return facts.parameters.get(parameter) or plan.parameters[parameter].value or ""


def _limits(plan: Plan) -> str:
    return json.dumps({name: [rule.model_dump() for rule in rules] for name, rules in plan.limits.items()})


async def read_secret(plan: Plan, name: str, cloud: Cloud) -> str:
    """The value of one of the plan's secrets, for a part of the laptop that is no service of the plan.

    :raises Unprovisioned: Secrets Manager lacks it
    """
    secret_name = _secret_name(plan, name)
    found = await read_secrets(cloud, [secret_name])
    if secret_name not in found:
        raise Unprovisioned(f"Secrets Manager lacks {secret_name}")
    return found[secret_name].value


def bucket_name(plan: Plan, bucket: str) -> str:
    """What S3 calls a bucket of the plan on the laptop."""
    return _prefix(plan) + bucket


def _prefix(plan: Plan) -> str:
    return f"{plan.name}-{ENVIRONMENT}-"


def _parameter_name(plan: Plan, entry: str) -> str:
    return plan.parameter_name(ENVIRONMENT, entry)


def _secret_name(plan: Plan, secret: str) -> str:
    return _parameter_name(plan, secret).removeprefix("/")


def _picture_keys(plan: Plan) -> list[str]:
    return [name for name, secret in plan.secrets.items() if secret.generate == "ec-p256-pem"]


def _refuse_missing_values(plan: Plan, facts: LaptopFacts) -> None:
    given = {name for name, parameter in plan.parameters.items() if parameter.value is not None}
    given |= facts.parameters.keys()
    given |= {f"{name}-bucket" for name in plan.buckets} | {f"{name}-queue-url" for name in plan.queues}
    given |= {f"{name}-arn" for name in plan.secrets} | {_CONFIGURATION_SET}
    given |= {f"{name}-id" for name in _picture_keys(plan)} | plan.identity.parameters()
    if missing := [f"{name} ({entry.description})" for name, entry in plan.parameters.items() if name not in given]:
        raise Unprovisioned(
            f"the laptop does not know the value of {', '.join(missing)}: give it one in the plan's parameters"
        )


async def _ensure_secrets(
    plan: Plan,
    facts: LaptopFacts,
    cloud: Cloud,
    known: Mapping[str, StoredSecret],
    client_secrets: Mapping[str, str],
) -> dict[str, StoredSecret]:
    async def ensure(name: str, secret: Secret) -> StoredSecret:
        full_name = _secret_name(plan, name)
        stored = known.get(full_name)
        given = facts.secrets.get(name)
        value = client_secrets.get(name) or given
        value = value or _secret_value(plan, facts, secret, stored.value if stored else None)
        return await ensure_secret(cloud, full_name, value, stored, forget=given is not None)

    made = await asyncio.gather(*(ensure(name, secret) for name, secret in plan.secrets.items()))
    return dict(zip(plan.secrets, made, strict=True))


def _secret_value(plan: Plan, facts: LaptopFacts, secret: Secret, known: str | None) -> str:
    if secret.generate == "database-url":
        address = urlsplit(facts.database_url).netloc.rpartition("@")[2]
        return secret_values.database_url(secret.role or "", address, plan.database.name, known)
    if known is not None:
        return known
    make = _FIRST_VALUES.get(secret.generate)
    if make is None:
        raise Unprovisioned("no user pool has the client whose secret this is")
    return make()


def _write_keys(file: Path, keys: Mapping[str, str]) -> None:
    text = json.dumps(keys, indent=1)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        # Renamed into place: the cloud reads it at any time.
        fresh = file.with_name(file.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)


def _sdk_environment(cloud: Cloud) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_ACCESS_KEY_ID": cloud.access_key_id,
        "AWS_SECRET_ACCESS_KEY": cloud.secret_access_key,
        "AWS_REGION": cloud.region,
        "AWS_DEFAULT_REGION": cloud.region,
        # No SDK on the laptop may ask the network for the credentials of an instance.
        "AWS_EC2_METADATA_DISABLED": "true",
    }
