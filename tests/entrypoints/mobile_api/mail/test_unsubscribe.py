"""Unsubscribing, as a person does it on the page and as a mail reader does it with one click."""

import base64
import hashlib
import re
from collections.abc import Callable

import httpx2
import pytest

from mail_examples import mail_of
from phone import Phone
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.unsubscribe_links import PATH, UnsubscribeLinks
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.sending import address_digest
from tatemono.entrypoints.mobile_api.mail.unsubscribe_page import KINDS

pytest_plugins = ["mobile_api"]

ADDRESS = "someone@example.com"


@pytest.fixture
def client(new_phone: Callable[[], Phone]) -> httpx2.AsyncClient:
    """A person who has not signed in, and never will."""
    return new_phone().client


@pytest.fixture
def links(backend: MobileApiBackend) -> UnsubscribeLinks:
    return backend.unsubscribe_links


async def unsubscribed(backend: MobileApiBackend) -> list[tuple[bytes, str]]:
    return [tuple(row) for row in await backend.db._pool.fetch("select digest, kind from mail_unsubscribes")]


class TestThePage:
    @pytest.mark.parametrize(
        ("language", "title", "button"),
        [("en", "Unsubscribe?", "Unsubscribe"), ("ja", "配信を停止しますか？", "配信を停止する")],
    )
    async def test_asks_and_changes_nothing(  # noqa: PLR0917 - fixtures
        self,
        client: httpx2.AsyncClient,
        backend: MobileApiBackend,
        links: UnsubscribeLinks,
        language: str,
        title: str,
        button: str,
    ) -> None:
        page = await client.get(links.link(ADDRESS, MailKind.ANNOUNCEMENT), headers={"accept-language": language})
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f'<html lang="{language}">' in page.text
        assert f"<h1>{title}</h1>" in page.text
        assert f">{button}</button>" in page.text
        assert ADDRESS not in page.text
        assert await unsubscribed(backend) == []

    async def test_loads_nothing_and_tells_nobody_its_address(
        self, client: httpx2.AsyncClient, links: UnsubscribeLinks
    ) -> None:
        page = await client.get(links.link(ADDRESS, MailKind.ANNOUNCEMENT))
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        style = re.search(r"<style>(.*)</style>", page.text, re.DOTALL)
        assert style is not None
        assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"

    async def test_unsubscribes_with_its_button(
        self, client: httpx2.AsyncClient, backend: MobileApiBackend, links: UnsubscribeLinks
    ) -> None:
        link = links.link(ADDRESS, MailKind.ANNOUNCEMENT)
        for _ in range(2):
            done = await client.post(link, data={"List-Unsubscribe": "One-Click"})
            assert done.status_code == 200
            assert "You are unsubscribed" in done.text
        assert await unsubscribed(backend) == [(address_digest(ADDRESS), "announcement")]


class TestOneClick:
    @pytest.mark.parametrize("multipart", [False, True])
    async def test_of_a_mail_reader_unsubscribes(
        self,
        client: httpx2.AsyncClient,
        backend: MobileApiBackend,
        links: UnsubscribeLinks,
        multipart: bool,
    ) -> None:
        letter = JinjaEmailRenderer(links).write(mail_of(MailKind.ANNOUNCEMENT, to=ADDRESS))
        link = letter.headers["List-Unsubscribe"].strip("<>")
        name, _, value = letter.headers["List-Unsubscribe-Post"].partition("=")
        done = await (
            client.post(link, files={name: (None, value)}) if multipart else client.post(link, data={name: value})
        )
        assert done.status_code == 200
        assert await unsubscribed(backend) == [(address_digest(ADDRESS), "announcement")]


class TestALinkThatIsNotWhole:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_is_refused_with_a_page(
        self, client: httpx2.AsyncClient, backend: MobileApiBackend, links: UnsubscribeLinks, method: str
    ) -> None:
        token = links.link(ADDRESS, MailKind.ANNOUNCEMENT).partition("token=")[2]
        digest = token.split(".")[2]
        other = UnsubscribeLinks(b"another key", public_url="https://elsewhere.example")
        wrong = [
            "",
            token[:-1],
            token + "A",
            token.replace("announcement", "account_deleted"),
            token.replace(digest, digest[::-1]),
            other.link(ADDRESS, MailKind.ANNOUNCEMENT).partition("token=")[2],
            "...",
            "1.announcement.é.ü",
        ]
        for each in wrong:
            answer = await client.request(method, PATH, params={"token": each}, headers={"accept-language": "ja"})
            assert answer.status_code == 422, each
            assert "このリンクは使えません" in answer.text
        assert await unsubscribed(backend) == []


class TestThePageSKinds:
    def test_have_names_in_both_languages(self) -> None:
        assert {kind for kind in MailKind if kind.optional} == set(KINDS)
        assert all(set(names) == {"en", "ja"} for names in KINDS.values())


class TestLinks:
    @pytest.mark.parametrize("kind", [kind for kind in MailKind if not kind.optional])
    def test_are_not_made_for_mail_that_concerns_the_account(self, links: UnsubscribeLinks, kind: MailKind) -> None:
        with pytest.raises(ValueError, match="cannot be unsubscribed"):
            links.link(ADDRESS, kind)
