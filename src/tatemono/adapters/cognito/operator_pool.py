"""The operators' user pool, as its app client meets it through OAuth.

https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html, and its neighbours `token`,
`revocation` and `logout`.
"""

import time
from collections.abc import Mapping
from urllib.parse import urlencode

import httpx2
import structlog

from tatemono.adapters.cognito.operator_tokens import OperatorTokens
from tatemono.domain.operators.roles import OperatorTokenRejected
from tatemono.domain.operators.sessions import (
    GrantEnded,
    IdentifiedOperator,
    OperatorPoolUnavailable,
    OperatorTokenSet,
    PendingSignIn,
    SignInLost,
)

CALLBACK_PATH = "/sign-in/callback"
_SCOPES = "openid email"
_REFUSED = frozenset({400, 401})

log = structlog.get_logger()


class CognitoOperators:
    def __init__(
        self, client: httpx2.AsyncClient, tokens: OperatorTokens, *, client_id: str, client_secret: str, public_url: str
    ) -> None:
        """:param client: its base URL is that of the pool's domain
        :param public_url: where the site answers
        """
        self._client = client
        self._tokens = tokens
        self._client_id = client_id
        self._secret = httpx2.BasicAuth(client_id, client_secret)
        self._public_url = public_url
        self._domain = str(client.base_url).rstrip("/")

    @property
    def origin(self) -> str:
        """Where browsers are sent."""
        return self._domain

    def authorization_url(self, pending: PendingSignIn) -> str:
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._public_url + CALLBACK_PATH,
            "scope": _SCOPES,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": pending.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._domain}/oauth2/authorize?{urlencode(query)}"

    def logout_url(self) -> str:
        query = {"client_id": self._client_id, "logout_uri": f"{self._public_url}/"}
        return f"{self._domain}/logout?{urlencode(query)}"

    async def exchange(
        self, code: str, pending: PendingSignIn, *, now: float
    ) -> tuple[IdentifiedOperator, OperatorTokenSet]:
        answer = await self._post(
            "token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._public_url + CALLBACK_PATH,
                "code_verifier": pending.code_verifier,
            },
        )
        if answer is None:
            raise SignInLost
        if not answer.keys() >= {"id_token", "refresh_token"}:
            raise OperatorTokenRejected
        operator = await self._tokens.identify(answer["id_token"], nonce=pending.nonce, now=now)
        tokens = _token_set(answer, answer["refresh_token"], now)
        # The two tokens could be of two people only if Cognito were broken; it costs little to look.
        if (await self._tokens.verify(tokens.access_token, now=now)).id != operator.id:
            raise OperatorTokenRejected
        return operator, tokens

    async def refresh(self, tokens: OperatorTokenSet, *, now: float) -> OperatorTokenSet:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        answer = await self._post("token", form)
        if answer is None:
            raise GrantEnded
        # Where the pool rotates refresh tokens, a new one comes along.
        return _token_set(answer, answer.get("refresh_token", tokens.refresh_token), now)

    async def revoke(self, tokens: OperatorTokenSet) -> None:
        """If Cognito does not answer, the refresh token stays good until it expires, but no copy of it is left."""
        try:
            await self._post("revoke", {"token": tokens.refresh_token})
        except OperatorPoolUnavailable:
            log.warning("operator_grant_not_revoked")

    async def _post(self, endpoint: str, form: Mapping[str, str]) -> dict[str, str] | None:
        """Cognito's answer; None if it refuses.

        :raises OperatorPoolUnavailable: it does not answer, or not in a way that means anything
        """
        began = time.monotonic()
        try:
            response = await self._client.post(f"/oauth2/{endpoint}", data=form, auth=self._secret)
            if response.status_code in _REFUSED:
                log.info("operators_pool_refused", endpoint=endpoint, error=str(response.json().get("error")))
                return None
            response.raise_for_status()
            answer: dict[str, str] = response.json() if response.content else {}
            if endpoint == "token" and not answer.keys() >= {"access_token", "expires_in"}:
                raise ValueError("no token")  # noqa: TRY301 - one way out for every answer that means nothing
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("operators_pool_away", endpoint=endpoint, error=repr(error), seconds=time.monotonic() - began)
            raise OperatorPoolUnavailable from error
        return answer


def _token_set(answer: Mapping[str, str], refresh_token: str, now: float) -> OperatorTokenSet:
    return OperatorTokenSet(answer["access_token"], refresh_token, int(now) + int(answer["expires_in"]))
