"""An app's authorization request: RFC 6749, 4.1.1, with PKCE (RFC 7636), which is not optional here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ministack.services import cognito

_LONGEST = 2048
#: RFC 7636, 4.2: SHA-256 in base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch
_PROMPTS = {"", "none", "login"}


class WrongRequest(Exception):
    """The request is not the app's, so the browser is not sent back; the message is OAuth's `error`."""


class RefusedRequest(Exception):
    """The app gets the error by a redirect.

    :ivar location: where the browser goes
    """

    def __init__(self, error: str, redirect_uri: str, state: str) -> None:
        super().__init__(error)
        self.location = with_query(redirect_uri, {"error": error, "state": state})


@dataclass(frozen=True)
class AuthorizationRequest:
    """:ivar scope: empty: all that the client may have"""

    pool_id: str
    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    prompt: str

    @classmethod
    def read(cls, query: str) -> "AuthorizationRequest":
        """:raises WrongRequest: client or redirect URI are unknown, or a parameter is repeated
        :raises RefusedRequest: the rest is not right
        """
        given = single_values(query)
        pool_id, client = client_with_pages(given.get("client_id", ""))
        redirect_uri = given.get("redirect_uri", "")
        # Simple string comparison (RFC 9700, 2.1): no prefix, no pattern, not another port.
        if redirect_uri not in client.get("CallbackURLs", []):
            raise WrongRequest("redirect_mismatch")
        state = given.get("state", "")
        refuse = _refusal(given, client)
        if refuse:
            raise RefusedRequest(refuse, redirect_uri, state)
        return cls(
            pool_id=pool_id,
            client_id=client["ClientId"],
            redirect_uri=redirect_uri,
            scope=given.get("scope", ""),
            state=state,
            nonce=given.get("nonce", ""),
            code_challenge=given["code_challenge"],
            prompt=given.get("prompt", ""),
        )


def _refusal(given: Mapping[str, str], client: Mapping[str, Any]) -> str | None:
    if given.get("response_type") != "code" or "code" not in client.get("AllowedOAuthFlows", []):
        return "unsupported_response_type"
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE(given.get("code_challenge", "")):
        return "invalid_request"
    if given.get("prompt", "") not in _PROMPTS:
        return "invalid_request"
    if set(given.get("scope", "").split()) - set(client.get("AllowedOAuthScopes", [])):
        return "invalid_scope"
    return None


def client_with_pages(client_id: str) -> tuple[str, dict[str, Any]]:
    """The pool of a client, and the client, if people sign in to it through pages.

    :raises WrongRequest: they do not, or there is none
    """
    pool_id, pool, client = cognito._find_pool_by_client_id(client_id)  # noqa: SLF001 - patches.py notices when it moves
    if client is None or not pool.get("Domain") or not client.get("AllowedOAuthFlowsUserPoolClient"):
        raise WrongRequest("invalid_client")
    return str(pool_id), client


def single_values(text: str) -> dict[str, str]:
    """A query or a form.

    :raises WrongRequest: a name stands twice (RFC 6749, 3.1), or a value is too long
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=30, errors="strict")
    except ValueError as error:
        raise WrongRequest("invalid_request") from error
    found = dict(pairs)
    if len(found) != len(pairs) or any(len(value) > _LONGEST for value in found.values()):
        raise WrongRequest("invalid_request")
    return found


def with_query(address: str, values: Mapping[str, str]) -> str:
    """The address with those of the values that are not empty."""
    separator = "&" if "?" in address else "?"
    return address + separator + urlencode({name: value for name, value in values.items() if value})
