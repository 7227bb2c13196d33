"""Access tokens of the operators' pool: the good one, and everything that is not quite one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from operators import CLIENT_ID, EMAIL, ISSUER, PublishingPool, base64url, encoded, new_key, publishing_pool
from tatemono.adapters.cognito.operator_tokens import (
    KEYS_FRESH_SECONDS,
    KEYS_PAUSE_SECONDS,
    OperatorTokens,
    PublishedKeys,
)
from tatemono.domain.operators.roles import OperatorKeysUnavailable, OperatorTokenRejected, Role
from tatemono_tools.laptop.secret_values import signing_keys


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def pool() -> AsyncIterator[PublishingPool]:
    async with publishing_pool() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(pool: PublishingPool, clock: Clock) -> OperatorTokens:
    return OperatorTokens(PublishedKeys(pool.url, clock=clock), issuer=ISSUER, client_id=CLIENT_ID)


async def refused(tokens: OperatorTokens, token: str) -> bool:
    with pytest.raises(OperatorTokenRejected):
        await tokens.verify(token, now=time.time())
    return True


class TestOperatorTokens:
    async def test_names_the_operator_and_the_roles_it_knows(
        self, tokens: OperatorTokens, pool: PublishingPool
    ) -> None:
        operator = await tokens.verify(pool.token("admin", "viewer", "owners"), now=time.time())
        assert (operator.email, operator.roles) == (EMAIL, frozenset({Role.ADMIN, Role.VIEWER}))

    async def test_gives_no_role_to_somebody_in_no_group(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        changes: dict[str, Any] = {"cognito:groups": None}
        token = pool.token(**changes)
        assert (await tokens.verify(token, now=time.time())).roles == frozenset()

    @pytest.mark.parametrize(
        "changes",
        [
            {"token_use": "id", "aud": CLIENT_ID, "client_id": None},
            {"token_use": "id"},
            {"token_use": "refresh"},
            {"token_use": None},
            {"aud": CLIENT_ID},
            {"iss": ISSUER.replace("operators", "members")},
            {"iss": [ISSUER]},
            {"iss": None},
            {"client_id": "another"},
            {"client_id": None},
            {"exp": int(time.time()) - 1},
            {"exp": str(int(time.time()) + 900)},
            {"exp": 1e300},
            {"exp": None},
            {"iat": int(time.time()) + 3600},
            {"iat": None},
            {"sub": None},
            {"sub": 7},
            {"sub": ""},
            {"username": None},
            {"cognito:groups": "admin"},
            {"cognito:groups": {"admin": True}},
        ],
        # Each worker of a run collects at another second: the times stay out of the names.
        ids="-".join,
    )
    async def test_refuses_other_claims(
        self, tokens: OperatorTokens, pool: PublishingPool, changes: dict[str, Any]
    ) -> None:
        assert await refused(tokens, pool.token("admin", **changes))

    @pytest.mark.parametrize(
        "header", [{"kid": "unknown"}, {"typ": "at+jwt"}, {"crit": ["exp"]}, {"kid": None}], ids=str
    )
    async def test_refuses_other_headers(
        self, tokens: OperatorTokens, pool: PublishingPool, header: dict[str, Any]
    ) -> None:
        assert await refused(tokens, pool.token("admin", header=header))

    async def test_refuses_a_key_that_is_not_published(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        forger = PublishingPool({"first": new_key()})
        assert await refused(tokens, forger.token("admin"))

    async def test_refuses_a_signature_with_the_public_key_as_secret(
        self, tokens: OperatorTokens, pool: PublishingPool
    ) -> None:
        public = pool.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        _, claims, _ = pool.token("admin").split(".")
        for algorithm in ("HS256", "none"):
            header = encoded({"alg": algorithm, "kid": "first"})
            signature = (
                hmac.digest(public, f"{header}.{claims}".encode(), hashlib.sha256) if algorithm != "none" else b""
            )
            assert await refused(tokens, f"{header}.{claims}.{base64url(signature)}")

    async def test_refuses_altered_stripped_and_shapeless_tokens(
        self, tokens: OperatorTokens, pool: PublishingPool
    ) -> None:
        token = pool.token("viewer")
        header, claims, signature = token.split(".")
        raised = encoded(json.loads(base64.urlsafe_b64decode(claims + "==")) | {"cognito:groups": ["admin"]})
        twice = base64url(b'{"token_use":"id","token_use":"access"}')
        for wrong in (
            f"{header}.{raised}.{signature}",
            f"{header}.{claims}.",
            f"{header}.{claims}",
            f"{header}.{twice}.{signature}",
            token + "=",
            "",
            "a.b.c",
            "x" * 100_000,
        ):
            assert await refused(tokens, wrong)

    async def test_refuses_what_another_kind_of_key_signed(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        ours = json.loads(signing_keys())["keys"][0]
        claims = {"iss": ISSUER, "token_use": "access", "client_id": CLIENT_ID, "exp": int(time.time()) + 900}
        for kid in (ours["kid"], "first"):
            assert await refused(tokens, jwt.encode(claims, jwt.PyJWK(ours).key, "ES256", {"kid": kid}))


class TestPublishedKeys:
    async def test_are_fetched_once_for_many_tokens(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        for _ in range(20):
            await tokens.verify(pool.token("viewer"), now=time.time())
        assert pool.asked == 1

    async def test_follow_a_new_key_at_once_but_not_every_wrong_one(
        self, tokens: OperatorTokens, pool: PublishingPool, clock: Clock
    ) -> None:
        await tokens.verify(pool.token("viewer"), now=time.time())
        clock.seconds += KEYS_PAUSE_SECONDS
        pool.keys["second"] = new_key()
        await tokens.verify(pool.token("viewer", kid="second"), now=time.time())
        assert pool.asked == 2
        for number in range(50):
            assert await refused(tokens, pool.token("viewer", header={"kid": f"made-up-{number}"}))
        assert pool.asked == 2

    async def test_stay_while_their_source_is_away(
        self, tokens: OperatorTokens, pool: PublishingPool, clock: Clock
    ) -> None:
        await tokens.verify(pool.token("viewer"), now=time.time())
        pool.answers = False
        clock.seconds += KEYS_FRESH_SECONDS
        await tokens.verify(pool.token("viewer"), now=time.time())
        assert pool.asked == 2

    async def test_forget_a_key_that_is_no_longer_published(
        self, tokens: OperatorTokens, pool: PublishingPool, clock: Clock
    ) -> None:
        token = pool.token("viewer")
        await tokens.verify(token, now=time.time())
        pool.keys = {"second": new_key()}
        clock.seconds += KEYS_FRESH_SECONDS
        assert await refused(tokens, token)

    async def test_say_that_nothing_can_be_told_when_they_never_came(
        self, tokens: OperatorTokens, pool: PublishingPool, clock: Clock
    ) -> None:
        pool.answers = False
        with pytest.raises(OperatorKeysUnavailable):
            await tokens.verify(pool.token("viewer"), now=time.time())
        pool.answers = True
        clock.seconds += KEYS_PAUSE_SECONDS
        await tokens.verify(pool.token("viewer"), now=time.time())


class TestIdTokens:
    """OpenID Connect Core, 3.1.3.7."""

    def token(self, pool: PublishingPool, **changes: Any) -> str:
        claims: dict[str, Any] = {
            "token_use": "id",
            "aud": CLIENT_ID,
            "client_id": None,
            "username": None,
            "cognito:username": EMAIL,
            "nonce": "a nonce",
        }
        return pool.token(**{**claims, **changes})

    async def test_say_who_has_signed_in(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        found = await tokens.identify(self.token(pool), nonce="a nonce", now=time.time())
        assert (found.email, found.id) == (EMAIL, "b7a4da48-5011-70c9-6bd8-2d5a3a9e7a1f")

    @pytest.mark.parametrize(
        "changes",
        [
            {"nonce": "another"},
            {"nonce": None},
            {"nonce": ""},
            {"nonce": ["a nonce"]},
            {"aud": "another"},
            {"aud": None},
            {"aud": [CLIENT_ID, "another"]},
            {"azp": "another"},
            {"iss": ISSUER.replace("operators", "members")},
            {"iss": None},
            {"token_use": "access"},
            {"token_use": None},
            {"exp": 1_700_000_000},
            {"exp": None},
            {"iat": 4_000_000_000},
            {"iat": None},
            {"sub": None},
            {"sub": ""},
            {"cognito:username": None},
            {"header": {"alg": "none"}},
            {"header": {"alg": "HS256"}},
            {"header": {"alg": "RS512"}},
            {"header": {"crit": ["b64"]}},
            {"kid": "first", "header": {"kid": "unknown"}},
        ],
        ids=str,
    )
    async def test_are_refused_when_anything_is_not_right(
        self, tokens: OperatorTokens, pool: PublishingPool, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(OperatorTokenRejected):
            await tokens.identify(self.token(pool, **changes), nonce="a nonce", now=time.time())

    async def test_of_another_key_are_refused(self, tokens: OperatorTokens, pool: PublishingPool) -> None:
        pool.keys["second"] = new_key()
        token = self.token(pool, kid="second", header={"kid": "first"})
        with pytest.raises(OperatorTokenRejected):
            await tokens.identify(token, nonce="a nonce", now=time.time())

    async def test_are_no_access_tokens_and_the_other_way_round(
        self, tokens: OperatorTokens, pool: PublishingPool
    ) -> None:
        assert await refused(tokens, self.token(pool))
        with pytest.raises(OperatorTokenRejected):
            await tokens.identify(pool.token("admin", nonce="a nonce"), nonce="a nonce", now=time.time())
