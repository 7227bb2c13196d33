# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""What Cognito does at sign-up and MiniStack 1.5.33 does not: random codes, a verified address, PostConfirmation.

The event's shape and the trigger sources are those of
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-post-confirmation.html
"""

import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

from ministack.services import cognito

logger = logging.getLogger(__name__)

_POST_CONFIRMATION = {
    "ConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "AdminConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "ConfirmForgotPassword": "PostConfirmation_ConfirmForgotPassword",
}

_OK = 200


def random_code() -> str:
    return f"{secrets.randbelow(1_000_000):06}"


def complete_sign_up(new_code: Callable[[], str] = random_code) -> None:
    """Change Cognito's sign-up in this process."""
    _send_random_codes(new_code)
    _follow_confirmations()


def _send_random_codes(new_code: Callable[[], str]) -> None:
    send = cognito._send_verification_email

    def send_verification_email(
        pool: dict[str, Any], username: str, attr_dict: dict[str, str], code: str, attribute_name: str = "email"
    ) -> Any:
        # MiniStack has just stored its fixed code with the user; the one that is mailed replaces it.
        del code
        stored_as = "_reset_code" if attribute_name == "password" else "_confirmation_code"
        user, _error = cognito._resolve_user(pool, username)
        user[stored_as] = new_code()
        return send(pool, username, attr_dict, user[stored_as], attribute_name)

    cognito._send_verification_email = send_verification_email


def _follow_confirmations() -> None:
    run = cognito._run_idp_handler

    def run_idp_handler(handler: Any, action: str, data: dict[str, Any]) -> Any:
        response = run(handler, action, data)
        if response[0] != _OK:
            return response
        if action == "SignUp":
            _withdraw_unsent_code(data)
        if action in _POST_CONFIRMATION:
            return _confirmed(action, data) or response
        return response

    cognito._run_idp_handler = run_idp_handler


def _withdraw_unsent_code(data: dict[str, Any]) -> None:
    _pool, user = _pool_and_user(data)
    if "email" not in cognito._attr_list_to_dict(user["Attributes"]):
        # This code was not sent, and it is the same for all users.
        user.pop("_confirmation_code", None)


def _confirmed(action: str, data: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
    """Verify the address that got the code, then call the pool's Lambda function; its failure is the caller's error.

    The user stays confirmed when the function fails, as on AWS.
    """
    pool, user = _pool_and_user(data)
    attributes = cognito._attr_list_to_dict(user["Attributes"])
    if action == "ConfirmSignUp" and "email" in attributes:
        attributes["email_verified"] = "true"
        user["Attributes"] = [{"Name": name, "Value": value} for name, value in attributes.items()]
    function = (pool.get("LambdaConfig") or {}).get("PostConfirmation")
    if not function:
        return None
    event = post_confirmation_event(
        trigger_source=_POST_CONFIRMATION[action],
        region=cognito._pool_region(pool["Id"]),
        pool_id=pool["Id"],
        client_id=data.get("ClientId") or "CLIENT_ID_NOT_APPLICABLE",
        username=user["Username"],
        attributes=attributes | {"cognito:user_status": user["UserStatus"]},
        client_metadata=data.get("ClientMetadata"),
    )
    failure = _invoke(function, event)
    if failure is None:
        return None
    logger.warning("The PostConfirmation function %s failed: %s", function, failure)
    body = {"__type": "UserLambdaValidationException", "message": f"PostConfirmation failed with error {failure}."}
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()


def post_confirmation_event(
    *,
    trigger_source: str,
    region: str,
    pool_id: str,
    client_id: str,
    username: str,
    attributes: dict[str, str],
    client_metadata: dict[str, str] | None,
) -> dict[str, Any]:
    """The event for a PostConfirmation function, as on AWS. `clientMetadata` is there only if the caller sent some."""
    metadata = {"clientMetadata": client_metadata} if client_metadata else {}
    return {
        "version": "1",
        "triggerSource": trigger_source,
        "region": region,
        "userPoolId": pool_id,
        "userName": username,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "request": {"userAttributes": attributes, **metadata},
        "response": {},
    }


def _pool_and_user(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if data.get("UserPoolId"):
        pool = cognito._user_pools[data["UserPoolId"]]
    else:
        pool, _pool_id = cognito._pool_for_client(data["ClientId"])
    user, _error = cognito._resolve_user(pool, data["Username"])
    return pool, user


def _invoke(function: str, event: dict[str, Any]) -> str | None:
    """The function's failure, or None. Called on a thread of its own, so the function may call the cloud back."""
    from ministack.services import lambda_svc  # noqa: PLC0415 - imports most of MiniStack, and only a trigger needs it

    record, config, _name = lambda_svc._get_func_record_for_ref(function)
    if record is None or config is None:
        return f"{function} does not exist"
    record = lambda_svc._execution_record_for_config(record, config)
    try:
        result = lambda_svc._execute_function_with_config_scope(record, event)
    except Exception as error:  # noqa: BLE001 - any exception is the failure of the function
        return str(error)
    if not result.get("error"):
        return None
    body = result.get("body")
    return str(body.get("errorMessage", body)) if isinstance(body, dict) else str(body)
