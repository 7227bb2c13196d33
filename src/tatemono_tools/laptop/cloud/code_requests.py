# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""Whom Cognito sends no code, and MiniStack 1.5.33 does.

A code for a new password goes to a verified address only
(https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ForgotPassword.html), and a user who is
confirmed gets no code to confirm the sign-up.
"""

import json
from typing import Any

from ministack.services import cognito

_Response = tuple[int, dict[str, str], bytes]


def send_codes_as_cognito() -> None:
    """Change Cognito's ForgotPassword and ResendConfirmationCode in this process."""
    refusals = {"ForgotPassword": _no_password_code, "ResendConfirmationCode": _no_confirmation_code}
    run = cognito._run_idp_handler

    def run_idp_handler(handler: Any, action: str, data: dict[str, Any]) -> Any:
        refusal = refusals.get(action)
        if refusal is None:
            return run(handler, action, data)
        # Within MiniStack's own checks, of the client's secret among others.
        return run(lambda request: refusal(request) or handler(request), action, data)

    cognito._run_idp_handler = run_idp_handler


def _no_password_code(data: dict[str, Any]) -> _Response | None:
    """The answer when no code is sent; None if one is."""
    pool, user = _pool_and_user(data)
    if user is None:
        return None
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        return _refused("NotAuthorizedException", "User password cannot be reset in the current state.")
    if cognito._attr_list_to_dict(user.get("Attributes", [])).get("email_verified") == "true":
        return None
    if cognito._hides_user_existence(pool, data["ClientId"]):
        # As for an address that is not known: the answer says that a code was sent.
        delivered: _Response = cognito._code_delivery_response(cognito._masked_destination(data["Username"]))
        return delivered
    return _refused(
        "InvalidParameterException",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )


def _no_confirmation_code(data: dict[str, Any]) -> _Response | None:
    """As above."""
    _pool, user = _pool_and_user(data)
    if user is None or user.get("UserStatus") == "UNCONFIRMED":
        return None
    return _refused("InvalidParameterException", "User is already confirmed.")


def _pool_and_user(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    pool, _pool_id = cognito._pool_for_client(data.get("ClientId"))
    return pool, cognito._resolve_user(pool, data.get("Username"))[0] if pool else None


def _refused(code: str, message: str) -> _Response:
    body = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body
