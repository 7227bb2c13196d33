"""What the API shows, as JSON: generations, pictures, and the URLs that open them."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, floor
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.generations.queries import PictureRow, Place
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.generations.generation import Generation, State
from tatemono.entrypoints.mobile_api.texts import failure_text

#: Within so many seconds a picture keeps the same URL, so that phones and the edge may cache it.
URL_STEP_SECONDS = 300
_REMEMBERED_URLS = 8192


class PictureUrls:
    """Signed URLs, each signed once per step of time: signing costs 40 µs, and a page of pictures has forty."""

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


def failure(code: str | None, language: str) -> dict[str, str] | None:
    return {"code": code, "text": failure_text(code, language)} if code else None


def place_resource(place: Place) -> dict[str, Any]:
    """Where in the queue it is, and how long that takes: in whole seconds, the error included."""
    waiting = place.waiting
    told = waiting and {
        "seconds": round(waiting.seconds),
        "least_seconds": floor(waiting.least_seconds),
        "most_seconds": ceil(waiting.most_seconds),
    }
    return {"position": place.position, "waiting": told}


def generation_resource(
    generation: Generation, language: str, *, place: Place | None = None, pictures: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    request = generation.request
    return {
        "id": generation.id,
        "state": generation.state,
        "prompt": request.prompt,
        "style": request.style,
        "size": request.size,
        "quality": request.quality,
        "output_format": request.output_format,
        "background": request.background,
        "n": request.n,
        "seed": request.seed,
        "negative_prompt": request.negative_prompt,
        "reference_id": request.reference_id,
        "price_credits": generation.price,
        "failure": failure(generation.failure_code, language),
        **(place_resource(place) if place else {"position": None, "waiting": None}),
        "pictures": pictures,
        "created_at": generation.created_at,
        "started_at": generation.started_at,
        "finished_at": generation.finished_at,
    }


async def generation_resources(
    backend: MobileApiBackend, urls: PictureUrls, generations: Sequence[Generation], language: str
) -> list[dict[str, Any]]:
    """With the pictures of those that succeeded and the positions of those that wait: at most two queries."""
    succeeded = [each.id for each in generations if each.state is State.SUCCEEDED]
    queued = [each.id for each in generations if each.state is State.QUEUED]
    pictures: dict[UUID, list[dict[str, Any]]] = {}
    for row in await backend.db.queries.pictures_of(succeeded) if succeeded else []:
        pictures.setdefault(row.generation_id, []).append(urls.picture(row))
    places = await backend.db.queries.positions(queued) if queued else {}
    return [
        generation_resource(each, language, place=places.get(each.id), pictures=pictures.get(each.id, ()))
        for each in generations
    ]
