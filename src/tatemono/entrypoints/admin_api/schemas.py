"""What the bodies of several subjects have in common."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from tatemono.entrypoints.http.bodies import NO_NUL, RequestBody, example

Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True),
    Field(description="Kept in the audit record."),
]
NextCursor = Annotated[UUID | None, Field(description="Give it as `cursor` for what is older; null at the end.")]


class ActRequest(RequestBody):
    model_config = example({"reason": "Asked for it by mail, ticket 4711"})

    reason: Reason
