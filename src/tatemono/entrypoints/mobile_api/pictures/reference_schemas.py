"""Bodies about reference pictures."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from tatemono.entrypoints.http.bodies import RequestBody, ResponseBody, example


class ReferenceRequest(RequestBody):
    model_config = example({"content_type": "image/jpeg"})

    content_type: Literal["image/png", "image/jpeg", "image/webp"]


class PresignedForm(ResponseBody):
    url: Annotated[str, Field(description="POST the form here, as multipart/form-data.")]
    fields: Annotated[dict[str, str], Field(description="All of them, in this order; the file in `file`, last.")]
    max_bytes: Annotated[int, Field(description="Of the file.")]
    expires_at: datetime


_REFERENCE = {
    "id": "019ab3c3-7a10-7d21-9c44-2b1a0f9e8d05",
    "state": "ready",
    "width": 1536,
    "height": 2048,
    "expires_at": "2026-11-25T08:40:57.141592Z",
}


class ReferencePicture(ResponseBody):
    model_config = example(_REFERENCE)

    id: UUID
    state: Annotated[Literal["waiting", "ready"], Field(description="`ready` once it is completed.")]
    width: Annotated[int | None, Field(description="Of the copy that is used: at most 2048 pixels a side.")]
    height: int | None
    expires_at: Annotated[datetime, Field(description="When it is erased.")]


class PreparedReference(ResponseBody):
    model_config = example(
        {
            "reference": _REFERENCE | {"state": "waiting", "width": None, "height": None},
            "form": {
                "url": "https://uploads.example.s3.ap-northeast-1.amazonaws.com/",
                "fields": {
                    "Content-Type": "image/jpeg",
                    "key": "incoming/019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03/019ab3c3-7a10-7d21-9c44-2b1a0f9e8d05",
                    "x-amz-algorithm": "AWS4-HMAC-SHA256",
                    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20261124/ap-northeast-1/s3/aws4_request",
                    "x-amz-date": "20261124T084057Z",
                    "policy": "eyJleHBpcmF0aW9uIjogIjIwMjYtMTEtMjRUMDg6NTA6NTdaIiwg…",
                    "x-amz-signature": "3a0c7b5f…",
                },
                "max_bytes": 15728640,
                "expires_at": "2026-11-24T08:50:57Z",
            },
        }
    )

    reference: ReferencePicture
    form: PresignedForm
