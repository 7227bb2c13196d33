"""Every function of MiniStack that this package calls or replaces, and the parameters that it must have.

A new version of MiniStack that changes one is noticed by `check_patches` before anything is served.
"""

import importlib
import inspect
from importlib.metadata import version
from typing import Any

VERSION = "1.5.33"

_FUNCTIONS = {
    "ministack.app:_get_module": "name",
    "ministack.app:app": "scope, receive, send",
    "ministack.core.concurrency:run_reentrant": "fn",
    "ministack.core.iam_evaluator:_is_root_key": "access_key_id",
    "ministack.core.iam_evaluator:_served_unsigned": "service, iam_action",
    "ministack.core.iam_evaluator:enforce": (
        "access_key_id, iam_action, service, region, resource_arn, service_context"
    ),
    "ministack.core.iam_evaluator:is_root_access_key": "access_key_id",
    "ministack.core.lambda_runtime:execution_credentials": "config",
    "ministack.core.persistence:_json_default": "obj",
    "ministack.core.persistence:_json_object_hook": "obj",
    "ministack.core.responses:get_account_id": "",
    "ministack.core.responses:get_region": "",
    "ministack.core.responses:request_scope": "account_id, region",
    "ministack.services.cognito:_attr_list_to_dict": "attrs",
    "ministack.services.cognito:_authenticate_client": "headers, form",
    "ministack.services.cognito:_build_auth_result": (
        "pool_id, client_id, user, nonce, trigger_source, client_metadata, origin_jti, scope"
    ),
    "ministack.services.cognito:_code_delivery_response": "destination",
    "ministack.services.cognito:_deliver_cognito_email": "pool, to_email, subject, body, type_name, extra",
    "ministack.services.cognito:_dict_to_attr_list": "d",
    "ministack.services.cognito:_dispatch_identity": "action, data",
    "ministack.services.cognito:_dispatch_idp": "action, data",
    "ministack.services.cognito:_expand_template": "template, username, code",
    "ministack.services.cognito:_find_pool_by_client_id": "client_id",
    "ministack.services.cognito:_get_pool_unscoped": "pool_id",
    "ministack.services.cognito:_granted_scopes": "client, requested, grant",
    "ministack.services.cognito:_hides_user_existence": "pool, client_id",
    "ministack.services.cognito:_masked_destination": "address",
    "ministack.services.cognito:_merge_attributes": "existing, updates",
    "ministack.services.cognito:_now_epoch": "",
    "ministack.services.cognito:_password_policy_errors": "pool, password",
    "ministack.services.cognito:_pool_for_client": "cid",
    "ministack.services.cognito:_pool_region": "pool_id",
    "ministack.services.cognito:_refresh_auth_result": "pool, pid, cid, refresh_token",
    "ministack.services.cognito:_resolve_user": "pool, username",
    "ministack.services.cognito:_resolve_verification_template": "pool, by_link",
    "ministack.services.cognito:_revoke_token": "data",
    "ministack.services.cognito:_run_identity_handler": "handler, action, data",
    "ministack.services.cognito:_run_idp_handler": "handler, action, data",
    "ministack.services.cognito:_send_verification_email": "pool, username, attr_dict, code, attribute_name",
    "ministack.services.cognito:_signature_valid": "token",
    "ministack.services.cognito:_token_claims": "token",
    "ministack.services.cognito:_totp_code": "secret_b32, step_offset",
    "ministack.services.cognito:_user_pool_for_access_token": "access_token",
    "ministack.services.lambda_svc:_execute_function_with_config_scope": "func, event",
    "ministack.services.lambda_svc:_execution_record_for_config": "func, config",
    "ministack.services.lambda_svc:_get_func_record_for_ref": "function_ref",
    "ministack.services.lambda_svc:execution_credentials": "config",
    "ministack.services.ses:_sent_emails_list": "",
    "ministack.services.ses_v2:_missing_config_set": "name",
    "ministack.services.ses_v2:handle_request": "method, path, headers, body, query_params",
    "ministack.services.s3:handle_request": (
        "method, path, headers, body, query_params, signed_path, enforce_bucket_region, internal"
    ),
    "ministack.services.s3:_atomic_write": "fpath, data, text",
    "ministack.services.s3:_delete_persisted_object": "bucket_name, key",
    "ministack.services.s3:_parse_bucket_key": "path, headers",
    "ministack.services.sqs:_Err": "code, message, status",
    "ministack.services.sqs:_act_receive_message": "data, qurl",
}
"""Their parameters, as far as this package relies on them."""

_VALUES = (
    "ministack.app:SERVICE_HANDLERS",
    "ministack.app:SERVICE_REGISTRY",
    "ministack.app:_loaded_modules",
    "ministack.app:_MAIN_LOOP",
    "ministack.app:_state_map",
    "ministack.core.iam_evaluator:_anonymous",
    "ministack.services.cognito:_UNSIGNED_IDP_ACTIONS",
    "ministack.services.cognito:_identity_pools",
    "ministack.services.cognito:_user_pools",
    "ministack.services.s3:_buckets",
    "ministack.services.s3:_object_versions",
    "ministack.services.ses:_sent_emails",
    "ministack.services.ses_v2:_config_sets",
    "ministack.services.sqs:_HANDLERS",
    "ministack.services.sqs:_queue_name_to_url",
    "ministack.services.sqs:_queues",
    "ministack.services.sqs:asyncio",
    "ministack.services.sts:_sessions",
    "ministack.services.sts:is_root_access_key",
)


class PatchError(Exception):
    """MiniStack is not the version this launcher was made for; the message names what has changed."""


def check_patches() -> None:
    """:raises PatchError: MiniStack has another version, or a function or value used here is gone or has changed"""
    found = version("ministack")
    if found != VERSION:
        raise PatchError(f"MiniStack {found} is installed, the launcher was made for {VERSION}: install that one")
    for place, expected in _FUNCTIONS.items():
        parameters = list(inspect.signature(_at(place)).parameters)
        names = [name.strip() for name in expected.split(",") if name.strip()]
        if parameters[: len(names)] != names:
            raise PatchError(f"{place} takes ({', '.join(parameters)}), expected ({expected})")
    for place in _VALUES:
        _at(place)


def _at(place: str) -> Any:
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PatchError(f"{place} is gone from MiniStack {VERSION}") from error
