"""The admin site: signing in and out, what a session is worth, and what the pages say."""

import asyncio
import secrets
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx2
import pytest

from sign_in_pages import PUBLIC_URL, Person, come_in
from site_visits import Site, form_token
from tatemono.domain.operators.roles import Act, Operation, Operator, Role
from tatemono.domain.operators.sessions import IDLE, LIFETIME, OperatorTokenSet

pytest_plugins = ["admin_site"]


@pytest.fixture
async def person(site: Site) -> Person:
    return await site.pool.invited()


def cookie(answer: httpx2.Response, name: str) -> str:
    (found,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}=")]
    return found


class TestSignIn:
    async def test_begins_with_state_nonce_and_challenge_that_are_new_each_time(self, site: Site) -> None:
        async with site.browser() as browser:
            began = [await browser.get("/sign-in") for _ in range(2)]
        first, second = (parse_qs(urlsplit(answer.headers["location"]).query) for answer in began)
        assert first["code_challenge_method"] == ["S256"]
        assert first["redirect_uri"] == [f"{PUBLIC_URL}/sign-in/callback"]
        for name in ("state", "nonce", "code_challenge"):
            assert len(first[name][0]) == 43
            assert first[name] != second[name]
        kept = cookie(began[0], "__Host-sign-in")
        assert not any(first[name][0] in kept for name in ("state", "nonce"))

    async def test_ends_on_the_start_page_with_name_and_role(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            answer = await site.sign_in(browser, person)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            given = cookie(answer, "__Host-session")
            assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(given.split("; "))
            assert "Domain" not in given
            page = await browser.get("/")
        assert f"<h1>{person.email}</h1>" in page.text
        assert '<span class="tag">support</span>' in page.text
        assert "Suspend a person" in page.text
        assert "See what all operators did" not in page.text
        assert "Firefox · Linux" in page.text

    async def test_keeps_tokens_and_cookies_out_of_sight(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            token = browser.cookies["__Host-session"]
            page = await browser.get("/")
        row = await site.database.fetchrow("select * from operator_sessions where operator_email = $1", person.email)
        content = site.dependencies.sealing.open(row["sealed_tokens"], row["id"].bytes)
        assert content is not None
        tokens = OperatorTokenSet.of_content(content)
        stored = repr(dict(row))
        for hidden in (token, tokens.access_token, tokens.refresh_token):
            assert hidden not in stored
            assert hidden not in page.text
        assert len(token) >= 22
        # What is sealed for one session opens no other.
        assert site.dependencies.sealing.open(row["sealed_tokens"], uuid4().bytes) is None

    @pytest.mark.parametrize("changes", [{"state": "another"}, {"state": ""}], ids=str)
    async def test_needs_its_own_state(self, site: Site, person: Person, changes: dict[str, str]) -> None:
        async with site.browser() as browser, site.pool.browser() as pages:
            began = await browser.get("/sign-in")
            given = await come_in(pages, began.headers["location"], person)
            answer = await browser.get("/sign-in/callback", params=given | changes)
            assert (answer.status_code, "__Host-session" in browser.cookies) == (422, False)
            assert "sign_in_lost" in answer.text

    async def test_is_of_the_browser_that_began_it(self, site: Site, person: Person) -> None:
        async with site.browser() as attacker, site.browser() as victim, site.pool.browser() as pages:
            began = await attacker.get("/sign-in")
            given = await come_in(pages, began.headers["location"], person)
            assert (await victim.get("/sign-in/callback", params=given)).status_code == 422
            await victim.get("/sign-in")
            assert (await victim.get("/sign-in/callback", params=given)).status_code == 422
            assert "__Host-session" not in victim.cookies

    async def test_takes_no_code_of_another_sign_in(self, site: Site, person: Person) -> None:
        """A stolen code, put into a sign-in that was begun properly: PKCE refuses it."""
        async with site.browser() as victim, site.browser() as attacker, site.pool.browser() as pages:
            stolen = (await come_in(pages, (await victim.get("/sign-in")).headers["location"], person))["code"]
            began = parse_qs(urlsplit((await attacker.get("/sign-in")).headers["location"]).query)
            answer = await attacker.get("/sign-in/callback", params={"code": stolen, "state": began["state"][0]})
            assert (answer.status_code, "__Host-session" in attacker.cookies) == (422, False)

    async def test_takes_a_code_once(self, site: Site, person: Person) -> None:
        async with site.browser() as browser, site.pool.browser() as pages:
            given = await come_in(pages, (await browser.get("/sign-in")).headers["location"], person)
            kept = browser.cookies["__Host-sign-in"]
            assert (await browser.get("/sign-in/callback", params=given)).status_code == 303
            assert "__Host-sign-in" not in browser.cookies
            browser.cookies.set("__Host-sign-in", kept)
            assert (await browser.get("/sign-in/callback", params=given)).status_code == 422

    async def test_is_over_after_ten_minutes(self, site: Site, person: Person) -> None:
        async with site.browser() as browser, site.pool.browser() as pages:
            given = await come_in(pages, (await browser.get("/sign-in")).headers["location"], person)
            site.clock.ahead = timedelta(minutes=10)
            assert (await browser.get("/sign-in/callback", params=given)).status_code == 422

    async def test_says_when_the_pages_decline(self, site: Site) -> None:
        async with site.browser() as browser:
            state = parse_qs(urlsplit((await browser.get("/sign-in")).headers["location"]).query)["state"][0]
            answer = await browser.get("/sign-in/callback", params={"error": "access_denied", "state": state})
        assert answer.status_code == 403
        assert "sign_in_declined" in answer.text

    async def test_gives_another_session_in_place_of_the_one_before(self, site: Site, person: Person) -> None:
        async with site.browser() as browser, site.browser() as thief:
            await site.sign_in(browser, person)
            before = browser.cookies["__Host-session"]
            await site.sign_in(browser, person)
            assert browser.cookies["__Host-session"] != before
            thief.cookies.set("__Host-session", before)
            assert "The operators&#39; site" in (await thief.get("/")).text

    async def test_shows_who_has_no_role_nothing_else(self, site: Site, person: Person) -> None:
        await site.pool.cognito.admin_remove_user_from_group(
            UserPoolId=site.pool.operators.pool_id, Username=person.email, GroupName="support"
        )
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            page = await browser.get("/")
        assert page.status_code == 403
        assert "You have no role yet" in page.text


class TestCookies:
    async def test_of_others_that_are_odd_do_no_harm(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            ours = f"__Host-session={browser.cookies['__Host-session']}"
            browser.cookies.clear()
            among = f'{{"a": 1}}; [x]=ü; =; b="; {ours}; c'.encode()
            page = await browser.get("/", headers=[(b"cookie", among)])
        assert person.email in page.text


class TestSession:
    async def test_is_refused_when_it_is_guessed(self, site: Site) -> None:
        async with site.browser() as browser:
            for guess in ("", "x", "x" * 43, secrets.token_urlsafe(32), "x" * 4000):
                browser.cookies.set("__Host-session", guess)
                assert "Sign in</a>" in (await browser.get("/")).text

    async def test_ends_after_thirty_idle_minutes(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            await site.database.execute("update operator_sessions set last_used_at = now() - $1::interval", IDLE)
            page = await browser.get("/")
            assert "You are signed out" in page.text
            assert "__Host-session" not in browser.cookies

    async def test_ends_after_twelve_hours_however_busy(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            left = await site.database.fetchval("select expires_at - created_at from operator_sessions")
            assert abs(left - LIFETIME) < timedelta(minutes=1)
            await site.database.execute("update operator_sessions set expires_at = now()")
            assert "You are signed out" in (await browser.get("/")).text

    async def test_has_the_role_of_now_after_a_minute(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            await site.pool.operators.set_role(person.email, Role.VIEWER)
            site.clock.ahead = timedelta(seconds=60)
            assert '<span class="tag">viewer</span>' in (await browser.get("/")).text

    async def test_ends_a_minute_after_its_operator_was_disabled(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            await site.pool.operators.disable(person.email)
            site.clock.ahead = timedelta(seconds=60)
            assert "You are signed out" in (await browser.get("/")).text
        assert await site.database.fetchval("select count(*) from operator_sessions") == 0

    async def test_asks_for_new_tokens_once_for_many_requests(self, site: Site, person: Person) -> None:
        asked = []

        async def note(request: httpx2.Request) -> None:
            asked.append(request.url.path)

        async with site.browser() as browser:
            await site.sign_in(browser, person)
            site.dependencies.pool._client.event_hooks = {"request": [note]}
            site.clock.ahead = timedelta(seconds=61)
            pages = await asyncio.gather(*(browser.get("/") for _ in range(8)))
        assert [person.email in page.text for page in pages] == [True] * 8
        assert asked == ["/oauth2/token"]

    async def test_waits_for_new_tokens_when_the_old_are_over(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            await self._age(site)
            pages = await asyncio.gather(*(browser.get("/") for _ in range(4)))
        assert [person.email in page.text for page in pages] == [True] * 4

    async def _age(self, site: Site) -> None:
        """Tokens whose end has come, as the site knows."""
        row = await site.database.fetchrow("select id, sealed_tokens from operator_sessions")
        content = site.dependencies.sealing.open(row["sealed_tokens"], row["id"].bytes)
        assert content is not None
        tokens = OperatorTokenSet.of_content(content)
        old = OperatorTokenSet(tokens.access_token, tokens.refresh_token, 1)
        sealed = site.dependencies.sealing.seal(old.content(), row["id"].bytes)
        await site.database.execute(
            "update operator_sessions set sealed_tokens = $1, fetched_at = now() - interval '2 minutes'", sealed
        )

    async def test_goes_on_while_cognito_is_away_as_long_as_its_token_is_good(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            # No server listens there.
            site.dependencies.pool._client.base_url = httpx2.URL("http://127.0.0.1:9")
            site.clock.ahead = timedelta(seconds=61)
            assert person.email in (await browser.get("/")).text
            await self._age(site)
            page = await browser.get("/")
            assert (page.status_code, page.headers["retry-after"]) == (503, "2")
            assert "operators_pool_away" in page.text


class TestSigningOut:
    async def test_ends_the_session_and_its_tokens_and_the_pages_memory(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            row = await site.database.fetchrow("select id, sealed_tokens from operator_sessions")
            kept = browser.cookies["__Host-session"]
            answer = await browser.post("/sign-out", data={"form_token": form_token(await browser.get("/"))})
            place = urlsplit(answer.headers["location"])
            assert (answer.status_code, place.path) == (303, "/logout")
            assert parse_qs(place.query)["logout_uri"] == [f"{PUBLIC_URL}/"]
            assert "__Host-session" not in browser.cookies
            browser.cookies.set("__Host-session", kept)
            assert "Sign in</a>" in (await browser.get("/")).text
        content = site.dependencies.sealing.open(row["sealed_tokens"], row["id"].bytes)
        assert content is not None
        refused = await site.pool.post(
            "token",
            auth=site.pool.secret,
            grant_type="refresh_token",
            refresh_token=OperatorTokenSet.of_content(content).refresh_token,
        )
        assert refused.json() == {"error": "invalid_grant"}

    async def test_needs_a_form_of_this_session(self, site: Site, person: Person) -> None:
        async with site.browser() as browser, site.browser() as other:
            await site.sign_in(browser, person)
            await site.sign_in(other, person)
            good, others = [form_token(await one.get("/")) for one in (browser, other)]
            wrong: list[tuple[dict[str, str], dict[str, str]]] = [
                ({}, {}),
                ({"form_token": ""}, {}),
                ({"form_token": others}, {}),
                ({"form_token": good}, {"origin": "https://evil.example"}),
                ({"form_token": good}, {"origin": "null"}),
                ({"form_token": good}, {"sec-fetch-site": "cross-site"}),
                ({"form_token": good}, {"sec-fetch-site": "same-site"}),
                ({"form_token": good}, {"content-type": "text/plain"}),
            ]
            for form, headers in wrong:
                for path in ("/sign-out", f"/sign-ins/{uuid4()}/end"):
                    answer = await browser.post(path, data=form, headers=headers)
                    assert (answer.status_code, "form_not_ours" in answer.text) == (403, True), (form, headers)
            assert (await browser.get("/sign-out")).status_code == 405
            assert person.email in (await browser.get("/")).text

    async def test_works_for_another_browser_of_the_same_operator(self, site: Site, person: Person) -> None:
        async with site.browser() as here, site.browser() as there:
            await site.sign_in(there, person)
            await site.sign_in(here, person)
            other = await self._id(site, there)
            page = await here.get("/")
            assert page.text.count("/end") == 2
            answer = await here.post(f"/sign-ins/{other}/end", data={"form_token": form_token(page)})
            assert answer.headers["location"] == "/"
            assert "You are signed out" in (await there.get("/")).text
            page = await here.get("/")
            assert page.text.count("/end") == 1
            answer = await here.post(
                f"/sign-ins/{await self._id(site, here)}/end", data={"form_token": form_token(page)}
            )
            assert urlsplit(answer.headers["location"]).path == "/logout"

    @pytest.mark.parametrize("over", ["expires_at = now()", "last_used_at = now() - interval '30 minutes'"])
    async def test_is_not_offered_of_what_is_over(self, site: Site, person: Person, over: str) -> None:
        async with site.browser() as here, site.browser() as there:
            await site.sign_in(there, person)
            await site.sign_in(here, person)
            statement = f"update operator_sessions set {over} where id = $1"
            await site.database.execute(statement, await self._id(site, there))
            assert (await here.get("/")).text.count("/end") == 1

    async def test_does_nothing_to_another_operator(self, site: Site, person: Person) -> None:
        another = await site.pool.invited(Role.ADMIN)
        async with site.browser() as mine, site.browser() as theirs:
            await site.sign_in(mine, person)
            await site.sign_in(theirs, another)
            theirs_id = await self._id(site, theirs)
            page = await mine.get("/")
            assert str(theirs_id) not in page.text
            await mine.post(f"/sign-ins/{theirs_id}/end", data={"form_token": form_token(page)})
            assert another.email in (await theirs.get("/")).text

    async def _id(self, site: Site, browser: httpx2.AsyncClient) -> UUID:
        from tatemono.domain.operators.sessions import SessionToken  # noqa: PLC0415 - as the site does it

        digest = SessionToken(browser.cookies["__Host-session"]).digest
        found: UUID = await site.database.fetchval("select id from operator_sessions where token_hash = $1", digest)
        return found


class TestPages:
    async def test_show_ones_own_acts_and_nobody_elses(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            sub = await site.database.fetchval("select operator_id from operator_sessions")
            for operator, reason in ((sub, "<b>Spam</b>"), ("somebody else", "Not shown")):
                act = Act(Operator(operator, person.email, frozenset()), reason, "request", "203.0.113.1")
                await self._record(site, act)
            page = await browser.get("/")
        assert "&lt;b&gt;Spam&lt;/b&gt;" in page.text
        assert "Not shown" not in page.text
        assert "Ended the suspension" in page.text

    async def _record(self, site: Site, act: Act) -> None:
        await site.database.execute(
            "insert into audit_records (operator_id, operator_email, action, user_id, reason, request_id, address)"
            " values ($1, $2, $3, $4, $5, $6, $7)",
            act.operator.id,
            act.operator.email,
            Operation.RESTORE_PERSON,
            uuid4(),
            act.reason,
            act.request_id,
            act.address,
        )

    async def test_speak_the_language_of_the_browser_or_the_one_chosen(self, site: Site) -> None:
        async with site.browser() as browser:
            browser.headers["accept-language"] = "ja"
            assert '<html lang="ja">' in (await browser.get("/")).text
            answer = await browser.get("/", params={"language": "en"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            page = await browser.get("/")
            assert '<html lang="en">' in page.text
            assert page.headers["content-language"] == "en"
            assert '<html lang="en">' in (await browser.get("/nothing")).text

    async def test_have_headers_that_keep_them_alone(self, site: Site, person: Person) -> None:
        async with site.browser() as browser:
            await site.sign_in(browser, person)
            for path in ("/", "/nothing", "/sign-in/callback"):
                page = await browser.get(path)
                policy = page.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "script" not in policy
                assert page.headers["cache-control"] == "no-store"
                assert page.headers["x-frame-options"] == "DENY"
                assert page.headers["x-content-type-options"] == "nosniff"
                assert "<script" not in page.text
                assert " style=" not in page.text

    async def test_are_for_allowed_addresses_through_the_front_door(self, site: Site) -> None:
        async with site.browser(address="198.51.100.1") as outsider:
            for path in ("/", "/sign-in", "/sign-in/callback", "/site.css", "/nothing"):
                page = await outsider.get(path)
                assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
                assert "address_not_allowed" in page.text
        async with site.browser(origin="guessed") as direct:
            assert "origin_not_verified" in (await direct.get("/")).text
        async with site.browser(address="", origin="") as balancer:
            assert (await balancer.get("/healthz")).status_code == 200

    async def test_have_their_look_in_one_file(self, site: Site) -> None:
        async with site.browser() as browser:
            style = await browser.get("/site.css")
        assert style.headers["content-type"].startswith("text/css")
        assert "http" not in style.text
        assert "url(" not in style.text


class TestDatabaseRole:
    async def test_sees_sessions_and_nothing_else(self, site: Site) -> None:
        for table in ("users", "audit_records", "sessions", "devices", "pictures"):
            with pytest.raises(Exception, match="permission denied"):
                await site.dependencies.db._pool.fetch(f"select * from {table}")
