"""Signing in a device, from outside."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from phone import Clock, Phone
from tatemono.bootstrap.mobile_api import mobile_api
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.identity.me_schemas import Me
from tatemono.settings import MobileApiSettings

pytest_plugins = ["mobile_api"]

API = "/v1/api"


class TestSignInDevice:
    async def test_makes_a_guest_with_welcome_credits_and_finds_it_again(self, new_phone: Callable[[], Phone]) -> None:
        phone = new_phone()
        first, again = await phone.sign_in(), await phone.sign_in()
        assert first["user"] == {"id": str(phone.user_id), "kind": "guest", "new": True}
        assert again["user"] == first["user"] | {"new": False}
        assert (first["token_type"], first["expires_in"]) == ("Bearer", 3600)
        me = Me.model_validate_json((await phone.client.get(f"{API}/me")).content)
        assert (me.id, me.credits.available) == (phone.user_id, 500)

    async def test_gives_a_copied_identifier_another_user_and_tells_the_owner(
        self, new_phone: Callable[[], Phone]
    ) -> None:
        owner, thief = new_phone(), new_phone()
        thief.identifier = owner.identifier
        await owner.sign_in()
        await thief.sign_in()
        assert owner.user_id != thief.user_id
        events = [(await phone.client.get(f"{API}/security-events")).json()["items"] for phone in (owner, thief)]
        assert [event["kind"] for event in events[0]] == ["copied_identifier"]
        assert events[1] == []

    async def test_gives_tokens_for_as_long_as_it_is_told(
        self, edge: HttpEdge, new_phone: Callable[[], Phone], clock: Clock, settings: MobileApiSettings
    ) -> None:
        short = settings.model_copy(update={"access_token_seconds": 120})
        async with mobile_api(short) as opened:
            backend = replace(opened, now=clock)
            edge.owner.state.backend = backend
            phone = new_phone()
            assert (await phone.sign_in())["expires_in"] == 120
            answers = []
            for _ in range(2):
                answers.append((await phone.client.get(f"{API}/me")).status_code)
                clock.now += 120
        assert answers == [200, 401]

    @pytest.mark.parametrize("changes", [{"htm": "GET"}, {"htu": "https://elsewhere.example/"}, {"jti": "x"}])
    async def test_refuses_a_proof_that_is_not_for_this_call(
        self, new_phone: Callable[[], Phone], changes: dict[str, Any]
    ) -> None:
        phone = new_phone()
        response = await phone.client.post(
            f"{API}/auth/device",
            json={"platform": "ios", "device_identifier": "x" * 8},
            headers={"dpop": phone.proof(**changes)},
        )
        assert (response.status_code, response.json()["code"]) == (401, "proof_rejected")
        assert response.headers["www-authenticate"].startswith("DPoP")

    async def test_names_a_proof_that_is_missing(self, new_phone: Callable[[], Phone]) -> None:
        body = {"platform": "ios", "device_identifier": "x" * 8}
        response = await new_phone().client.post(f"{API}/auth/device", json=body)
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"pointer": "/header/DPoP", "detail": "This is required.", "code": "missing"}
        ]
