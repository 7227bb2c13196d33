"""An operator is invited on the command line, and comes in through the front door with a real browser."""

import base64
import hashlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import BrowserContext, Page, async_playwright

from journeys.conftest import RunningBuilding
from journeys.test_operators import run
from operators import code_now

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
#: In CI on Linux there must be one, and its absence is a failure.
_MUST_RUN = os.environ.get("CI") == "true" and sys.platform == "linux"
_PASSWORD = "four unrelated words here"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        _CHROMIUM is None and not _MUST_RUN,
        reason="there is no chromium on the PATH (Debian: apt-get install chromium)",
    ),
]


def key_pin(building: RunningBuilding) -> str:
    """Whose certificate the browser takes, although it does not know the laptop's authority: this key's alone."""
    certificate = x509.load_pem_x509_certificate((building.authority.parent / "door.pem").read_bytes())
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


@pytest.fixture
async def window(building: RunningBuilding) -> AsyncIterator[BrowserContext]:
    assert _CHROMIUM, "CI has no chromium: `.ci/run` brings it where it is root"
    arguments = [f"--ignore-certificate-errors-spki-list={key_pin(building)}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield await browser.new_context(locale="en-GB")
        await browser.close()


async def come_in(page: Page, email: str, password: str) -> None:
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Next").click()


async def give_code(page: Page, code: str) -> None:
    await page.get_by_label("Code, 6 digits").fill(code)
    await page.get_by_role("button", name="Sign in").click()


class TestAdminSite:
    async def test_lets_an_invited_operator_in_and_shows_nothing_after_signing_out(
        self, building: RunningBuilding, window: BrowserContext
    ) -> None:
        email = f"{secrets.token_hex(4)}@example.jp"
        told = await run(building, "operator", "create", email, "--role", "support", "--invite", answers=[])
        assert f"Sign in at {building.address}/" in told
        (temporary,) = re.findall(r"for a day: (\S+)", told)
        page = await window.new_page()
        scripts: list[str] = []
        page.on("console", lambda message: scripts.append(message.text))

        await page.goto(building.address)
        await come_in(page, email, temporary)
        await page.get_by_label("New password").fill(_PASSWORD)
        await page.get_by_label("The same once more").fill(_PASSWORD)
        await page.get_by_role("button", name="Save the password").click()
        key = (await page.locator(".key").inner_text()).replace(" ", "")
        await give_code(page, code_now(key, late_by_seconds=30))
        await page.get_by_role("heading", name=email).wait_for()
        assert page.url == f"{building.address}/"
        assert await page.get_by_text("support", exact=True).is_visible()
        cookies = {cookie["name"]: cookie for cookie in await window.cookies(building.address)}
        assert (cookies["__Host-session"]["httpOnly"], cookies["__Host-session"]["secure"]) == (True, True)

        await page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        await page.get_by_role("link", name="Sign in").wait_for()
        await page.go_back()
        await page.wait_for_load_state()
        assert await page.get_by_role("link", name="Sign in").is_visible()
        assert await page.get_by_text(email).count() == 0

        # The pages ask for both factors again, and for nothing else.
        await page.goto(building.address)
        await come_in(page, email, _PASSWORD)
        await give_code(page, code_now(key))
        await page.get_by_role("heading", name=email).wait_for()
        assert not [line for line in scripts if "Content Security Policy" in line]
