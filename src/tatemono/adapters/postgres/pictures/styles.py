"""The style presets, as operators keep them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.pictures.styles import NoSuchPreset, StyleExists

_COLUMNS = "id, position, name_en, name_ja, prompt_suffix, active, sample_key, retired_at"


p = Parameters("id", "position", "name_en", "name_ja", "prompt_suffix")
_CREATE = Statement(
    p,
    f"""
insert into styles (id, position, name_en, name_ja, prompt_suffix)
values ({p.id}, {p.position}, {p.name_en}, {p.name_ja}, {p.prompt_suffix}) returning {_COLUMNS}
""",
)

p = Parameters("id", "position", "name_en", "name_ja", "prompt_suffix", "active", "sample_key")
_CHANGE = Statement(
    p,
    f"""
update styles set position = coalesce({p.position}, position), name_en = coalesce({p.name_en}, name_en),
    name_ja = coalesce({p.name_ja}, name_ja), prompt_suffix = coalesce({p.prompt_suffix}, prompt_suffix),
    active = coalesce({p.active}, active), sample_key = coalesce({p.sample_key}, sample_key),
    retired_at = case when coalesce({p.active}, active) then null else coalesce(retired_at, now()) end
where id = {p.id} returning {_COLUMNS}
""",
)


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
        statement = _CREATE.bind(
            id=style_id, position=position, name_en=name_en, name_ja=name_ja, prompt_suffix=prompt_suffix
        )
        try:
            row = await self._executor.fetchrow(*statement)
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
        statement = _CHANGE.bind(
            id=style_id,
            position=position,
            name_en=name_en,
            name_ja=name_ja,
            prompt_suffix=prompt_suffix,
            active=active,
            sample_key=sample_key,
        )
        row = await self._executor.fetchrow(*statement)
        if row is None:
            raise NoSuchPreset(style=style_id)
        return StylePreset(*row)
