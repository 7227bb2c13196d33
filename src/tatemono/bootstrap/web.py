"""What the admin site works with."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from tatemono.adapters.admin_api import AdminApi
from tatemono.adapters.authenticated_encryption import AuthenticatedEncryption
from tatemono.adapters.cognito.operator_pool import CognitoOperators
from tatemono.adapters.postgres.database import Database
from tatemono.bootstrap.operator_tokens import operator_tokens
from tatemono.settings import WebSettings


@dataclass(frozen=True, slots=True)
class WebDependencies:
    """:ivar now: seconds since 1970"""

    db: Database
    pool: CognitoOperators
    admin_api: AdminApi
    sealing: AuthenticatedEncryption
    settings: WebSettings
    now: Callable[[], float] = time.time


@asynccontextmanager
async def web(settings: WebSettings) -> AsyncIterator[WebDependencies]:
    async with (
        httpx2.AsyncClient(base_url=settings.operators_domain_url, timeout=5) as cognito,
        httpx2.AsyncClient(base_url=settings.admin_api_url, timeout=10) as admin,
        await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db,
    ):
        pool = CognitoOperators(
            cognito,
            operator_tokens(settings),
            client_id=settings.operators_client_id,
            client_secret=settings.operators_client_secret.get_secret_value(),
            public_url=settings.public_url,
        )
        # Either of two values is accepted while the secret is being rotated.
        origin_verify = settings.origin_verify.get_secret_value().partition(",")[0].strip()
        sealing = AuthenticatedEncryption(settings.operator_sessions_key.get_secret_value())
        yield WebDependencies(db, pool, AdminApi(admin, origin_verify), sealing, settings)
