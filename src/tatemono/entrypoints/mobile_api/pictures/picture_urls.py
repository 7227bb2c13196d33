"""Pictures as the API shows them, and the signed URLs that open them."""

import base64
from datetime import UTC, datetime
from math import ceil
from typing import Any

from tatemono.adapters.postgres.generations.queries import PictureRow
from tatemono.bootstrap.mobile_api import MobileApiBackend

#: A picture keeps its URL for so many seconds, so that phones and the edge may cache it.
URL_STEP_SECONDS = 300
_REMEMBERED_URLS = 8192


class PictureUrls:
    """Signed URLs. Each is signed once in `URL_STEP_SECONDS`: signing takes 40 µs, and a page of pictures has forty."""

    def __init__(self, backend: MobileApiBackend) -> None:
        self._backend = backend
        self._signed: dict[tuple[str, int], str] = {}

    def expiry(self) -> int:
        """When URLs that are given out now expire, in whole seconds since 1970: rounded up to a step."""
        least = self._backend.now() + self._backend.settings.picture_url_seconds
        return ceil(least / URL_STEP_SECONDS) * URL_STEP_SECONDS

    def url(self, object_key: str, expires_at: int) -> str:
        url = self._signed.get((object_key, expires_at))
        if url is None:
            url = self._backend.picture_urls.sign("/" + object_key, datetime.fromtimestamp(expires_at, UTC))
            if len(self._signed) >= _REMEMBERED_URLS:
                del self._signed[next(iter(self._signed))]
            self._signed[object_key, expires_at] = url
        return url

    def picture(self, row: PictureRow) -> dict[str, Any]:
        expires_at = self.expiry()
        return {
            "id": row.id,
            "generation_id": row.generation_id,
            "prompt": row.prompt,
            "url": self.url(row.object_key, expires_at),
            "thumbnail_url": self.url(row.thumbnail_key, expires_at),
            "urls_expire_at": datetime.fromtimestamp(expires_at, UTC),
            "width": row.width,
            "height": row.height,
            "size_bytes": row.size_bytes,
            "content_type": row.content_type,
            "thumbhash": base64.b64encode(row.thumbhash).decode(),
            "created_at": row.created_at,
        }
