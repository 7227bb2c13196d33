"""Identity Center and Application Auto Scaling."""

import json
import time
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ssoadmin.models import ManagedPolicy, SSOAdminBackend
from moto.ssoadmin.responses import SSOAdminResponse

from tatemono_tools.terraform.rehearsal.patches import set_attributes


def install() -> None:
    set_attributes(SSOAdminResponse, list_tags_for_resource=_tags_of_permission_set)
    set_attributes(SSOAdminResponse, describe_permission_set_provisioning_status=_provisioned)
    # It looks for the path of a policy under another name than its own list has.
    set_attributes(
        SSOAdminBackend, _find_managed_policy=lambda _backend, arn: ManagedPolicy(arn, arn.rpartition("/")[2])
    )
    # ECS is the other emulator's.
    set_attributes(ApplicationAutoscalingBackend, _ecs_service_exists_for_target=lambda _backend, _resource: True)
    set_attributes(ApplicationAutoScalingResponse, list_tags_for_resource=_tags_of_target)
    set_attributes(ApplicationAutoScalingResponse, tag_resource=_tag_target)
    register = ApplicationAutoScalingResponse.register_scalable_target

    def register_with_tags(response: Any) -> str:
        answer = register(response)
        if tags := response._get_param("Tags"):  # noqa: SLF001 - moto's own way
            _TAGS[json.loads(answer)["ScalableTargetARN"]] = tags
        return answer

    set_attributes(ApplicationAutoScalingResponse, register_scalable_target=register_with_tags)


_TAGS: dict[str, dict[str, str]] = {}


def _tags_of_permission_set(response: Any) -> str:
    arn = response._get_param("ResourceArn")  # noqa: SLF001 - moto's own way
    sets = response.ssoadmin_backend.permission_sets
    return json.dumps({"Tags": next((found.tags or [] for found in sets if found.permission_set_arn == arn), [])})


def _provisioned(response: Any) -> str:
    """Provisioning is over at once."""
    request = response._get_param("ProvisionPermissionSetRequestId")  # noqa: SLF001 - moto's own way
    status = {"RequestId": request, "Status": "SUCCEEDED", "CreatedDate": time.time()}
    return json.dumps({"PermissionSetProvisioningStatus": status})


def _tags_of_target(response: Any) -> str:
    return json.dumps({"Tags": _TAGS.get(response._get_param("ResourceARN"), {})})  # noqa: SLF001 - moto's own way


def _tag_target(response: Any) -> str:
    _TAGS.setdefault(response._get_param("ResourceARN"), {}).update(response._get_param("Tags"))  # noqa: SLF001 - moto's own way
    return "{}"
