"""An admin site within the test's process, on the test's own database, with the real pages of a real user pool.

The admin API behind it is within the process too.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import asyncpg
import httpx2
import pytest

from conftest import CloudEndpoint
from sign_in_pages import PUBLIC_URL, PagesPool, pages_pool
from site_visits import Site, SiteClock
from tatemono.adapters.admin_api import AdminApi
from tatemono.bootstrap.admin_api import admin_api
from tatemono.bootstrap.web import web
from tatemono.entrypoints.admin_api.app import create_app as create_admin_api
from tatemono.entrypoints.web.app import create_app
from tatemono.settings import AdminApiSettings, WebSettings
from tatemono_tools.plan.building import Plan


@pytest.fixture(scope="module")
async def operators_pages(cloud: CloudEndpoint, plan: Plan) -> AsyncIterator[PagesPool]:
    async with pages_pool(cloud, plan) as made:
        yield made


@pytest.fixture
async def site(
    service_database_url: Callable[[str], str],
    operators_pages: PagesPool,
    database_url: str,
    aws_environment: CloudEndpoint,
) -> AsyncIterator[Site]:
    pool = operators_pages.parameters
    common = {
        "port": 1,
        "origin_verify": "first, second",
        "allowed_addresses": "203.0.113.0/24",
        "operators_issuer": pool["operators-issuer"],
        "operators_client_id": pool["operators-client-id"],
        "operators_jwks_url": pool["operators-jwks-url"],
    }
    admin_settings = AdminApiSettings.model_validate(
        common
        | {
            "service_name": "admin-api",
            "database_url": service_database_url("admin-api"),
            "pictures_bucket": "nobody needs it",
            "uploads_bucket": "nobody needs it",
            "uploads_url": "https://uploads.example.jp/",
        }
    )
    web_settings = WebSettings.model_validate(
        common
        | {
            "service_name": "web",
            "database_url": service_database_url("web"),
            "public_url": PUBLIC_URL,
            "admin_api_url": "http://admin-api.test",
            "operators_client_secret": operators_pages.operators.client_secret,
            "operators_domain_url": pool["operators-domain-url"],
            "operator_sessions_key": "a secret of the test",
        }
    )
    async with admin_api(admin_settings) as backend, web(web_settings) as opened:
        owner = await asyncpg.connect(database_url)
        inside = httpx2.ASGITransport(create_admin_api(backend), raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=inside, base_url="http://admin-api.test") as client:
            clock = SiteClock(opened.now)
            dependencies = replace(opened, admin_api=AdminApi(client, "first"), now=clock)
            yield Site(create_app(dependencies), dependencies, operators_pages, clock, owner)
        await owner.close()
