# ruff: noqa: SLF001 - MiniStack offers no other way to its tokens; patches.py notices when a place moves
"""`/oauth2/token` and `/oauth2/revoke`: for the app's server, which knows the client's secret."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.services import cognito

from tatemono_tools.laptop.cloud.hosted import users
from tatemono_tools.laptop.cloud.hosted.requests import WrongRequest, client_with_pages, single_values
from tatemono_tools.laptop.cloud.hosted.sign_ins import Grant, SignInStore

#: RFC 7636, 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}").fullmatch
Answer = tuple[int, dict[str, str], bytes]


class OAuthError(Exception):
    """RFC 6749, 5.2; the message is its `error`."""

    @property
    def answer(self) -> Answer:
        challenge = {"WWW-Authenticate": "Basic"} if str(self) == "invalid_client" else {}
        return _json(401 if challenge else 400, {"error": str(self)}, challenge)


class TokenEndpoint:
    def __init__(self, grants: SignInStore[Grant]) -> None:
        self._grants = grants

    def token(self, headers: Mapping[str, str], body: str) -> Answer:
        """:raises OAuthError: the request is refused"""
        form, pool_id, client = _authenticated(headers, body)
        match form.get("grant_type"):
            case "authorization_code":
                tokens = self._of_code(form, client)
            case "refresh_token":
                tokens = _of_refresh_token(form, pool_id, client)
            case _:
                raise OAuthError("unsupported_grant_type")
        return _json(200, tokens)

    def _of_code(self, form: Mapping[str, str], client: dict[str, Any]) -> dict[str, Any]:
        code = form.get("code", "")
        grant = self._grants.get(code)
        # Another client's code stays good for its own: it did nothing wrong.
        if grant is None or grant.request.client_id != client["ClientId"]:
            raise OAuthError("invalid_grant")
        if grant.used:
            # RFC 6749, 4.1.2: a code that was used comes again, so the tokens that it gave end.
            cognito._revoke_token({"Token": grant.refresh_token})
            self._grants.drop(code)
            raise OAuthError("invalid_grant")
        grant.used = True
        if not (
            _verifies(form.get("code_verifier", ""), grant) and form.get("redirect_uri") == grant.request.redirect_uri
        ):
            self._grants.drop(code)
            raise OAuthError("invalid_grant")
        pool_id = grant.request.pool_id
        user = users.find(users.pool_of(pool_id), grant.username)
        if user is None or not users.may_sign_in(user):
            raise OAuthError("invalid_grant")
        made = cognito._build_auth_result(
            pool_id,
            client["ClientId"],
            user,
            nonce=grant.request.nonce,
            trigger_source="TokenGeneration_HostedAuth",
            scope=cognito._granted_scopes(client, grant.request.scope),
        )
        grant.refresh_token = made["RefreshToken"]
        return _token_response(made) | {"refresh_token": grant.refresh_token}

    def revoke(self, headers: Mapping[str, str], body: str) -> Answer:
        """RFC 7009. What is no refresh token of this client is none that can be revoked, which is no error.

        :raises OAuthError: the client is unknown
        """
        form, _pool_id, client = _authenticated(headers, body)
        token = form.get("token", "")
        if not token:
            raise OAuthError("invalid_request")
        if cognito._signature_valid(token) and cognito._token_claims(token).get("client_id") == client["ClientId"]:
            cognito._revoke_token({"Token": token})
        return 200, {"Cache-Control": "no-store"}, b""


def _of_refresh_token(form: Mapping[str, str], pool_id: str, client: dict[str, Any]) -> dict[str, Any]:
    token = form.get("refresh_token", "")
    made, refused = cognito._refresh_auth_result(users.pool_of(pool_id), pool_id, client["ClientId"], token)
    if refused:
        raise OAuthError("invalid_grant")
    return _token_response(made)


def _token_response(made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "access_token": made["AccessToken"],
        "id_token": made["IdToken"],
        "token_type": "Bearer",
        "expires_in": made["ExpiresIn"],
    }


def _verifies(verifier: str, grant: Grant) -> bool:
    """RFC 7636, 4.6."""
    if not _VERIFIER(verifier):
        return False
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(challenge, grant.request.code_challenge)


def _authenticated(headers: Mapping[str, str], body: str) -> tuple[dict[str, str], str, dict[str, Any]]:
    """The form, the pool, and the client whose secret came along."""
    try:
        form = single_values(body)
    except WrongRequest as error:
        raise OAuthError("invalid_request") from error
    client_id, secret = cognito._authenticate_client(headers, form)
    try:
        pool_id, client = client_with_pages(client_id)
    except WrongRequest as error:
        raise OAuthError("invalid_client") from error
    kept = client.get("ClientSecret") or ""
    if not kept or not hmac.compare_digest(kept.encode(), secret.encode()):
        raise OAuthError("invalid_client")
    return form, pool_id, client


def _json(status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    fixed = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-store", "Pragma": "no-cache"}
    return status, fixed | dict(headers or {}), json.dumps(value).encode()
