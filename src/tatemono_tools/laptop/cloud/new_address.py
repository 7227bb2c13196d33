# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""What Cognito does when a user changes the address, and MiniStack 1.5.33 does not: it asks for a code first.

With `AttributesRequireVerificationBeforeUpdate` the old address counts until the code that went to the new one comes
back (`VerifyUserAttribute`). https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-email-phone-verification.html
"""

import hmac
import json
from collections.abc import Callable
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.services import cognito

_Response = tuple[int, dict[str, str], bytes]


def verify_new_addresses(new_code: Callable[[], str]) -> None:
    """Change Cognito's UpdateUserAttributes in this process, and add VerifyUserAttribute."""
    cognito._UNSIGNED_IDP_ACTIONS.add("VerifyUserAttribute")
    run, dispatch = cognito._run_idp_handler, cognito._dispatch_idp

    def run_idp_handler(handler: Any, action: str, data: dict[str, Any]) -> Any:
        if action != "UpdateUserAttributes":
            return run(handler, action, data)
        return run(lambda request: _hold_back_address(handler, request, new_code), action, data)

    async def dispatch_idp(action: str, data: dict[str, Any]) -> Any:
        if action != "VerifyUserAttribute":
            return await dispatch(action, data)
        return await run_reentrant(cognito._run_idp_handler, _verify, action, data, thread_name="cognito-verify")

    cognito._run_idp_handler = run_idp_handler
    cognito._dispatch_idp = dispatch_idp


def _hold_back_address(update: Any, data: dict[str, Any], new_code: Callable[[], str]) -> Any:
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken", ""))
    attributes = cognito._attr_list_to_dict(data.get("UserAttributes", []))
    rules = (pool or {}).get("UserAttributeUpdateSettings") or {}
    if (
        user is None
        or "email" not in attributes
        or "email" not in rules.get("AttributesRequireVerificationBeforeUpdate", ())
    ):
        return update(data)
    address = attributes.pop("email")
    owner, _error = cognito._resolve_user(pool, address)
    if owner is not None and owner is not user:
        return _refused("AliasExistsException", "An account with the email already exists.")
    response = update(data | {"UserAttributes": cognito._dict_to_attr_list(attributes)})
    user["_new_address"], user["_new_address_code"] = address, new_code()
    subject, text = cognito._resolve_verification_template(pool)
    cognito._deliver_cognito_email(
        pool,
        address,
        cognito._expand_template(subject, address, user["_new_address_code"]),
        cognito._expand_template(text, address, user["_new_address_code"]),
        type_name="CognitoVerificationMessage",
        extra={"Username": user["Username"], "AttributeName": "email"},
    )
    return response


def _verify(data: dict[str, Any]) -> _Response:
    user, pool = cognito._user_pool_for_access_token(data.get("AccessToken", ""))
    if user is None or data.get("AttributeName") != "email" or "_new_address" not in user:
        return _refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if not hmac.compare_digest(str(data.get("Code")), user["_new_address_code"]):
        return _refused("CodeMismatchException", "Invalid verification code provided, please try again.")
    address = user["_new_address"]
    owner, _error = cognito._resolve_user(pool, address)
    if owner is not None and owner is not user:
        return _refused("AliasExistsException", "An account with the email already exists.")
    del user["_new_address"], user["_new_address_code"]
    updates = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], updates)
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"


def _refused(code: str, message: str) -> _Response:
    body = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body
