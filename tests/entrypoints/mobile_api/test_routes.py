"""The authority that each route of the mobile API needs, on a real database."""

from collections.abc import Callable
from uuid import UUID

import pytest

from phone import Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.openapi import openapi
from tatemono.settings import MobileApiSettings
from worker_steps import paint

pytest_plugins = ["mobile_api"]

API = "/v1/api"
UNKNOWN_ID = UUID(int=5)
#: Every route that needs a token.
GUARDED = [
    ("POST", f"/pictures/{UNKNOWN_ID}/report"),
    ("GET", "/me"),
    ("GET", "/styles"),
    ("GET", "/devices"),
    ("DELETE", f"/devices/{UNKNOWN_ID}"),
    ("GET", "/security-events"),
    ("POST", "/auth/sign-out"),
    ("POST", "/auth/sign-out-everywhere"),
    ("GET", "/pictures"),
    ("DELETE", f"/pictures/{UNKNOWN_ID}"),
    ("GET", "/generations"),
    ("POST", "/generations/quote"),
    ("POST", "/references"),
    ("POST", f"/references/{UNKNOWN_ID}/complete"),
    ("POST", "/generations"),
    ("GET", f"/generations/{UNKNOWN_ID}"),
    ("POST", f"/generations/{UNKNOWN_ID}/cancel"),
    ("GET", f"/generations/{UNKNOWN_ID}/events"),
    ("POST", "/transfer-codes"),
    ("GET", "/merge"),
    ("POST", "/merge"),
    ("GET", "/merges"),
    ("POST", f"/merges/{UNKNOWN_ID}/undo"),
    ("POST", "/auth/register"),
    ("POST", "/auth/register/resend"),
    ("POST", "/auth/register/confirm"),
    ("POST", "/auth/member"),
    ("POST", "/auth/forgot-password"),
    ("POST", "/auth/reset-password"),
    ("POST", "/me/password"),
    ("POST", "/me/email"),
    ("POST", "/me/email/confirm"),
    ("POST", "/me/totp"),
    ("POST", "/me/totp/confirm"),
    ("POST", "/me/totp/remove"),
    ("POST", "/me/deletion"),
    ("POST", "/me/export"),
    ("GET", "/me/export"),
]


class TestAuthority:
    @pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer nonsense", "Basic dTpw", "Bearer a.b.c"])
    async def test_is_nobodys_without_a_good_token(
        self, new_phone: Callable[[], Phone], authorization: str | None
    ) -> None:
        headers = {} if authorization is None else {"authorization": authorization}
        client = new_phone().client
        for method, path in GUARDED:
            response = await client.request(method, API + path, headers=headers)
            assert (path, response.status_code, response.json()["code"]) == (path, 401, "token_rejected")
            assert response.headers["www-authenticate"].startswith("Bearer")

    async def test_ends_with_the_token(self, phone: Phone) -> None:
        assert (await phone.client.get(f"{API}/me")).status_code == 200
        phone.clock.now += 3600
        assert (await phone.client.get(f"{API}/me")).status_code == 401

    async def test_does_not_reach_into_what_is_anothers(
        self, phone: Phone, new_phone: Callable[[], Phone], backend: MobileApiBackend
    ) -> None:
        other = new_phone()
        await other.sign_in()
        generation = await phone.ask()
        picture = (await paint(backend.settings, generation["id"]))[0]
        for method, path, code in [
            ("GET", f"/generations/{generation['id']}", "no_such_generation"),
            ("POST", f"/generations/{generation['id']}/cancel", "no_such_generation"),
            ("GET", f"/generations/{generation['id']}/events", "no_such_generation"),
            ("DELETE", f"/pictures/{picture}", "no_such_picture"),
        ]:
            response = await other.client.request(method, API + path)
            assert (response.status_code, response.json()["code"]) == (404, code)
        for path in ("/generations", "/pictures"):
            assert (await other.client.get(API + path)).json() == {"items": [], "next_cursor": None}
        assert len((await phone.client.get(f"{API}/pictures")).json()["items"]) == 1

    def test_is_declared_for_every_operation(self, edge: HttpEdge) -> None:
        document = openapi(edge.owner)
        declared = {
            (method.upper(), path): operation["security"]
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        open_to_all = {operation for operation, security in declared.items() if not security}
        with_proof = ("auth/device", "auth/refresh", "auth/undo-deletion", "transfer-codes/redeem")
        signing_in = {("POST", f"{API}/{path}") for path in with_proof}
        unsubscribing = {(method, f"{API}/mail/unsubscribe") for method in ("GET", "POST")}
        readable = {("GET", f"{API}/{path}") for path in ("deletion-receipts/{receipt_id}", "health")}
        reporting = {("POST", f"{API}/reports"), ("GET", f"{API}/report-reasons")}
        assert open_to_all == signing_in | unsubscribing | readable | reporting
        assert len(declared) == len(GUARDED) + len(open_to_all)


class TestSettings:
    def test_never_show_a_secret(self, settings: MobileApiSettings) -> None:
        for secret in (
            "token_signing_keys",
            "picture_url_key",
            "origin_verify",
            "database_url",
            "device_identifier_key",
        ):
            assert getattr(settings, secret).get_secret_value() not in repr(settings)
