"""How the shims change the emulators, and every function of theirs that a shim calls or replaces, with its parameters.

A new version that moves one is noticed before anything is served.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

MOTO_VERSION = "5.2.5"
MINISTACK_VERSION = "1.5.33"

_SCALING = "moto.applicationautoscaling.models"
_MOTO = {
    f"{_SCALING}:ApplicationAutoscalingBackend._ecs_service_exists_for_target": "self, r_id",
    "moto.applicationautoscaling.responses:ApplicationAutoScalingResponse.register_scalable_target": "self",
    "moto.cloudwatch.responses:CloudWatchResponse.put_metric_alarm": "self",
    "moto.ec2.models.security_groups:SecurityGroupRule.__init__": (
        "self, ec2_backend, ip_protocol, group_id, from_port, to_port, ip_range, source_group, prefix_list_id"
    ),
    "moto.ec2.models.security_groups:SecurityGroupBackend.revoke_security_group_egress": "self, group_name_or_id",
    "moto.ec2.responses.monitoring:Monitoring.monitor_instances": "self",
    "moto.guardduty.models:Detector.update": "self, enable, finding_publishing_frequency, data_sources, features",
    "moto.rds.models:DBInstance.__init__": "self, backend, db_instance_identifier",
    "moto.rds.models:DBParameterGroup.update_parameters": "self, new_parameters",
    "moto.route53.models:create_route53_zone_id": "",
    "moto.s3.models:FakeBucket.set_lifecycle": "self, rules",
    "moto.s3.responses:S3Response.serialized": "self, action_result",
    "moto.securityhub.responses:SecurityHubResponse.dispatch": "",
    "moto.ssoadmin.models:ManagedPolicy.__init__": "self, arn, name",
    "moto.ssoadmin.models:SSOAdminBackend._find_managed_policy": "self, managed_policy_arn",
    "moto.ssoadmin.responses:SSOAdminResponse.ssoadmin_backend": "",
    "moto.securityhub.urls:url_paths": "",
}
_MINISTACK = {
    "ministack.app:app": "scope, receive, send",
    "ministack.app:main": "",
    "ministack.core.responses:json_response": "data",
    "ministack.services.ecs:_ACTION_MAP": "",
    "ministack.services.ecs:_create_service": "data",
    "ministack.services.ecs:_services": "",
    "ministack.services.ecs:_update_service": "data",
    "ministack.services.ses_v2:handle_request": "method, path, headers, body, query_params",
    "ministack.services.ses_v2:_identities": "",
}
"""Their first parameters; for what is no function, or whose parameters do not matter, none."""


class PatchTargetChanged(Exception):
    """An emulator is not the version that the shims were made for; the message names the place that has changed."""


def check_moto() -> None:
    """:raises PatchTargetChanged: moto has another version, or a function that a shim uses has changed"""
    _check("moto", MOTO_VERSION, _MOTO)


def check_ministack() -> None:
    """:raises PatchTargetChanged: MiniStack has another version, or a function that a shim uses has changed"""
    _check("ministack", MINISTACK_VERSION, _MINISTACK)


def _check(name: str, wanted: str, places: Mapping[str, str]) -> None:
    found = version(name)
    if found != wanted:
        raise PatchTargetChanged(f"{name} {found} is installed, the shims were made for {wanted}: install that one")
    for place, expected in places.items():
        value = _at(place)
        names = [word.strip() for word in expected.split(",") if word.strip()]
        if names and list(inspect.signature(value).parameters)[: len(names)] != names:
            raise PatchTargetChanged(f"{place} takes {inspect.signature(value)}, expected ({expected}, …)")


def _at(place: str) -> Any:
    module, _, path = place.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for name in path.split("."):
            value = getattr(value, name)
    except (ImportError, AttributeError) as error:
        raise PatchTargetChanged(f"{place} is gone") from error
    return value


def set_attributes(owner: Any, **values: Any) -> None:
    """Give a module or class attributes that it lacks, or other ones than it has."""
    for name, value in values.items():
        setattr(owner, name, value)


def wrap(owner: Any, name: str, by: Callable[..., Any]) -> None:
    """Call `by(old, …)` in place of `owner.name(…)`."""
    old = getattr(owner, name)

    def called(*arguments: Any, **more: Any) -> Any:
        return by(old, *arguments, **more)

    setattr(owner, name, called)
