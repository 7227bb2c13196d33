"""Rotating keys while services run."""

import asyncio
import json
import secrets
from uuid import UUID

import jwt
import pytest

from conftest import CloudEndpoint
from tatemono.adapters.identifier_keys import IdentifierKeys
from tatemono.adapters.signing_keys import following_secret
from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.identity.devices import SignedInDevice, UserKind
from tatemono_tools.laptop.operate.keys import (
    USED_AFTER_SECONDS,
    VERIFIES_FOR_SECONDS,
    rotate_identifier_keys,
    rotate_in,
    rotate_signing_keys,
)
from tatemono_tools.laptop.operate.rotated_secret import RotatedSecret
from tatemono_tools.laptop.provision.cloud_resources import ensure_secret, open_cloud
from tatemono_tools.laptop.secret_values import signing_keys
from tatemono_tools.plan.building import Plan

NOW = 1_795_000_000.0
DEVICE = SignedInDevice(UUID(int=1), UUID(int=2), UserKind.GUEST, new=False, session_id=UUID(int=3))


def tokens(jwks: str) -> AccessTokens:
    return AccessTokens(jwks, issuer="https://pictures.example.jp", lifetime_seconds=3600)


def kids(jwks: str) -> list[str]:
    return [key["kid"] for key in json.loads(jwks)["keys"]]


class TestRotated:
    def test_leaves_no_moment_in_which_one_process_refuses_what_another_signs(self) -> None:
        old = signing_keys()
        rotation = rotate_signing_keys(old, now=NOW)
        behind, ahead = tokens(old), tokens(rotation.value)
        for now in (NOW, NOW + USED_AFTER_SECONDS - 1):
            issued = ahead.issue(DEVICE, key_thumbprint="k", now=now)
            assert behind.verify(issued, now=now)
        issued = behind.issue(DEVICE, key_thumbprint="k", now=NOW + USED_AFTER_SECONDS)
        assert ahead.verify(issued, now=NOW + USED_AFTER_SECONDS + 3599)
        newest = ahead.issue(DEVICE, key_thumbprint="k", now=NOW + USED_AFTER_SECONDS)
        assert jwt.get_unverified_header(newest)["kid"] == rotation.name

    def test_drops_a_key_only_when_its_last_token_has_expired(self) -> None:
        first = rotate_signing_keys(signing_keys(), now=NOW)
        last_use = NOW + USED_AFTER_SECONDS
        before = rotate_signing_keys(first.value, now=last_use + VERIFIES_FOR_SECONDS - 1)
        assert len(kids(before.value)) == 3
        after = rotate_signing_keys(first.value, now=last_use + VERIFIES_FOR_SECONDS)
        assert kids(after.value) == [after.name, first.name]
        assert after.dropped == (kids(first.value)[1],)

    def test_may_be_done_twice_in_a_row(self) -> None:
        old = signing_keys()
        twice = rotate_signing_keys(rotate_signing_keys(old, now=NOW).value, now=NOW + 1)
        both = tokens(twice.value)
        for now in (NOW + 1, NOW + 700):
            assert both.verify(both.issue(DEVICE, key_thumbprint="k", now=now), now=now)
        assert kids(twice.value)[-1] == kids(old)[0]


