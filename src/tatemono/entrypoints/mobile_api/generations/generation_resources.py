"""Generations as the API shows them."""

from collections.abc import Sequence
from math import ceil, floor
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.generations.queries import Place
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.domain.generations.attempts import PAINTER_OUT_OF_ORDER
from tatemono.domain.generations.generation import Generation, State
from tatemono.entrypoints.mobile_api.generations.failure_texts import delay_text, failure_text
from tatemono.entrypoints.mobile_api.pictures.picture_urls import PictureUrls


def failure(code: str | None, language: str) -> dict[str, str] | None:
    return {"code": code, "text": failure_text(code, language)} if code else None


def place_resource(place: Place, language: str) -> dict[str, Any]:
    """Where in the queue it is, and how long that takes: in whole seconds, the error included."""
    waiting = place.waiting
    estimate = waiting and {
        "seconds": round(waiting.seconds),
        "least_seconds": floor(waiting.least_seconds),
        "most_seconds": ceil(waiting.most_seconds),
    }
    code = PAINTER_OUT_OF_ORDER.failure_code
    delay = {"code": code, "text": delay_text(code, language)} if place.delayed else None
    return {"position": place.position, "waiting": estimate, "delay": delay}


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
        **(place_resource(place, language) if place else {"position": None, "waiting": None, "delay": None}),
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
