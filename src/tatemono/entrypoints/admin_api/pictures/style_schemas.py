"""Bodies about style presets."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.entrypoints.admin_api.schemas import Reason
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

STYLE_ID = r"^[a-z][a-z0-9-]{0,39}$"

_Name = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=NO_NUL, strip_whitespace=True)]
_Suffix = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True),
    Field(description="What is added to the prompt, on a line of its own."),
]
_Position = Annotated[int, Field(ge=0, le=1_000_000, description="Styles are shown by it, the smallest first.")]

_STYLE: dict[str, Any] = {
    "id": "stained-glass",
    "position": 80,
    "name_en": "Stained glass",
    "name_ja": "ステンドグラス",
    "prompt_suffix": "stained glass window, bold leading, glowing colours",
}


class NewStyle(RequestBody):
    model_config = example(_STYLE | {"reason": "Asked for in the November survey"})

    id: Annotated[str, StringConstraints(pattern=STYLE_ID), Field(description="Stays for good.")]
    position: _Position
    name_en: _Name
    name_ja: _Name
    prompt_suffix: _Suffix
    reason: Reason


class StyleChange(RequestBody):
    model_config = example({"name_ja": "ステンドグラス風", "reason": "Clearer in the list"})

    position: _Position | None = None
    name_en: _Name | None = None
    name_ja: _Name | None = None
    prompt_suffix: _Suffix | None = None
    active: bool | None = None
    reason: Reason


class StyleAct(RequestBody):
    model_config = example({"reason": "It is hardly ever chosen"})

    reason: Reason


class StylePreset(ResponseBody):
    model_config = example(
        _STYLE
        | {
            "active": True,
            "sample_key": "pictures/styles/stained-glass/8a1f0c52-3d4e-4b6a-9f70-1c2d3e4f5a6b.jpeg",
            "retired_at": None,
        }
    )

    id: str
    position: int
    name_en: str
    name_ja: str
    prompt_suffix: str
    active: Annotated[bool, Field(description="People can choose it.")]
    sample_key: Annotated[str | None, Field(description="The object of its sample picture.")]
    retired_at: datetime | None


class StylePresetList(ResponseBody):
    model_config = example({"items": [_STYLE | {"active": True, "sample_key": None, "retired_at": None}]})

    items: list[StylePreset]


class SampleRequest(RequestBody):
    model_config = example({"content_type": "image/png"})

    content_type: Literal["image/png", "image/jpeg", "image/webp"]


class UploadedSample(RequestBody):
    model_config = example({"upload_id": "8a1f0c52-3d4e-4b6a-9f70-1c2d3e4f5a6b", "reason": "A brighter sample"})

    upload_id: Annotated[UUID, Field(strict=False, description="From `prepare_style_sample`.")]
    reason: Reason


class PreparedSample(ResponseBody):
    model_config = example(
        {
            "upload_id": "8a1f0c52-3d4e-4b6a-9f70-1c2d3e4f5a6b",
            "url": "https://uploads.example.s3.ap-northeast-1.amazonaws.com/",
            "fields": {
                "Content-Type": "image/png",
                "key": "incoming/styles/stained-glass/8a1f0c52-3d4e-4b6a-9f70-1c2d3e4f5a6b",
                "policy": "eyJleHBpcmF0aW9uIjogIjIwMjYtMTEtMjRUMDg6NTA6NTdaIiwgIm…",
                "x-amz-signature": "3a0c7b5f…",
            },
            "expires_at": "2026-11-24T08:50:57Z",
            "max_bytes": 15728640,
        }
    )

    upload_id: UUID
    url: Annotated[str, Field(description="POST the form here, as multipart/form-data.")]
    fields: Annotated[dict[str, str], Field(description="All of them, in this order; the file in `file`, last.")]
    expires_at: datetime
    max_bytes: Annotated[int, Field(description="Of the file.")]
