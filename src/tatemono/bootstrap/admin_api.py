"""What the admin API works with."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tatemono.adapters.cognito.operator_tokens import OperatorTokens
from tatemono.adapters.pillow.references import PillowReferences
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.uploads import s3_uploads
from tatemono.bootstrap.operator_tokens import operator_tokens
from tatemono.settings import AdminApiSettings
from tatemono.usecases.pictures.ports import PictureStore, ReferenceCleaner, ReferenceStore


@dataclass(frozen=True, slots=True)
class AdminApiBackend:
    """:ivar now: seconds since 1970"""

    db: Database
    tokens: OperatorTokens
    settings: AdminApiSettings
    uploads: ReferenceStore
    pictures: PictureStore
    cleaner: ReferenceCleaner
    now: Callable[[], float] = time.time


@asynccontextmanager
async def admin_api(settings: AdminApiSettings) -> AsyncIterator[AdminApiBackend]:
    async with (
        await Database.connect(
            settings.database_url.get_secret_value(), service=settings.service_name, max_connections=4
        ) as db,
        s3_uploads(settings.uploads_bucket, settings.uploads_url) as uploads,
        s3_uploads(settings.pictures_bucket, settings.uploads_url) as pictures,
    ):
        yield AdminApiBackend(db, operator_tokens(settings), settings, uploads, pictures, PillowReferences())
