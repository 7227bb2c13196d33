"""The style presets, as operators keep them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tatemono.domain.pictures.styles import NoSuchPreset, StyleExists

_COLUMNS = "id, position, name_en, name_ja, prompt_suffix, active, sample_key, retired_at"


_CREATE = f"""
insert into styles (id, position, name_en, name_ja, prompt_suffix) values ($1, $2, $3, $4, $5) returning {_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class StylePreset:
    """:ivar active: people can choose it; a retired one stays for the generations that have it"""

    id: str
    position: int
    name_en: str
    name_ja: str
    prompt_suffix: str
    active: bool
    sample_key: str | None
    retired_at: datetime | None


class Styles:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def all(self) -> list[StylePreset]:
        """The retired ones, too, in the order to show."""
        rows = await self._executor.fetch(f"select {_COLUMNS} from styles order by position, id")
        return [StylePreset(*row) for row in rows]

    async def create(self, style_id: str, position: int, name_en: str, name_ja: str, prompt_suffix: str) -> StylePreset:
        """:raises StyleExists: there is one with this id, perhaps a retired one"""
        try:
            row = await self._executor.fetchrow(
                _CREATE,
                *(style_id, position, name_en, name_ja, prompt_suffix),
            )
        except asyncpg.UniqueViolationError as error:
            raise StyleExists(style=style_id) from error
        return StylePreset(*row)

    async def change(
        self,
        style_id: str,
        *,
        position: int | None = None,
        name_en: str | None = None,
        name_ja: str | None = None,
        prompt_suffix: str | None = None,
        active: bool | None = None,
        sample_key: str | None = None,
    ) -> StylePreset:
        """What is None stays as it is.

        :raises NoSuchPreset: there is none with this id
        """
        row = await self._executor.fetchrow(
            f"""
            update styles set position = coalesce($2, position), name_en = coalesce($3, name_en),
                name_ja = coalesce($4, name_ja), prompt_suffix = coalesce($5, prompt_suffix),
                active = coalesce($6, active), sample_key = coalesce($7, sample_key),
                retired_at = case when coalesce($6, active) then null else coalesce(retired_at, now()) end
            where id = $1 returning {_COLUMNS}
            """,
            *(style_id, position, name_en, name_ja, prompt_suffix, active, sample_key),
        )
        if row is None:
            raise NoSuchPreset(style=style_id)
        return StylePreset(*row)
