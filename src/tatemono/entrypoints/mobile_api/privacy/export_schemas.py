"""The body about an export."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from tatemono.domain.privacy.exports import ExportState
from tatemono.entrypoints.http.bodies import ResponseBody, example


class Export(ResponseBody):
    model_config = example(
        {
            "id": "019ab3e0-11c2-7d70-8f20-5d4c3b2a1907",
            "state": "ready",
            "created_at": "2026-11-24T09:12:03.271828Z",
            "ready_at": "2026-11-24T09:12:21.141592Z",
            "expires_at": "2026-12-01T09:12:21.141592Z",
            "size_bytes": 18734213,
            "pictures": 6,
            "url": "https://pictures.example.jp/exports/019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03/x.zip?Expires=…",
            "url_expires_at": "2026-11-24T09:30:00Z",
        }
    )

    id: UUID
    state: ExportState
    created_at: datetime
    ready_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="The archive is erased then.")]
    size_bytes: int | None
    pictures: int | None
    url: Annotated[str | None, Field(description="Of the zip, when it is ready. It opens without a token.")]
    url_expires_at: Annotated[datetime | None, Field(description="Ask again for a new one.")]
