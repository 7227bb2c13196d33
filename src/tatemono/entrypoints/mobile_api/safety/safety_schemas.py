"""Bodies about reports."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tatemono.domain.safety.reports import MAX_NOTE_CHARACTERS, ReportReason
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example

_Note = Annotated[
    Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_NOTE_CHARACTERS, pattern=NO_NUL, strip_whitespace=True),
    ]
    | None,
    Field(description="In the reporter's own words. Only operators read it."),
]
_Reason = Annotated[ReportReason, Field(description="One of `GET /report-reasons`.")]


class PictureReport(RequestBody):
    model_config = example({"reason": "real_person", "note": "It looks like my neighbour."})

    reason: _Reason
    note: _Note = None


class OutsideReport(RequestBody):
    model_config = example(
        {
            "picture": "https://example.jp/pictures/019ab3c1-02aa-7f00-9b66-3c1d5e7f9a03/019ab3c2-5b1e/1-0.png",
            "reason": "copyright",
            "note": "The figure in the middle is from our catalogue, page 4.",
        }
    )

    picture: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2000, pattern=NO_NUL, strip_whitespace=True),
        Field(description="The picture's id, or a URL that opens it, even one that has expired."),
    ]
    reason: _Reason
    note: _Note = None


class ReportReasonText(ResponseBody):
    reason: ReportReason
    text: Annotated[str, Field(description="In the language asked for.")]


class ReportReasonList(ResponseBody):
    model_config = example({"items": [{"reason": "hate", "text": "差別や嫌がらせ"}]})

    items: list[ReportReasonText]
