"""The parameters of routes that answer with a page."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

Cursor = Annotated[UUID | None, Query(description="The `next_cursor` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100)]