class TestRotatedIdentifierKeys:
    def test_writes_with_the_new_key_only_when_every_process_has_it(self) -> None:
        before = IdentifierKeys("the first key")
        (old,) = before.hashes("IDFV", now=NOW)
        rotation = rotate_identifier_keys("the first key", kept_days=400, now=NOW)
        after = IdentifierKeys(rotation.value)
        assert after.hashes("IDFV", now=NOW + USED_AFTER_SECONDS - 1)[0] == old
        written, *others = after.hashes("IDFV", now=NOW + USED_AFTER_SECONDS)
        assert written != old
        assert others == [old]

    def test_drops_a_key_only_when_no_device_can_be_left_that_was_written_with_it(self) -> None:
        first = rotate_identifier_keys("the first key", kept_days=400, now=NOW)
        last_use = NOW + USED_AFTER_SECONDS
        before = rotate_identifier_keys(first.value, kept_days=400, now=last_use + 400 * 86_400)
        assert (len(json.loads(before.value)["keys"]), before.dropped) == (3, ())
        after = rotate_identifier_keys(first.value, kept_days=400, now=last_use + 408 * 86_400)
        assert len(json.loads(after.value)["keys"]) == 2
        assert len(after.dropped) == 1
        assert "the first key" not in after.value + str(after.dropped)

    def test_may_be_done_twice_in_a_row(self) -> None:
        first = rotate_identifier_keys("the first key", kept_days=400, now=NOW)
        twice = IdentifierKeys(rotate_identifier_keys(first.value, kept_days=400, now=NOW + 1).value)
        (old,) = IdentifierKeys("the first key").hashes("IDFV", now=NOW)
        assert twice.hashes("IDFV", now=NOW + 2)[0] == old
        assert len(set(twice.hashes("IDFV", now=NOW + 2))) == 3

    @pytest.mark.parametrize("value", ["", '{"keys": []}', '{"keys": 5}', "{}", '{"keys": [{"key": ""}]}', "{"])
    def test_refuse_what_is_no_key_and_keep_what_they_have(self, value: str) -> None:
        keys = IdentifierKeys("the first key")
        with pytest.raises(ValueError, match=r".") as refused:
            keys.take_keys(value)
        assert "the first key" not in str(refused.value)
        assert keys.hashes("IDFV", now=NOW) == IdentifierKeys("the first key").hashes("IDFV", now=NOW)


def in_cloud(plan: Plan, cloud: CloudEndpoint) -> tuple[Plan, dict[str, str]]:
    """Tests share the cloud: a plan of another name has its own secrets."""
    order = {
        "endpoint_url": cloud.endpoint_url,
        "region": cloud.region,
        "access_key_id": cloud.access_key_id,
        "secret_access_key": cloud.secret_access_key,
    }
    return plan.model_copy(update={"name": f"tatemono-{secrets.token_hex(4)}"}), order


class TestRotate:
    async def test_reaches_a_service_that_runs(
        self, plan: Plan, cloud: CloudEndpoint, aws_environment: CloudEndpoint
    ) -> None:
        own, order = in_cloud(plan, cloud)
        old = signing_keys()
        async with open_cloud(**order) as opened:
            stored = await ensure_secret(opened, f"laptop/{own.name}/token-signing-keys", old, None)
        service = tokens(old)
        seen: list[str] = []

        def take(value: str) -> None:
            service.take_keys(value)
            seen.append(value)

        async with following_secret(stored.arn, take, every_seconds=0.05):
            rotation = await rotate_in(RotatedSecret.TOKEN_SIGNING_KEYS, own, order, now=NOW)
            for _ in range(1000):
                if rotation.value in seen:
                    break
                await asyncio.sleep(0.01)
        assert [key["kid"] for key in service.public_keys()["keys"]] == kids(rotation.value)

    async def test_keeps_what_devices_were_written_down_with(
        self, plan: Plan, cloud: CloudEndpoint, aws_environment: CloudEndpoint
    ) -> None:
        own, order = in_cloud(plan, cloud)
        async with open_cloud(**order) as opened:
            await ensure_secret(opened, f"laptop/{own.name}/device-identifier-key", "the first key", None)
        first = await rotate_in(RotatedSecret.DEVICE_IDENTIFIER_KEY, own, order, now=NOW)
        second = await rotate_in(RotatedSecret.DEVICE_IDENTIFIER_KEY, own, order, now=NOW + 86_400)
        assert [key["key"] for key in json.loads(second.value)["keys"]][1:] == [
            json.loads(first.value)["keys"][0]["key"],
            "the first key",
        ]
