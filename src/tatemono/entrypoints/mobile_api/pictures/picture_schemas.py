"""Bodies about pictures."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tatemono.entrypoints.http.bodies import ResponseBody, example

GENERATION_ID = "019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01"
_PICTURE = {
    "id": "019ab3c2-9d40-7c3e-a1f4-5e0c7b2d8f02",
    "generation_id": GENERATION_ID,
    "prompt": "A lighthouse at dawn, seen from the sea",
    "url": "https://example.jp/pictures/u/g/1-0.png?Expires=1795470000&Signature=MEQCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
    "thumbnail_url": "https://example.jp/pictures/u/g/1-0-thumbnail.webp?Expires=1795470000&Signature=MEUCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
    "urls_expire_at": "2026-11-24T09:00:00Z",
    "width": 1024,
    "height": 1536,
    "size_bytes": 1482036,
    "content_type": "image/png",
    "thumbhash": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "created_at": "2026-11-24T08:41:12.031415Z",
}


class Picture(ResponseBody):
    model_config = example(_PICTURE)

    id: UUID
    generation_id: UUID
    prompt: str
    url: Annotated[str, Field(description="Opens without a token until `urls_expire_at`; stays the same for minutes.")]
    thumbnail_url: Annotated[str, Field(description="WebP, longest side at most 512 pixels.")]
    urls_expire_at: datetime
    width: int
    height: int
    size_bytes: int
    content_type: Literal["image/png", "image/jpeg", "image/webp"]
    thumbhash: Annotated[str, Field(description="Base64 of a ThumbHash: a placeholder until the picture is there.")]
    created_at: datetime


class PicturePage(ResponseBody):
    model_config = example({"items": [_PICTURE], "next_cursor": None})

    items: list[Picture]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]
