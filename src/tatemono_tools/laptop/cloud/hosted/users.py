# ruff: noqa: SLF001 - MiniStack offers no other way to its users; patches.py notices when a place moves
"""A pool's users, for the pages. They are MiniStack's own, so the API and the pages see the same."""

import base64
import hmac
import secrets
import time
from typing import Any
from unicodedata import normalize

from ministack.services import cognito

_DAY_SECONDS = 86_400
_STEP_SECONDS = 30
_SECRET_BYTES = 20
_NO_PASSWORD = secrets.token_urlsafe(32)


def now() -> float:
    """As the users' records count it."""
    seconds: float = cognito._now_epoch()
    return seconds


def random_name() -> str:
    return secrets.token_urlsafe(32)


def pool_of(pool_id: str) -> dict[str, Any]:
    """:raises KeyError: it was deleted"""
    pool = cognito._get_pool_unscoped(pool_id)
    if pool is None:
        raise KeyError(pool_id)
    found: dict[str, Any] = pool
    return found


def find(pool: dict[str, Any], name: str) -> dict[str, Any] | None:
    user, _ = cognito._resolve_user(pool, name)
    found: dict[str, Any] | None = user
    return found


def normal_name(typed: str) -> str:
    return normalize("NFC", typed).strip().lower()


def password_right(user: dict[str, Any] | None, password: str) -> bool:
    """It takes as long without a user. Only users who may sign in have a right one."""
    kept = str((user or {}).get("_password") or _NO_PASSWORD)
    right = hmac.compare_digest(kept.encode(), password.encode())
    return right and user is not None and may_sign_in(user)


def may_sign_in(user: dict[str, Any]) -> bool:
    return bool(user.get("Enabled", True)) and user.get("UserStatus") in {"CONFIRMED", "FORCE_CHANGE_PASSWORD"}


def must_choose_password(user: dict[str, Any]) -> bool:
    return bool(user["UserStatus"] == "FORCE_CHANGE_PASSWORD")


def temporary_password_is_over(pool: dict[str, Any], user: dict[str, Any]) -> bool:
    policy = pool.get("Policies", {}).get("PasswordPolicy", {})
    days = policy.get("TemporaryPasswordValidityDays", 7)
    age: float = cognito._now_epoch() - user["UserLastModifiedDate"]
    return must_choose_password(user) and age > days * _DAY_SECONDS


def min_characters(pool: dict[str, Any]) -> int:
    return int(pool.get("Policies", {}).get("PasswordPolicy", {}).get("MinimumLength", 8))


def new_password_refused(pool: dict[str, Any], user: dict[str, Any], password: str) -> bool:
    """The pool's policy, and that it is another one."""
    return bool(cognito._password_policy_errors(pool, password)) or password == user["_password"]


def choose_password(user: dict[str, Any], password: str) -> None:
    user.update(_password=password, UserStatus="CONFIRMED", UserLastModifiedDate=cognito._now_epoch())


def has_app(user: dict[str, Any]) -> bool:
    return "SOFTWARE_TOKEN_MFA" in user.get("_mfa_enabled", [])


def new_app_secret() -> str:
    """As RFC 4226, 4 recommends: 160 bits."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def take_code(user: dict[str, Any], secret: str, code: str) -> bool:
    """Whether the code is one of now, 30 seconds ago or in 30 seconds, and later than the last that was taken.

    RFC 6238, 5.2: a code is good once.
    """
    now = int(time.time() // _STEP_SECONDS)
    for offset in (-1, 0, 1):
        right = hmac.compare_digest(cognito._totp_code(secret, offset).encode(), code.encode())
        if right and now + offset > user.get("_totp_step", 0):
            user["_totp_step"] = now + offset
            return True
    return False


def set_up_app(user: dict[str, Any], secret: str) -> None:
    """As MiniStack's VerifySoftwareToken stores it."""
    user["_totp_secret"] = secret
    user.pop("_totp_pending_secret", None)
    user["_mfa_enabled"] = [*{*user.get("_mfa_enabled", []), "SOFTWARE_TOKEN_MFA"}]
    user["_preferred_mfa"] = "SOFTWARE_TOKEN_MFA"
