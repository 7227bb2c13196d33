"""A browser that looks at the admin site, and time as the site tells it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2

from sign_in_pages import PUBLIC_URL, PagesPool, Person, come_in
from tatemono.bootstrap.web import WebDependencies
from tatemono.entrypoints.http.serving import HttpEdge

ADDRESS = "203.0.113.7"


@dataclass
class SiteClock:
    """Time as the site tells it: the real one, and what a test adds."""

    real: Callable[[], float]
    ahead: timedelta = timedelta(0)

    def __call__(self) -> float:
        return self.real() + self.ahead.total_seconds()


@dataclass(frozen=True)
class Site:
    edge: HttpEdge
    dependencies: WebDependencies
    pool: PagesPool
    clock: SiteClock
    database: Any

    def browser(self, *, address: str = ADDRESS, origin: str = "first") -> httpx2.AsyncClient:
        headers = {"x-origin-verify": origin, "x-forwarded-for": address, "user-agent": "Mozilla Firefox/1 (Linux)"}
        transport = httpx2.ASGITransport(self.edge, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers=headers)

    async def sign_in(self, browser: httpx2.AsyncClient, person: Person) -> httpx2.Response:
        """All the way to the start page."""
        began = await browser.get("/sign-in")
        async with self.pool.browser() as pages:
            given = await come_in(pages, began.headers["location"], person)
        return await browser.get("/sign-in/callback", params=given)


def form_token(page: httpx2.Response) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]
