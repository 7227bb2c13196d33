"""A person's browser on the sign-in pages of the operators' user pool, without the browser."""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from conftest import CloudEndpoint
from operators import code_now
from tatemono.domain.operators.roles import Role
from tatemono_tools.laptop.operate.operators import OperatorPool
from tatemono_tools.laptop.provision.cloud_resources import open_cloud
from tatemono_tools.laptop.provision.identity_resources import Pools, ensure_pools
from tatemono_tools.plan.building import Plan

PUBLIC_URL = "https://pictures.example.jp"
CALLBACK = f"{PUBLIC_URL}/sign-in/callback"
NEW_PASSWORD = "four unrelated words here"


@dataclass(frozen=True)
class PagesPool:
    """The plan's operators' pool, made for one module, and what its app client knows."""

    endpoint_url: str
    operators: OperatorPool
    cognito: Any
    made: Pools

    @property
    def parameters(self) -> dict[str, str]:
        return self.made.parameters

    @property
    def client_id(self) -> str:
        return self.operators.client_id

    @property
    def secret(self) -> tuple[str, str]:
        return self.operators.client_id, self.operators.client_secret

    async def invited(self, role: Role = Role.SUPPORT) -> "Person":
        email = f"{secrets.token_hex(6)}@example.jp"
        return Person(email, await self.operators.invite(email, role))

    def browser(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.endpoint_url)

    def authorize(self, proof: "Pkce", **changes: str | None) -> str:
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid email",
            "state": "a state & more",
            "nonce": "a nonce",
            "code_challenge": proof.challenge,
            "code_challenge_method": "S256",
        }
        return "/oauth2/authorize?" + urlencode({k: v for k, v in {**query, **changes}.items() if v is not None})

    async def redeem(self, code: str, proof: "Pkce", **changes: Any) -> httpx2.Response:
        auth = changes.pop("auth", self.secret)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": proof.verifier,
        }
        return await self.post("token", auth=auth, **{**form, **changes})

    async def post(self, endpoint: str, *, auth: tuple[str, str] | None = None, **form: Any) -> httpx2.Response:
        async with self.browser() as server:
            data = {name: value for name, value in form.items() if value is not None}
            if auth is None:
                return await server.post(f"/oauth2/{endpoint}", data=data)
            return await server.post(f"/oauth2/{endpoint}", data=data, auth=auth)


@dataclass
class Person:
    """:ivar steps_behind: of the authenticator app's codes, which are good once: one later for each sign-in"""

    email: str
    password: str
    app_secret: str = ""
    steps_behind: int = field(default=1)

    def code(self) -> str:
        shown = code_now(self.app_secret, late_by_seconds=30 * self.steps_behind)
        self.steps_behind -= 1
        return shown


class Pkce:
    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def page_after(browser: httpx2.AsyncClient, answer: httpx2.Response) -> httpx2.Response:
    """Follow redirects within the pages; the last answer is a page, or leads away."""
    while answer.is_redirect and not urlsplit(answer.headers["location"]).netloc:
        answer = await browser.get(answer.headers["location"])
    return answer


def hidden(page: httpx2.Response) -> str:
    found = re.search(r'name="sign_in" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def says(page: httpx2.Response) -> str:
    found = re.search(r'role="alert">([^<]*)<', page.text)
    return html.unescape(found[1]) if found else ""


async def fill(browser: httpx2.AsyncClient, page: httpx2.Response, **fields: str) -> httpx2.Response:
    answer = await browser.post("/login", data={"sign_in": hidden(page), **fields})
    return await page_after(browser, answer)


async def give_password(browser: httpx2.AsyncClient, address: str, person: Person) -> httpx2.Response:
    page = await page_after(browser, await browser.get(address))
    return await fill(browser, page, username=person.email, password=person.password)


async def come_in(browser: httpx2.AsyncClient, address: str, person: Person) -> dict[str, str]:
    """All steps that the pages ask for. :returns: the parameters that the app is given"""
    page = await give_password(browser, address, person)
    if 'name="again"' in page.text:
        page = await fill(browser, page, password=NEW_PASSWORD, again=NEW_PASSWORD)
        person.password = NEW_PASSWORD
    if key := re.search(r'class="key">([A-Z2-7 ]+)<', page.text):
        person.app_secret = key[1].replace(" ", "")
    answer = await fill(browser, page, code=person.code())
    assert answer.is_redirect, says(answer)
    return given_to_app(answer)


def given_to_app(answer: httpx2.Response) -> dict[str, str]:
    place = urlsplit(answer.headers["location"])
    assert place._replace(query="").geturl() == CALLBACK
    return {name: values[0] for name, values in parse_qs(place.query).items()}


@asynccontextmanager
async def pages_pool(cloud: CloudEndpoint, plan: Plan) -> AsyncIterator[PagesPool]:
    async with open_cloud(
        cloud.endpoint_url,
        region=cloud.region,
        access_key_id=cloud.access_key_id,
        secret_access_key=cloud.secret_access_key,
    ) as opened:
        prefix = f"pages-{secrets.token_hex(4)}-"
        made = await ensure_pools(opened, plan.identity, prefix=prefix, public_url=PUBLIC_URL, stored={})
        secret = made.client_secrets[plan.identity.user_pools["operators"].client.secret]
        client_id = made.parameters["operators-client-id"]
        operators = OperatorPool(opened.cognito_idp, made.ids["operators"], client_id, secret)
        yield PagesPool(cloud.endpoint_url, operators, opened.cognito_idp, made)
