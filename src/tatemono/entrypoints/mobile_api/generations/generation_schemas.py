"""Bodies about generations.

Requests are validated with these models. Responses are written straight from rows (`generation_resources.py`), and
tests hold them to these models.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.domain.generations.generation import (
    MAX_NEGATIVE_CHARACTERS,
    MAX_PICTURES,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    SQUARE,
    Background,
    OutputFormat,
    PictureRequest,
    Quality,
    Size,
    State,
)
from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, ResponseBody, example
from tatemono.entrypoints.mobile_api.pictures.picture_schemas import GENERATION_ID, Picture

#: An id may be text in a strict body, too: JSON has no other way to write one.
LaxUuid = Annotated[UUID, Field(strict=False)]


class GenerationRequest(RequestBody):
    model_config = example(
        {
            "prompt": "A lighthouse at dawn, seen from the sea",
            "style": "ukiyo-e",
            "size": "1024x1536",
            "quality": "medium",
        }
    )

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROMPT_CHARACTERS, pattern=NO_NUL)]
    style: Annotated[
        str | None,
        StringConstraints(max_length=40, pattern=r"^[a-z][a-z0-9-]*$"),
        Field(description="The id of a style preset; `GET /v1/api/styles` lists them."),
    ] = None
    size: Annotated[
        str,
        StringConstraints(pattern=r"^[1-9][0-9]{2,3}x[1-9][0-9]{2,3}$"),
        Field(description="`WIDTHxHEIGHT`. A size that cannot be had now is refused, with those that can."),
    ] = str(SQUARE)
    quality: Quality = Quality.MEDIUM
    output_format: OutputFormat = OutputFormat.PNG
    background: Background = Background.AUTO
    n: Annotated[int, Field(ge=1, le=MAX_PICTURES, description="How many pictures.")] = 1
    seed: Annotated[
        Annotated[int, Field(ge=0, le=MAX_SEED)] | None,
        Field(description="The same seed gives the same pictures, where the painter takes one; refused where not."),
    ] = None
    negative_prompt: Annotated[
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_NEGATIVE_CHARACTERS, pattern=NO_NUL)] | None,
        Field(description="What the pictures should not show."),
    ] = None
    reference_id: Annotated[
        LaxUuid | None, Field(description="A completed reference picture (`prepare_reference`) that is to be changed.")
    ] = None

    def asked(self) -> PictureRequest:
        return PictureRequest(
            self.prompt,
            self.style,
            Size(self.size),
            self.quality,
            self.output_format,
            self.background,
            self.n,
            self.seed,
            self.negative_prompt,
            self.reference_id,
        )


class GenerationQuote(ResponseBody):
    model_config = example(
        {
            "price_credits": 12,
            "credits": {"available": 4, "free_today": 36},
            "acceptable": True,
            "obstacle": None,
        }
    )

    price_credits: int
    credits: "QuotedCredits"
    acceptable: Annotated[bool, Field(description="It would be accepted now. Nothing is held for it.")]
    obstacle: Annotated[
        str | None,
        Field(
            description="What stands in the way: `out_of_credits`, `daily_budget_reached` (this user's), "
            "`service_budget_reached` (of all users) or `too_many_waiting`."
        ),
    ]


class QuotedCredits(ResponseBody):
    available: int
    free_today: Annotated[int, Field(description="What today's allowance adds with the first request of the day.")]


class FailureReason(ResponseBody):
    code: Annotated[str, Field(description="Stable: programs may depend on it.")]
    text: Annotated[str, Field(description="For people, in the language asked for.")]


_GENERATION = {
    "id": GENERATION_ID,
    "state": "queued",
    "prompt": "A lighthouse at dawn, seen from the sea",
    "style": "ukiyo-e",
    "size": "1024x1536",
    "quality": "medium",
    "output_format": "png",
    "background": "auto",
    "n": 1,
    "seed": None,
    "negative_prompt": None,
    "reference_id": None,
    "price_credits": 12,
    "failure": None,
    "position": 3,
    "waiting": {"seconds": 41, "least_seconds": 22, "most_seconds": 61},
    "delay": None,
    "pictures": [],
    "created_at": "2026-11-24T08:40:58.271828Z",
    "started_at": None,
    "finished_at": None,
}


class WaitingTime(ResponseBody):
    seconds: int
    least_seconds: Annotated[int, Field(description="In 9 cases of 10 it is not less, and not more than most.")]
    most_seconds: int


class Generation(ResponseBody):
    model_config = example(_GENERATION)

    id: UUID
    state: State
    prompt: str
    style: str | None
    size: str
    quality: Quality
    output_format: OutputFormat
    background: Background
    n: int
    seed: int | None
    negative_prompt: str | None
    reference_id: Annotated[UUID | None, Field(description="Null again when the reference picture is erased.")]
    price_credits: Annotated[
        int, Field(description="Held while it runs, spent when it succeeds, given back otherwise.")
    ]
    failure: FailureReason | None
    position: Annotated[int | None, Field(description="While queued: how many turns from now; 1 is next.")]
    waiting: Annotated[
        WaitingTime | None,
        Field(description="While queued: how long that takes, by what the queue did lately; null: no estimate yet."),
    ]
    delay: Annotated[
        FailureReason | None,
        Field(description="While queued: why it waits for longer than usual, which is not the prompt's fault."),
    ]
    pictures: Annotated[list[Picture], Field(description="When it succeeded, without those that were deleted since.")]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class GenerationPage(ResponseBody):
    model_config = example({"items": [_GENERATION], "next_cursor": GENERATION_ID})

    items: list[Generation]
    next_cursor: Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]
