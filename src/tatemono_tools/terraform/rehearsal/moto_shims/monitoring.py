"""CloudWatch, GuardDuty and Security Hub."""

import json
import re
from typing import Any

from moto.cloudwatch.models import Alarm
from moto.cloudwatch.responses import CloudWatchResponse
from moto.guardduty.models import Detector
from moto.securityhub import urls as security_hub_urls
from moto.securityhub.responses import SecurityHubResponse

from tatemono_tools.terraform.rehearsal.patches import set_attributes, wrap


def install() -> None:
    # The backend knows composite alarms, but no route leads to them.
    set_attributes(CloudWatchResponse, put_composite_alarm=_composite)
    set_attributes(Alarm, alarm_rule=property(lambda alarm: alarm.rule))
    wrap(Detector, "update", _merge_features)
    set_attributes(SecurityHubResponse, update_security_hub_configuration=lambda _response: json.dumps({}))
    set_attributes(SecurityHubResponse, batch_enable_standards=_enable_standards)
    set_attributes(SecurityHubResponse, get_enabled_standards=_standards)
    security_hub_urls.url_paths |= {
        f"{{0}}/standards/{word}$": SecurityHubResponse.dispatch for word in ("register", "get")
    }


_SUPPRESSORS = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")


def _composite(response: Any) -> Any:
    """PutCompositeAlarm, with the alarm in whose presence this one is silent."""
    answer = response.put_metric_alarm()
    alarm = response.cloudwatch_backend.alarms[response._get_param("AlarmName")]  # noqa: SLF001 - moto's own way
    for name in _SUPPRESSORS:
        value = response._get_param(name)  # noqa: SLF001 - as above
        if value is not None:
            setattr(alarm, _snake(name), value)
    return answer


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


_STANDARDS: dict[str, dict[str, Any]] = {}


def _enable_standards(response: Any) -> str:
    """BatchEnableStandards."""
    asked = [request["StandardsArn"] for request in json.loads(response.body)["StandardsSubscriptionRequests"]]
    for arn in asked:
        name = arn.partition("standards/")[2]
        mine = f"arn:aws:securityhub:{response.region}:{response.current_account}:subscription/{name}"
        _STANDARDS[mine] = {
            "StandardsArn": arn,
            "StandardsSubscriptionArn": mine,
            "StandardsInput": {},
            "StandardsStatus": "READY",
        }
    found = [standard for standard in _STANDARDS.values() if standard["StandardsArn"] in asked]
    return json.dumps({"StandardsSubscriptions": found})


def _standards(response: Any) -> str:
    """GetEnabledStandards."""
    asked = json.loads(response.body or "{}").get("StandardsSubscriptionArns")
    found = [standard for arn, standard in _STANDARDS.items() if not asked or arn in asked]
    return json.dumps({"StandardsSubscriptions": found})


def _merge_features(  # noqa: PLR0917 - moto's own order
    old: Any, detector: Any, enable: Any, frequency: Any, sources: Any, features: Any
) -> None:
    """Each call names one feature, and means only that."""
    before = {feature["name"]: feature for feature in detector.features}
    old(detector, enable, frequency, sources, features)
    if features is not None:
        detector.features = list((before | {feature["name"]: feature for feature in features}).values())
