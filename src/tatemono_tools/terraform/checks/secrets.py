"""Secrets are ARNs everywhere; their values stand in no state, no plan and no task definition."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, as_list, json_of, strings

_CHECK = "secrets"
_SHORTEST = 20
_BITS_OF_RANDOM = 3.9
"""Bits for each character, by which a random token differs from a name: 32 random bytes in base64 have about 5."""
_SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key|private_?key|credential|DATABASE_URL", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bsk-[A-Za-z0-9_-]{16,}|\bghp_[A-Za-z0-9]{36}|xox[abp]-|://[^/\s:@]+:[^@\s]+@"
)

KNOWN = {
    ("aws_cloudfront_distribution", "custom_header"): "CloudFront sends it, and knows no reference to a secret",
    ("aws_lb_listener_rule", "http_header"): "the load balancer compares with it, and knows no reference either",
    ("data.aws_secretsmanager_secret_version", "secret_string"): "read for the two above; docs/adr/0028",
    ("data.aws_secretsmanager_secret_version", "id"): "names the version, not the value",
    ("data.aws_caller_identity", "user_id"): "names who runs Terraform; emulators give it the form of a key's name",
    **{
        (f"aws_wafv2_{kind}", "lock_token"): "says which version of it was read, and opens nothing"
        for kind in ("ip_set", "rule_group", "web_acl")
    },
    ("aws_cognito_user_pool_client", "client_secret"): "Cognito makes it and the provider reads it; docs/adr/0028",
}
"""Where a value stands all the same, and why."""


def check_secrets(stack: Stack, plan: Plan, values: Collection[str] = ()) -> Iterator[Finding]:
    """:param values: the values that the secrets were given, which must be found nowhere else"""
    yield from _tasks(stack, plan)
    yield from _functions(stack)
    yield from _secret_parameters(stack, plan)
    for resource in stack.resources:
        yield from _values(resource, values)


def _tasks(stack: Stack, plan: Plan) -> Iterator[Finding]:
    arns = {found.text("arn") for found in stack.all("aws_secretsmanager_secret")}
    for definition in stack.all("aws_ecs_task_definition"):
        for container in as_list(json_of(definition.get("container_definitions"))):
            for variable in container.get("environment", []):
                if variable["name"] in _variables_with_secrets(plan, str(definition.index)):
                    yield Finding(
                        check=_CHECK,
                        where=definition.address,
                        what=f"{variable['name']} is a plain value, and a secret by the plan",
                    )
                if _SECRET_VALUE.search(str(variable["value"])):
                    yield Finding(
                        check=_CHECK, where=definition.address, what=f"{variable['name']} looks like a secret"
                    )
            for variable in container.get("secrets", []):
                arn = str(variable["valueFrom"])
                if not arn.startswith("arn:aws:"):
                    yield Finding(check=_CHECK, where=definition.address, what=f"{variable['name']} is no ARN")
                service = plan.services.get(str(definition.index))
                source = service.environment.get(variable["name"]) if service else None
                if source is not None and source.secret is not None and arn not in arns:
                    yield Finding(
                        check=_CHECK, where=definition.address, what=f"{variable['name']} is the ARN of no secret"
                    )


def _functions(stack: Stack) -> Iterator[Finding]:
    for function in stack.all("aws_lambda_function"):
        for name, value in (function.get("environment", 0, "variables") or {}).items():
            if _SECRET_VALUE.search(str(value)) or (
                _SECRET_NAME.search(name) and not str(value).startswith("arn:aws:")
            ):
                yield Finding(check=_CHECK, where=function.address, what=f"{name} is no ARN")


def _variables_with_secrets(plan: Plan, service: str) -> set[str]:
    found = plan.services.get(service)
    return {name for name, source in found.environment.items() if source.secret} if found else set()


def _secret_parameters(stack: Stack, plan: Plan) -> Iterator[Finding]:
    """The parameter of each secret holds its ARN, and nothing else."""
    arns = {found.text("arn") for found in stack.all("aws_secretsmanager_secret")}
    parameters = {str(found.index): found for found in stack.all("aws_ssm_parameter") if found.name == "secret_arn"}
    for name in plan.secrets:
        parameter = parameters.get(name)
        if parameter is None:
            yield Finding(check=_CHECK, where=name, what="has no parameter that holds its ARN")
        elif parameter.get("value") not in arns:
            yield Finding(check=_CHECK, where=parameter.address, what="holds something other than the ARN of a secret")


def _values(resource: Resource, values: Collection[str]) -> Iterator[Finding]:
    for path, text in strings(resource.values):
        if any((resource.type, step) in KNOWN for step in path):
            continue
        if any(value and value in text for value in values):
            yield Finding(check=_CHECK, where=resource.address, what=f"{'.'.join(path)} holds the value of a secret")
        elif _SECRET_VALUE.search(text):
            yield Finding(check=_CHECK, where=resource.address, what=f"{'.'.join(path)} looks like a secret")
        elif path and _SECRET_NAME.search(path[-1]) and _is_random(text):
            yield Finding(
                check=_CHECK, where=resource.address, what=f"{'.'.join(path)} looks random and is named like a secret"
            )


def _is_random(text: str) -> bool:
    """Whether these characters were made by chance."""
    if len(text) < _SHORTEST or not re.fullmatch(r"[A-Za-z0-9+/_=-]+", text):
        return False
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values()) >= _BITS_OF_RANDOM
