"""The laptop's inbox, over HTTP, with mail that the embedded cloud has sent."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from conftest import CloudEndpoint
from mail_examples import mail_of
from mail_pipeline import MailPipeline, mail_pipeline
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.email_rendering import JinjaEmailRenderer
from tatemono.adapters.ses.sender import SesSender
from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.message import MailKind
from tatemono_tools.laptop.inbox_page.app import Mailbox, make_app

__all__ = ["mail_pipeline"]

WRITER = JinjaEmailRenderer(UnsubscribeLinks(b"a key", public_url="https://tatemono.example"))


@pytest.fixture
async def client(aws_environment: CloudEndpoint) -> AsyncIterator[httpx2.AsyncClient]:
    box = Mailbox(aws_environment.endpoint_url, aws_environment.secret_access_key)
    app: Any = make_app(box, public_url="https://tatemono.example")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:1") as http:
        yield http
    await box.close()


@pytest.fixture
def send(mail_pipeline: MailPipeline) -> Callable[[MailKind, str], Any]:
    async def one(kind: MailKind, to: str) -> str:
        async with aws_clients("sesv2", attempts=1) as (ses,):
            environment = mail_pipeline.environment
            sender = SesSender(
                ses, sender=environment["MAIL_SENDER"], configuration_set=environment["MAIL_CONFIGURATION_SET"]
            )
            return await sender.send(WRITER.write(mail_of(kind, to=to)), to=to, tags={"kind": kind.value})

    return one


async def found(client: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    mails = (await client.get("/mails")).json()["mails"]
    (mail,) = [mail for mail in mails if mail["to"] == address]
    return dict(mail)


class TestInboxPage:
    async def test_shows_a_mail_as_html_text_and_headers(self, client: httpx2.AsyncClient, send: Any) -> None:
        to = mail_of().to
        message_id = await send(MailKind.ANNOUNCEMENT, to)
        mail = await found(client, to)
        assert (mail["kind"], mail["outcomes"], mail["html"]) == ("announcement", ["Send", "Delivery"], True)
        read = (await client.get(f"/mails/{mail['number']}")).json()
        headers = dict(read["headers"])
        assert headers["Message-ID"] == f"<{message_id}>"
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert headers["X-SES-MESSAGE-TAGS"] == "kind=announcement"
        assert read["text"].startswith(mail["subject"])
        html = await client.get(f"/mails/{mail['number']}/html")
        assert "It stays yours." in html.text
        assert html.text.startswith("<!doctype html>")

    async def test_lets_a_mail_do_nothing(self, client: httpx2.AsyncClient, send: Any) -> None:
        to = mail_of().to
        await send(MailKind.ACCOUNT_DELETED, to)
        html = await client.get(f"/mails/{(await found(client, to))['number']}/html")
        policy = html.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox allow-popups" in policy
        assert "allow-scripts" not in policy
        page = await client.get("/")
        frame = re.search(r"<iframe[^>]*>", page.text)
        assert frame is not None
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame[0]

    async def test_loads_nothing_from_elsewhere(self, client: httpx2.AsyncClient) -> None:
        page = await client.get("/")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for url in re.findall(r'(?:src|href)="([^"]+)"', page.text):
            assert url.startswith(("/assets/", "data:"))
            if url.startswith("/"):
                assert (await client.get(url)).status_code == 200
        assert "style=" not in page.text

    async def test_waits_for_new_mail(self, client: httpx2.AsyncClient, send: Any) -> None:
        known = len((await client.get("/mails")).json()["mails"])
        await send(MailKind.DEVICE_ALERT, to := mail_of().to)
        later = (await client.get("/mails", params={"known": known})).json()["mails"]
        assert to in {mail["to"] for mail in later[known:]}

    async def test_shows_a_sample_of_every_kind_in_both_languages(self, client: httpx2.AsyncClient) -> None:
        mails = (await client.get("/samples")).json()["mails"]
        assert len(mails) == 2 * len(MailKind)
        for mail in mails:
            read = (await client.get(f"/samples/{mail['number']}")).json()
            assert mail["subject"] in read["text"]
            assert "<h1" in (await client.get(f"/samples/{mail['number']}/html")).text

    @pytest.mark.parametrize("path", ["/mails/99999", "/mails/99999/html", "/assets/app.py", "/assets/..%2fapp.py"])
    async def test_has_nothing_else(self, client: httpx2.AsyncClient, path: str) -> None:
        assert (await client.get(path)).status_code == 404

    async def test_answers_to_names_of_this_machine_only(self, client: httpx2.AsyncClient) -> None:
        for host, status in (("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost:8025", 200)):
            assert (await client.get("/mails", headers={"host": host})).status_code == status

    async def test_says_that_the_cloud_is_away(self) -> None:
        box = Mailbox("http://127.0.0.1:9", "secret")
        app: Any = make_app(box, public_url="https://tatemono.example")
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as http:
            assert (await http.get("/mails")).status_code == 503
        await box.close()
