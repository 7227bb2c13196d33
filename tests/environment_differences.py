"""In what environments may differ: in exactly what is written down here, and in nothing else.

It needs the plans of all environments, which the mocked providers make for the tests; a rehearsal builds one.
"""

import re
from collections.abc import Iterator, Mapping

from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, strings

_CHECK = "differences"

ALLOWED = {
    r".*": {
        # Names, places and tags hold the environment's name, account and domain.
        r"tags(_all)?\.(Environment|CostCenter)",
    },
    r"module\.network\.aws_(vpc|subnet|network_acl_rule)\..*": {r"cidr_block"},
    # With one NAT gateway the zones share it.
    r"module\.network\.aws_route\.nat.*": {r"nat_gateway_id"},
    r"module\.database\.aws_db_instance\.this": {
        r"instance_class",
        r"allocated_storage",
        r"max_allocated_storage",
        r"multi_az",
        r"backup_retention_period",
        r"deletion_protection",
        r"performance_insights_retention_period",
        r"final_snapshot_identifier",
    },
    r"module\.services\.aws_ecs_service\..*": {r"capacity_provider_strategy.*", r"desired_count"},
    r"module\.services\.aws_appautoscaling_target\..*": {r"min_capacity", r"max_capacity"},
    r".*aws_cloudwatch_log_group\..*": {r"retention_in_days"},
    r".*aws_s3_bucket_lifecycle_configuration\..*": {r"rule\.\d+\.(expiration|transition)\..*"},
    r"module\.identity\.aws_cognito_user_pool\..*": {r"deletion_protection"},
    r"module\.edge\.aws_lb\.this": {r"enable_deletion_protection"},
    r"module\.edge\.aws_wafv2_ip_set\..*": {r"addresses.*"},
    r"module\.audit\.aws_s3_bucket_object_lock_configuration\..*": {r"rule\.\d+\.default_retention\.\d+\.(days|mode)"},
    r"module\.audit\.aws_budgets_budget\.month": {r"limit_amount", r"cost_filter.*"},
    r"module\.audit\.aws_ce_anomaly_subscription\.this": {r"threshold_expression.*"},
    r"module\.observability\.aws_cloudwatch_metric_alarm\..*": {r"threshold", r"metric_query.*", r"alarm_description"},
    r"module\.edge\.aws_cloudfront_public_key\..*": {r"encoded_key"},
}
"""What may differ, and nothing but it: resources by address, values by path (regular expressions, whole)."""

ALLOWED_RESOURCES = (
    # One way out for each zone, or one for all.
    r"module\.network\.aws_(eip|nat_gateway)\.(nat|this)\[.*\]",
)


def differences(stacks: Mapping[str, Stack]) -> Iterator[Finding]:
    """:param stacks: the same kind of plan for each environment, so that what AWS chooses is the same in all"""
    names = sorted(stacks)
    first = names[0]
    plain = {
        name: {
            resource.address: resource for resource in stacks[name].resources if not resource.type.startswith("data.")
        }
        for name in names
    }
    for other in names[1:]:
        for address in sorted(plain[first].keys() ^ plain[other].keys()):
            if not any(re.fullmatch(allowed, address) for allowed in ALLOWED_RESOURCES):
                yield Finding(check=_CHECK, where=address, what=f"is in only one of {first} and {other}")
        for address in sorted(plain[first].keys() & plain[other].keys()):
            yield from _values(address, (first, plain[first][address]), (other, plain[other][address]))


def _values(address: str, one: tuple[str, Resource], other: tuple[str, Resource]) -> Iterator[Finding]:
    left, right = _flat_values(*one), _flat_values(*other)
    allowed = [path for pattern, paths in ALLOWED.items() if re.fullmatch(pattern, address) for path in paths]
    for path in sorted(left.keys() | right.keys()):
        if left.get(path) != right.get(path) and not any(re.fullmatch(found, path) for found in allowed):
            yield Finding(
                check=_CHECK,
                where=address,
                what=f"{path} is {left.get(path)!r} in {one[0]} and {right.get(path)!r} in {other[0]}",
            )


def _flat_values(environment: str, resource: Resource) -> dict[str, str]:
    """Every value as text, with the environment's own name, account, domain and networks taken out."""
    return {".".join(path): _neutral(environment, text) for path, text in strings(_as_text(resource.values))}


def _as_text(value: object) -> object:
    if isinstance(value, dict):
        return {key: _as_text(within) for key, within in value.items()}
    if isinstance(value, list):
        return [_as_text(within) for within in value]
    return value if isinstance(value, str) or value is None else str(value)


def _neutral(environment: str, text: str) -> str:
    number = {"dev": "1", "stg": "2", "prod": "3"}[environment]
    # Mocked providers know one account only.
    text = text.replace(number * 12, "ACCOUNT").replace("1" * 12, "ACCOUNT")
    text = re.sub(rf"(?<![a-z]){environment}(?![a-z])", "ENV", text, flags=re.IGNORECASE)
    return re.sub(rf"\b10\.{number}0\.", "10.N.", text)
