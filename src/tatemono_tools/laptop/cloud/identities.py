# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""What Cognito's identity pools do and MiniStack 1.5.33 does not: DeleteIdentities, and more than one page of them.

https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_DeleteIdentities.html
"""

import json
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.services import cognito

_Response = tuple[int, dict[str, str], bytes]
_MOST = 60


def complete_identities() -> None:
    """Change ListIdentities in this process, and add DeleteIdentities."""
    dispatch = cognito._dispatch_identity
    own = {"DeleteIdentities": _delete, "ListIdentities": _list}

    async def dispatch_identity(action: str, data: dict[str, Any]) -> Any:
        if action not in own:
            return await dispatch(action, data)
        return await run_reentrant(
            cognito._run_identity_handler, own[action], action, data, thread_name="cognito-identities"
        )

    cognito._dispatch_identity = dispatch_identity


def _delete(data: dict[str, Any]) -> _Response:
    ids = data.get("IdentityIdsToDelete") or []
    if not 1 <= len(ids) <= _MOST:
        return _answer(400, {"__type": "InvalidParameterException", "message": f"1 to {_MOST} identities, please"})
    for pool in cognito._identity_pools.values():
        for identity_id in ids:
            pool["_identities"].pop(identity_id, None)
    return _answer(200, {"UnprocessedIdentityIds": []})


def _list(data: dict[str, Any]) -> _Response:
    pool = cognito._identity_pools.get(data.get("IdentityPoolId"))
    if pool is None:
        return _answer(400, {"__type": "ResourceNotFoundException", "message": "There is no such identity pool."})
    size = min(data.get("MaxResults", _MOST), _MOST)
    after = data.get("NextToken", "")
    # In the order of their ids: a token stays good while identities are made and deleted.
    following = sorted(identity for identity in pool["_identities"] if identity > after)
    page = [pool["_identities"][identity] for identity in following[:size]]
    answer = {
        "IdentityPoolId": data["IdentityPoolId"],
        "Identities": [
            {name: identity[name] for name in ("IdentityId", "CreationDate", "LastModifiedDate")}
            | {"Logins": list(identity.get("Logins") or {})}
            for identity in page
        ],
    }
    return _answer(200, answer | ({"NextToken": page[-1]["IdentityId"]} if len(following) > size else {}))


def _answer(status: int, content: dict[str, Any]) -> _Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(content).encode()
