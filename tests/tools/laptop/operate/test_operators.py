"""Operators in the embedded cloud's real user pool, and the admin API that takes their tokens."""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import CloudEndpoint
from operators import ADDRESSES, Desk, PublishingPool, code_now
from sign_in_pages import PagesPool, pages_pool
from tatemono.bootstrap.admin_api import admin_api
from tatemono.domain.operators.roles import Role
from tatemono.entrypoints.admin_api.app import create_app
from tatemono.settings import AdminApiSettings
from tatemono_tools.laptop.operate.operators import Enrolment, OperatorPool, OperatorRefused
from tatemono_tools.plan.building import Plan


@dataclass
class AuthenticatorApp:
    secret: str = ""

    def scan(self, enrolment: Enrolment) -> str:
        self.secret = enrolment.secret
        assert parse_qs(urlsplit(enrolment.uri).query)["secret"] == [enrolment.secret]
        return self.code()

    def code(self) -> str:
        return code_now(self.secret)

    def wrong_code(self) -> str:
        return f"{(int(code_now(self.secret)) + 500_000) % 1_000_000:06}"


@pytest.fixture(scope="module")
async def pools(cloud: CloudEndpoint, plan: Plan) -> AsyncIterator[PagesPool]:
    async with pages_pool(cloud, plan) as made:
        yield made


@pytest.fixture
def address() -> str:
    return f"Hanako.{secrets.token_hex(4)}@example.jp"


@pytest.fixture
async def desk(pools: PagesPool, service_database_url: Callable[[str], str]) -> AsyncIterator[Desk]:
    facts = pools.made.parameters
    settings = AdminApiSettings.model_validate(
        {
            "service_name": "admin-api",
            "database_url": service_database_url("admin-api"),
            "port": 1,
            "origin_verify": "first",
            "allowed_addresses": ADDRESSES,
            "operators_issuer": facts["operators-issuer"],
            "operators_client_id": facts["operators-client-id"],
            "operators_jwks_url": facts["operators-jwks-url"],
            "pictures_bucket": "unused",
            "uploads_bucket": "unused",
            "uploads_url": "https://uploads.example.jp/",
        }
    )
    async with admin_api(settings) as backend:
        yield Desk(create_app(backend), PublishingPool({}))


class TestOperators:
    async def test_come_in_with_password_and_second_factor(self, pools: PagesPool, desk: Desk, address: str) -> None:
        app = AuthenticatorApp()
        password = await pools.operators.create(address, Role.SUPPORT, app.scan)
        token = (await pools.operators.sign_in(address, password, app.code))["AccessToken"]
        async with desk.client(token) as operator:
            me = (await operator.get("/me")).json()
            assert (me["email"], me["roles"]) == (address.lower(), ["support"])
            assert (await operator.get("/people")).status_code == 200
            assert (await operator.get("/audit")).status_code == 403

    async def test_are_refused_without_either_factor(self, pools: PagesPool, address: str) -> None:
        app = AuthenticatorApp()
        password = await pools.operators.create(address, Role.ADMIN, app.scan)
        with pytest.raises(OperatorRefused):
            await pools.operators.sign_in(address, "not the password", app.code)
        with pytest.raises(OperatorRefused):
            await pools.operators.sign_in(address, password, app.wrong_code)
        with pytest.raises(OperatorRefused):
            await pools.operators.sign_in(address, password, lambda: code_now(app.secret, late_by_seconds=300))

    async def test_are_gone_again_when_they_are_broken_off(self, pools: PagesPool, address: str) -> None:
        def give_up(_enrolment: Enrolment) -> str:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await pools.operators.create(address, Role.ADMIN, give_up)
        assert address.lower() not in {found.email for found in await pools.operators.list_operators()}

    async def test_have_no_role_until_the_second_factor_is_there(self, pools: PagesPool, address: str) -> None:
        # What a `create` leaves whose process was killed.
        await pools.operators._call("admin_create_user", Username=address.lower(), MessageAction="SUPPRESS")
        half_made = next(found for found in await pools.operators.list_operators() if found.email == address.lower())
        assert (half_made.roles, half_made.second_factor) == ((), False)
        app = AuthenticatorApp()
        await pools.operators.create(address, Role.ADMIN, app.scan)
        made = next(found for found in await pools.operators.list_operators() if found.email == address.lower())
        assert (made.roles, made.second_factor, made.enabled) == (("admin",), True, True)
        with pytest.raises(OperatorRefused, match="already"):
            await pools.operators.create(address, Role.VIEWER, app.scan)

    async def test_are_asked_again_for_a_wrong_code_but_not_for_ever(self, pools: PagesPool, address: str) -> None:
        asked = []

        def wrong(enrolment: Enrolment) -> str:
            asked.append(enrolment.secret)
            return "000000" if code_now(enrolment.secret) != "000000" else "000001"

        with pytest.raises(OperatorRefused, match="clock"):
            await pools.operators.create(address, Role.ADMIN, wrong)
        assert len(asked) == 5
        assert len(set(asked)) == 1

    async def test_change_roles_and_end(self, pools: PagesPool, desk: Desk, address: str) -> None:
        app = AuthenticatorApp()
        password = await pools.operators.create(address, Role.VIEWER, app.scan)
        await pools.operators.set_role(address, Role.ADMIN)
        tokens = await pools.operators.sign_in(address, password, app.code)
        async with desk.client(tokens["AccessToken"]) as operator:
            assert (await operator.get("/me")).json()["roles"] == ["admin"]
        await pools.operators.disable(address)
        with pytest.raises(OperatorRefused):
            await pools.operators.sign_in(address, password, app.code)
        with pytest.raises(OperatorRefused, match="no operator"):
            await pools.operators.disable(f"x{address}")

    @pytest.mark.parametrize("wrong", ["", "hanako", "hanako@", "@example.jp", "hanako@localhost", "a b@example.jp"])
    async def test_need_an_address(self, pools: PagesPool, wrong: str) -> None:
        with pytest.raises(OperatorRefused, match="no e-mail address"):
            await pools.operators.create(wrong, Role.ADMIN, AuthenticatorApp().scan)


