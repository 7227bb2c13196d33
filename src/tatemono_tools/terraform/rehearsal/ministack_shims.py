"""What MiniStack 1.5.33 lacks for the building. Each shim says what Terraform's provider asks for in vain."""

import json
import re
from typing import Any

from ministack.core.responses import json_response
from ministack.services import ecs, ses_v2

from tatemono_tools.terraform.rehearsal.patches import wrap

_IDENTITIES = "/v2/email/identities"


def install() -> None:
    """Put all of them in, before MiniStack serves its first request."""
    wrap(ses_v2, "handle_request", _identity_settings)
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _with_rebalancing(ecs._ACTION_MAP[action])  # noqa: SLF001 - there is no other way in


async def _identity_settings(  # noqa: PLR0917 - MiniStack's own order
    old: Any, method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """MAIL FROM, the configuration set and the length of the next key are read back."""
    request = json.loads(body) if body and method in {"POST", "PUT"} else {}
    found = re.fullmatch(rf"{_IDENTITIES}/([^/]+)/(mail-from|configuration-set)", path)
    if found and method == "PUT":
        identity = ses_v2._identities[found[1]]  # noqa: SLF001 - there is no other way in
        if found[2] == "mail-from":
            identity["MailFromAttributes"] = request | {"MailFromDomainStatus": "SUCCESS"}
        else:
            identity["ConfigurationSetName"] = request.get("ConfigurationSetName")
        return json_response({})
    answer = await old(method, path, headers, body, query_params)
    if path == _IDENTITIES and method == "POST" and (identity := ses_v2._identities.get(request["EmailIdentity"])):  # noqa: SLF001 - see above
        identity["ConfigurationSetName"] = request.get("ConfigurationSetName")
        length = request.get("DkimSigningAttributes", {}).get("NextSigningKeyLength")
        if length:
            identity["DkimAttributes"] |= {"NextSigningKeyLength": length, "CurrentSigningKeyLength": length}
    return answer


def _with_rebalancing(old: Any) -> Any:
    """Whether tasks are spread over the zones again is read back."""

    def called(request: dict[str, Any]) -> Any:
        answer = old(request)
        cluster, name = request.get("cluster", "default"), request.get("serviceName") or request.get("service", "")
        key = f"{cluster.rpartition('/')[2]}/{name.rpartition('/')[2]}"
        service = ecs._services.get(key)  # noqa: SLF001 - as above
        if service is not None:
            before = service.get("availabilityZoneRebalancing", "DISABLED")
            service["availabilityZoneRebalancing"] = request.get("availabilityZoneRebalancing", before)
        return answer

    return called
