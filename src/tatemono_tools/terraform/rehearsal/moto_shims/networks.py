"""EC2, RDS and Route 53."""

import contextlib
from typing import Any

from moto.ec2.exceptions import InvalidPermissionNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.monitoring import Monitoring
from moto.rds.models import DBInstance, DBParameterGroup
from moto.route53 import models as route53

from tatemono_tools.terraform.rehearsal.patches import set_attributes, wrap


def install() -> None:
    wrap(route53, "create_route53_zone_id", _zone_id)
    wrap(SecurityGroupRule, "__init__", _keep_description)
    set_attributes(
        SecurityGroupRule, description=property(lambda rule: rule.given_description or rule.ip_range.get("Description"))
    )
    wrap(SecurityGroupBackend, "revoke_security_group_egress", _revoke_once)
    set_attributes(Monitoring, monitor_instances=_monitor)
    wrap(DBInstance, "__init__", _own_resource_id)
    wrap(DBParameterGroup, "update_parameters", _mark_as_ours)


def _zone_id(old: Any, *words: Any, **more: Any) -> str:
    """Route 53's begin with Z."""
    return "Z" + str(old(*words, **more))[1:]


def _keep_description(old: Any, rule: Any, *words: Any, **more: Any) -> None:
    """Rules between groups and of prefix lists have one, too."""
    old(rule, *words, **more)
    given = [*words, *more.values()]
    peers = [found for found in given if isinstance(found, dict) and {"GroupId", "PrefixListId"} & found.keys()]
    rule.given_description = next((found["Description"] for found in peers if "Description" in found), None)


def _revoke_once(old: Any, backend: Any, *words: Any, **more: Any) -> None:
    """A slow answer is asked for twice: the second time there is nothing left to take away."""
    with contextlib.suppress(InvalidPermissionNotFoundError):
        old(backend, *words, **more)


def _monitor(response: Any) -> str:
    """MonitorInstances."""
    found = response.ec2_backend.get_multi_instances_by_id(response._get_param("InstanceIds", []))  # noqa: SLF001 - moto's own way
    for instance in found:
        instance.monitoring_state = "enabled"
    items = "".join(
        f"<item><instanceId>{instance.id}</instanceId><monitoring><state>enabled</state></monitoring></item>"
        for instance in found
    )
    return (
        '<MonitorInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<instancesSet>{items}</instancesSet></MonitorInstancesResponse>"
    )


def _own_resource_id(old: Any, instance: Any, *words: Any, **more: Any) -> None:
    """Every database has the same one otherwise; IAM authentication names it. Performance Insights are read back."""
    old(instance, *words, **more)
    instance.dbi_resource_id = f"db-{abs(hash(instance.db_instance_identifier)):026X}"[:29]
    instance.performance_insights_enabled = more.get("enable_performance_insights", False)
    instance.performance_insights_kms_key_id = more.get("performance_insights_kms_key_id")
    instance.performance_insights_retention_period = more.get("performance_insights_retention_period")


def _mark_as_ours(old: Any, group: Any, new_parameters: Any) -> None:
    """Parameters that are set have another source than the engine's own."""
    old(group, new_parameters)
    for parameter in group.parameters.values():
        parameter["Source"] = "user"