class TestTokens:
    async def test_other_than_the_access_token_open_nothing(self, pools: PagesPool, desk: Desk, address: str) -> None:
        app = AuthenticatorApp()
        password = await pools.operators.create(address, Role.ADMIN, app.scan)
        tokens = await pools.operators.sign_in(address, password, app.code)
        for kind, status in (("AccessToken", 200), ("IdToken", 401), ("RefreshToken", 401)):
            async with desk.client(tokens[kind]) as operator:
                assert (await operator.get("/me")).status_code == status, kind

    async def test_of_the_members_open_nothing(self, pools: PagesPool, desk: Desk) -> None:
        facts = pools.made.parameters
        members = OperatorPool(
            pools.cognito,
            facts["members-pool-id"],
            facts["members-client-id"],
            pools.made.client_secrets["members-client-secret"],
        )
        member, password = f"{secrets.token_hex(4)}@example.jp", secrets.token_urlsafe(18)
        await members._call("admin_create_user", Username=member, MessageAction="SUPPRESS")
        await members._call("admin_set_user_password", Username=member, Password=password, Permanent=True)
        token = (await members._begin(member, password))["AuthenticationResult"]["AccessToken"]
        async with desk.client(token) as client:
            assert (await client.get("/me")).json()["code"] == "operator_token_rejected"


class TestInvite:
    async def test_gives_a_password_for_the_first_sign_in_and_the_role_at_once(self, pools: PagesPool) -> None:
        email = f"{secrets.token_hex(4)}@example.jp"
        await pools.operators.invite(email, Role.VIEWER)
        password = await pools.operators.invite(f" {email.upper()}", Role.SUPPORT)
        (listed,) = [found for found in await pools.operators.list_operators() if found.email == email]
        assert (listed.roles, listed.second_factor, listed.enabled) == (("support",), False, True)
        with pytest.raises(OperatorRefused, match="has no authenticator app"):
            await pools.operators.sign_in(email, password, lambda: "000000")

    async def test_refuses_an_operator_that_has_signed_in_already(self, pools: PagesPool) -> None:
        email, app = f"{secrets.token_hex(4)}@example.jp", AuthenticatorApp()
        await pools.operators.create(email, Role.VIEWER, app.scan)
        with pytest.raises(OperatorRefused, match="is an operator already"):
            await pools.operators.invite(email, Role.ADMIN)
