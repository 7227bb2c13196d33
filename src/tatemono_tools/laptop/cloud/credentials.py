# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""Makes MiniStack check every signature.

Under `AUTH=true` version 1.5.33 takes the configured key, the key `test`, any 12 digits and no key at all for the root
of the account without looking at the signature, and derives a Lambda function's credentials from its ARN alone.
"""

import hashlib
import hmac
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import sts


def check_every_signature(access_key_id: str, secret_access_key: str) -> None:
    """Leave one root, which signs with `secret_access_key`; all others must be known to IAM or STS."""

    def is_root_access_key(candidate: str) -> bool:
        return hmac.compare_digest(candidate.encode(), access_key_id.encode())

    iam_evaluator.is_root_access_key = is_root_access_key
    sts.is_root_access_key = is_root_access_key
    # Asked where a signature would be skipped: for no key.
    iam_evaluator._is_root_key = lambda _access_key_id: False

    enforce = iam_evaluator.enforce

    def enforce_known(access_key: str, iam_action: str, service: str, *rest: Any, **named: Any) -> Any:
        # A caller without a key was root to MiniStack, which is how Cognito's unsigned calls passed.
        unsigned = iam_evaluator._anonymous.get() and not access_key
        if unsigned and iam_evaluator._served_unsigned(service, iam_action):
            return None
        # The form of a presigned POST, which the middleware lets in unsigned: S3 checks the signature in the form.
        if unsigned and service == "s3" and iam_action == "s3:PutObject":
            return None
        return enforce(access_key, iam_action, service, *rest, **named)

    iam_evaluator.enforce = enforce_known
    _make_function_credentials_secret(secret_access_key.encode())


def _make_function_credentials_secret(secret: bytes) -> None:
    from ministack.services import lambda_svc  # noqa: PLC0415 - costs memory that only a Lambda function needs

    credentials = lambda_runtime.execution_credentials

    def derived(word: str, access_key: str) -> str:
        return hmac.digest(secret, f"{word}:{access_key}".encode(), hashlib.sha256).hex()

    def execution_credentials(config: dict[str, Any]) -> dict[str, str]:
        access_key = credentials(config)["AWS_ACCESS_KEY_ID"]
        session = sts._sessions[access_key]
        session["SecretAccessKey"] = derived("secret", access_key)
        session["SessionToken"] = derived("token", access_key)
        return {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    lambda_runtime.execution_credentials = execution_credentials
    lambda_svc.execution_credentials = execution_credentials
