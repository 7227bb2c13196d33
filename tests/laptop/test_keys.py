"""Rotating the keys of access tokens."""

import asyncio
import json
import secrets
from uuid import UUID

import jwt

from conftest import CloudEndpoint
from tatemono.adapters.signing_keys import following_secret
from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.devices import SignedInDevice, UserKind
from tatemono.laptop.cloud_resources import ensure_secret, open_cloud
from tatemono.laptop.keys import SIGNS_AFTER_SECONDS, VERIFIES_FOR_SECONDS, rotate_in, rotated
from tatemono.laptop.secret_values import signing_keys
from tatemono.plan import Plan

NOW = 1_795_000_000.0
DEVICE = SignedInDevice(UUID(int=1), UUID(int=2), UserKind.GUEST, new=False, session_id=UUID(int=3))


def tokens(jwks: str) -> AccessTokens:
    return AccessTokens(jwks, issuer="https://pictures.example.jp", lifetime_seconds=3600)


def kids(jwks: str) -> list[str]:
    return [key["kid"] for key in json.loads(jwks)["keys"]]


class TestRotated:
    def test_leaves_no_moment_in_which_one_process_refuses_what_another_signs(self) -> None:
        old = signing_keys()
        rotation = rotated(old, now=NOW)
        behind, ahead = tokens(old), tokens(rotation.jwks)
        for now in (NOW, NOW + SIGNS_AFTER_SECONDS - 1):
            issued = ahead.issue(DEVICE, key_thumbprint="k", now=now)
            assert behind.verify(issued, now=now)
        issued = behind.issue(DEVICE, key_thumbprint="k", now=NOW + SIGNS_AFTER_SECONDS)
        assert ahead.verify(issued, now=NOW + SIGNS_AFTER_SECONDS + 3599)
        newest = ahead.issue(DEVICE, key_thumbprint="k", now=NOW + SIGNS_AFTER_SECONDS)
        assert jwt.get_unverified_header(newest)["kid"] == rotation.kid

    def test_drops_a_key_only_when_its_last_token_has_expired(self) -> None:
        first = rotated(signing_keys(), now=NOW)
        last_use = NOW + SIGNS_AFTER_SECONDS
        before = rotated(first.jwks, now=last_use + VERIFIES_FOR_SECONDS - 1)
        assert len(kids(before.jwks)) == 3
        after = rotated(first.jwks, now=last_use + VERIFIES_FOR_SECONDS)
        assert kids(after.jwks) == [after.kid, first.kid]
        assert after.dropped == (kids(first.jwks)[1],)

    def test_may_be_done_twice_in_a_row(self) -> None:
        old = signing_keys()
        twice = rotated(rotated(old, now=NOW).jwks, now=NOW + 1)
        both = tokens(twice.jwks)
        for now in (NOW + 1, NOW + 700):
            assert both.verify(both.issue(DEVICE, key_thumbprint="k", now=now), now=now)
        assert kids(twice.jwks)[-1] == kids(old)[0]


class TestRotate:
    async def test_reaches_a_service_that_runs(
        self, plan: Plan, cloud: CloudEndpoint, aws_environment: CloudEndpoint
    ) -> None:
        # Tests share the cloud: a plan of another name has its own secrets.
        own = plan.model_copy(update={"name": f"tatemono-{secrets.token_hex(4)}"})
        order = {
            "endpoint_url": cloud.endpoint_url,
            "region": cloud.region,
            "access_key_id": cloud.access_key_id,
            "secret_access_key": cloud.secret_access_key,
        }
        old = signing_keys()
        async with open_cloud(**order) as opened:
            stored = await ensure_secret(opened, f"laptop/{own.name}/token-signing-keys", old, None)
        service = tokens(old)
        seen: list[str] = []

        def take(value: str) -> None:
            service.take_keys(value)
            seen.append(value)

        async with following_secret(stored.arn, take, every_seconds=0.05):
            rotation = await rotate_in(own, order, now=NOW)
            for _ in range(1000):
                if rotation.jwks in seen:
                    break
                await asyncio.sleep(0.01)
        assert [key["kid"] for key in service.public_keys()["keys"]] == kids(rotation.jwks)
