"""The pages and OAuth endpoints that the launcher has in place of MiniStack's: who gets in, and who does not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import jwt
import pytest

from conftest import CloudEndpoint
from operators import code_now
from sign_in_pages import (
    CALLBACK,
    NEW_PASSWORD,
    PUBLIC_URL,
    PagesPool,
    Person,
    Pkce,
    come_in,
    fill,
    give_password,
    given_to_app,
    hidden,
    page_after,
    pages_pool,
    says,
)
from tatemono_tools.laptop.cloud.hosted.lockout import Lockout
from tatemono_tools.plan.building import Plan


@pytest.fixture(scope="module")
async def pool(cloud: CloudEndpoint, plan: Plan) -> AsyncIterator[PagesPool]:
    async with pages_pool(cloud, plan) as made:
        yield made


@pytest.fixture
async def browser(pool: PagesPool) -> AsyncIterator[httpx2.AsyncClient]:
    async with pool.browser() as opened:
        yield opened


@pytest.fixture
async def person(pool: PagesPool) -> Person:
    """With a password of their own and an authenticator app."""
    invited = await pool.invited()
    async with pool.browser() as first:
        await come_in(first, pool.authorize(Pkce()), invited)
    return invited


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


class TestFirstSignIn:
    async def test_asks_for_a_password_and_an_app_before_it_gives_a_code(
        self, pool: PagesPool, browser: httpx2.AsyncClient
    ) -> None:
        person, proof = await pool.invited(), Pkce()
        page = await give_password(browser, pool.authorize(proof), person)
        assert "Choose a password" in page.text
        assert says(await fill(browser, page, password="short", again="short")).startswith("Choose another one, of 12")
        assert says(await fill(browser, page, password=NEW_PASSWORD, again="x")) == "The two are different."
        assert says(await fill(browser, page, password=person.password, again=person.password))
        page = await fill(browser, page, password=NEW_PASSWORD, again=NEW_PASSWORD)
        assert 'src="data:image/svg+xml' in page.text
        assert says(await fill(browser, page, code="000000")).startswith("This code is wrong")
        person.password = NEW_PASSWORD
        given = await come_in(browser, pool.authorize(proof), person)
        tokens = (await pool.redeem(given["code"], proof)).json()
        assert claims(tokens["access_token"])["cognito:groups"] == ["support"]
        found = await pool.cognito.admin_get_user(UserPoolId=pool.operators.pool_id, Username=person.email)
        assert (found["UserStatus"], found["UserMFASettingList"]) == ("CONFIRMED", ["SOFTWARE_TOKEN_MFA"])

    async def test_is_over_with_its_temporary_password_used(self, pool: PagesPool, person: Person) -> None:
        async with pool.browser() as another:
            page = await give_password(another, pool.authorize(Pkce()), person)
        assert "Choose a password" not in page.text
        assert "shows for" in page.text

    async def test_cannot_set_a_second_password_with_the_page_of_the_first(self, pool: PagesPool) -> None:
        person = await pool.invited()
        async with pool.browser() as one, pool.browser() as other:
            late = await give_password(other, pool.authorize(Pkce()), person)
            await come_in(one, pool.authorize(Pkce()), person)
            answer = await fill(other, late, password="another twelve words", again="another twelve words")
            assert answer.status_code == 400


class TestSecondFactor:
    async def test_is_never_left_out(self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient) -> None:
        page = await give_password(browser, pool.authorize(Pkce()), person)
        for form in ({}, {"code": ""}, {"step": "done"}, {"username": person.email, "password": person.password}):
            answer = await browser.post("/login", data={"sign_in": hidden(page), **form})
            assert (answer.status_code, answer.headers.get("location")) == (400, None)
        again = await page_after(browser, await browser.get(pool.authorize(Pkce())))
        assert 'name="password"' in again.text

    async def test_is_good_once(self, pool: PagesPool, person: Person) -> None:
        code = person.code()
        async with pool.browser() as one:
            assert (await fill(one, await give_password(one, pool.authorize(Pkce()), person), code=code)).is_redirect
        async with pool.browser() as other:
            replayed = await fill(other, await give_password(other, pool.authorize(Pkce()), person), code=code)
        assert replayed.status_code == 400
        assert "used already" in says(replayed)

    async def test_is_not_good_of_another_time(
        self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient
    ) -> None:
        page = await give_password(browser, pool.authorize(Pkce()), person)
        for seconds in (-120, 120):
            wrong = await fill(browser, page, code=code_now(person.app_secret, late_by_seconds=seconds))
            assert wrong.status_code == 400


class TestPassword:
    async def test_of_an_unknown_user_is_refused_in_the_same_words(self, pool: PagesPool, person: Person) -> None:
        answers = []
        for who in (Person("unknown@example.jp", "x" * 12), Person(person.email, "x" * 12)):
            async with pool.browser() as browser:
                page = await give_password(browser, pool.authorize(Pkce()), who)
                answers.append((page.status_code, says(page)))
        assert answers == [(400, "The e-mail address or the password is wrong.")] * 2

    async def test_locks_after_five_wrong_ones_even_for_the_right_one(self, pool: PagesPool) -> None:
        for who in (await pool.invited(), Person("unknown@example.com", "")):
            async with pool.browser() as browser:
                for _ in range(6):
                    await give_password(browser, pool.authorize(Pkce()), Person(who.email, "wrong"))
                page = await give_password(browser, pool.authorize(Pkce()), who)
                assert says(page).startswith("Too many wrong attempts")

    async def test_of_one_who_was_disabled_opens_nothing(self, pool: PagesPool, person: Person) -> None:
        await pool.operators.disable(person.email)
        async with pool.browser() as browser:
            page = await give_password(browser, pool.authorize(Pkce()), person)
        assert says(page) == "The e-mail address or the password is wrong."


class TestLockout:
    def test_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten_after_one(self) -> None:
        now = [0.0]
        lockout = Lockout(lambda: now[0])
        waits = []
        for _ in range(17):
            lockout.failed("pool", "name")
            waits.append(lockout.seconds("pool", "name"))
            now[0] += waits[-1]
        assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
        assert lockout.seconds("another pool", "name") == 0
        now[0] += 900
        lockout.failed("pool", "name")
        assert lockout.seconds("pool", "name") == 0


class TestForms:
    async def test_of_another_browser_or_site_are_refused(self, pool: PagesPool, person: Person) -> None:
        async with pool.browser() as mine, pool.browser() as theirs:
            page = await page_after(mine, await mine.get(pool.authorize(Pkce())))
            form = {"sign_in": hidden(page), "username": person.email, "password": person.password}
            assert (await theirs.post("/login", data=form)).status_code == 400
            assert (await theirs.get("/login", params={"sign_in": hidden(page)})).status_code == 400
            elsewhere = {"origin": "https://evil.example"}
            assert (await mine.post("/login", data=form, headers=elsewhere)).status_code == 400
            assert (await mine.post("/login", data=form)).is_redirect

    async def test_have_headers_that_keep_them_alone(self, pool: PagesPool, browser: httpx2.AsyncClient) -> None:
        page = await page_after(browser, await browser.get(pool.authorize(Pkce())))
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"form-action 'self' {PUBLIC_URL}" in policy
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text

    async def test_speak_japanese_to_whom_prefers_it_or_asks_for_it(self, pool: PagesPool) -> None:
        async with pool.browser() as browser:
            browser.headers["accept-language"] = "ja,en;q=0.5"
            page = await page_after(browser, await browser.get(pool.authorize(Pkce())))
            assert '<html lang="ja">' in page.text
            page = await page_after(
                browser, await browser.get("/login", params={"sign_in": hidden(page), "lang": "en"})
            )
            assert '<html lang="en">' in page.text


class TestAuthorize:
    @pytest.mark.parametrize(
        "changes",
        [
            {"redirect_uri": "https://evil.example/"},
            {"redirect_uri": f"{CALLBACK}/"},
            {"redirect_uri": f"{CALLBACK}?x=1"},
            {"redirect_uri": CALLBACK.replace("https", "http")},
            {"redirect_uri": CALLBACK.upper()},
            {"redirect_uri": None},
            {"client_id": "unknown"},
            {"client_id": None},
        ],
        ids=str,
    )
    async def test_redirects_to_no_other_address_than_the_clients(
        self, pool: PagesPool, browser: httpx2.AsyncClient, changes: dict[str, str | None]
    ) -> None:
        answer = await browser.get(pool.authorize(Pkce(), **changes))
        assert (answer.status_code, answer.headers.get("location")) == (400, None)

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": "openid phone"}, "invalid_scope"),
            ({"prompt": "none"}, "login_required"),
        ],
        ids=str,
    )
    async def test_gives_the_client_the_error_and_its_state(
        self, pool: PagesPool, browser: httpx2.AsyncClient, changes: dict[str, str | None], error: str
    ) -> None:
        answer = await browser.get(pool.authorize(Pkce(), **changes))
        assert given_to_app(answer) == {"error": error, "state": "a state & more"}

    async def test_refuses_a_parameter_that_stands_twice(self, pool: PagesPool, browser: httpx2.AsyncClient) -> None:
        answer = await browser.get(pool.authorize(Pkce()) + "&redirect_uri=https://evil.example/")
        assert answer.status_code == 400

    async def test_is_not_there_for_members(self, pool: PagesPool, browser: httpx2.AsyncClient) -> None:
        members = pool.parameters["members-client-id"]
        assert (await browser.get(pool.authorize(Pkce(), client_id=members))).status_code == 400

    async def test_echoes_no_state_that_was_not_given(self, pool: PagesPool, person: Person) -> None:
        async with pool.browser() as browser:
            given = await come_in(browser, pool.authorize(Pkce(), state=None), person)
        assert given.keys() == {"code"}


class TestCode:
    @pytest.fixture
    async def proof(self) -> Pkce:
        return Pkce()

    @pytest.fixture
    async def code(self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient, proof: Pkce) -> str:
        given = await come_in(browser, pool.authorize(proof), person)
        assert given["state"] == "a state & more"
        return given["code"]

    async def test_becomes_tokens_of_the_pool(self, pool: PagesPool, person: Person, code: str, proof: Pkce) -> None:
        answer = await pool.redeem(code, proof)
        assert answer.headers["cache-control"] == "no-store"
        tokens = answer.json()
        keys = jwt.PyJWKClient(pool.parameters["operators-jwks-url"])
        signed_by = await asyncio.to_thread(keys.get_signing_key_from_jwt, tokens["id_token"])
        found = jwt.decode(
            tokens["id_token"],
            signed_by.key,
            ["RS256"],
            audience=pool.client_id,
            issuer=pool.parameters["operators-issuer"],
        )
        assert (found["nonce"], found["email"], found["token_use"]) == ("a nonce", person.email, "id")
        assert claims(tokens["access_token"])["username"] == person.email

    @pytest.mark.parametrize(
        "changes",
        [
            {"code_verifier": "x" * 43},
            {"code_verifier": None},
            {"code_verifier": ""},
            {"redirect_uri": PUBLIC_URL},
            {"redirect_uri": None},
        ],
        ids=str,
    )
    async def test_is_worth_nothing_after_a_wrong_proof_or_address(
        self, pool: PagesPool, code: str, proof: Pkce, changes: dict[str, str | None]
    ) -> None:
        for answer in (await pool.redeem(code, proof, **changes), await pool.redeem(code, proof)):
            assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})

    @pytest.mark.parametrize("auth", [None, ("", "")], ids=["none", "empty"])
    async def test_needs_the_secret(self, pool: PagesPool, code: str, proof: Pkce, auth: Any) -> None:
        for wrong in (auth, (pool.client_id, "guessed"), (pool.client_id, "")):
            answer = await pool.redeem(code, proof, auth=wrong)
            assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
        assert (await pool.redeem(code, proof)).status_code == 200

    async def test_is_of_its_client_alone(self, pool: PagesPool, code: str, proof: Pkce) -> None:
        made = await pool.cognito.create_user_pool_client(
            UserPoolId=pool.operators.pool_id,
            ClientName="another",
            GenerateSecret=True,
            CallbackURLs=[CALLBACK],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=["code"],
            AllowedOAuthScopes=["openid", "email"],
        )
        another = made["UserPoolClient"]
        secret = (another["ClientId"], another["ClientSecret"])
        assert (await pool.redeem(code, proof, auth=secret)).json() == {"error": "invalid_grant"}
        await pool.cognito.delete_user_pool_client(UserPoolId=pool.operators.pool_id, ClientId=another["ClientId"])
        assert (await pool.redeem(code, proof)).status_code == 200

    async def test_that_is_used_twice_ends_what_came_of_it(self, pool: PagesPool, code: str, proof: Pkce) -> None:
        tokens = (await pool.redeem(code, proof)).json()
        assert (await pool.redeem(code, proof)).json() == {"error": "invalid_grant"}
        refreshed = await refresh(pool, tokens["refresh_token"])
        assert (refreshed.status_code, refreshed.json()) == (400, {"error": "invalid_grant"})

    async def test_is_taken_once_of_many_at_a_time(self, pool: PagesPool, code: str, proof: Pkce) -> None:
        answers = await asyncio.gather(*(pool.redeem(code, proof) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers)[1:] == [400] * 9

    async def test_is_worth_nothing_once_its_operator_is_disabled(
        self, pool: PagesPool, person: Person, code: str, proof: Pkce
    ) -> None:
        await pool.operators.disable(person.email)
        assert (await pool.redeem(code, proof)).json() == {"error": "invalid_grant"}


async def refresh(pool: PagesPool, token: str, **changes: Any) -> httpx2.Response:
    auth = changes.pop("auth", pool.secret)
    return await pool.post("token", auth=auth, grant_type="refresh_token", refresh_token=token)


class TestRefreshToken:
    @pytest.fixture
    async def token(self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient) -> str:
        proof = Pkce()
        given = await come_in(browser, pool.authorize(proof), person)
        found: str = (await pool.redeem(given["code"], proof)).json()["refresh_token"]
        return found

    async def test_brings_tokens_with_the_roles_of_now(self, pool: PagesPool, person: Person, token: str) -> None:
        from tatemono.domain.operators.roles import Role  # noqa: PLC0415 - one test needs it

        await pool.operators.set_role(person.email, Role.VIEWER)
        tokens = (await refresh(pool, token)).json()
        assert claims(tokens["access_token"])["cognito:groups"] == ["viewer"]
        assert claims(tokens["access_token"])["exp"] > time.time()

    async def test_needs_the_secret(self, pool: PagesPool, token: str) -> None:
        answer = await refresh(pool, token, auth=(pool.client_id, "guessed"))
        assert answer.json() == {"error": "invalid_client"}

    @pytest.mark.parametrize("change", [lambda token: token[:-3] + "abc", lambda _: "", lambda _: "a.b.c"])
    async def test_that_was_altered_is_refused(self, pool: PagesPool, token: str, change: Callable[[str], str]) -> None:
        assert (await refresh(pool, change(token))).json() == {"error": "invalid_grant"}

    async def test_ends_when_it_is_revoked(self, pool: PagesPool, token: str) -> None:
        assert (await pool.post("revoke", auth=(pool.client_id, "guessed"), token=token)).status_code == 401
        assert (await refresh(pool, token)).status_code == 200
        assert (await pool.post("revoke", auth=pool.secret, token="unknown")).status_code == 200
        assert (await pool.post("revoke", auth=pool.secret, token=token)).status_code == 200
        assert (await refresh(pool, token)).json() == {"error": "invalid_grant"}

    async def test_ends_with_its_operator(self, pool: PagesPool, person: Person, token: str) -> None:
        await pool.operators.disable(person.email)
        assert (await refresh(pool, token)).json() == {"error": "invalid_grant"}


class TestSigningOut:
    def log_out(self, pool: PagesPool, **changes: str) -> dict[str, str]:
        return {"client_id": pool.client_id, "logout_uri": f"{PUBLIC_URL}/"} | changes

    async def test_makes_the_pages_ask_again(
        self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient
    ) -> None:
        await come_in(browser, pool.authorize(Pkce()), person)
        assert "code" in given_to_app(await browser.get(pool.authorize(Pkce())))
        again = await page_after(browser, await browser.get(pool.authorize(Pkce(), prompt="login")))
        assert 'name="password"' in again.text
        left = await browser.get("/logout", params=self.log_out(pool))
        assert left.headers["location"] == f"{PUBLIC_URL}/"
        page = await page_after(browser, await browser.get(pool.authorize(Pkce())))
        assert 'name="password"' in page.text

    async def test_by_the_operators_administrator_does_so_too(
        self, pool: PagesPool, person: Person, browser: httpx2.AsyncClient
    ) -> None:
        await come_in(browser, pool.authorize(Pkce()), person)
        await pool.cognito.admin_user_global_sign_out(UserPoolId=pool.operators.pool_id, Username=person.email)
        page = await page_after(browser, await browser.get(pool.authorize(Pkce())))
        assert 'name="password"' in page.text

    @pytest.mark.parametrize("changes", [{"logout_uri": "https://evil.example/"}, {"client_id": "unknown"}], ids=str)
    async def test_leads_nowhere_else(
        self, pool: PagesPool, browser: httpx2.AsyncClient, changes: dict[str, str]
    ) -> None:
        answer = await browser.get("/logout", params=self.log_out(pool, **changes))
        assert (answer.status_code, answer.headers.get("location")) == (400, None)


class TestMiniStacksOwn:
    @pytest.mark.parametrize(
        "headers", [{}, {"authorization": "AWS4-HMAC-SHA256 Credential=x"}], ids=["plain", "signed"]
    )
    @pytest.mark.parametrize("path", ["/oauth2/userInfo", "/oauth2/login", "/oauth2/idpresponse", "/saml2/idpresponse"])
    async def test_are_closed(self, browser: httpx2.AsyncClient, path: str, headers: dict[str, str]) -> None:
        for method in ("GET", "POST"):
            assert (await browser.request(method, path, headers=headers)).status_code == 404
