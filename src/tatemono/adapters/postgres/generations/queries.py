"""Reads for screens, shaped for the screen; they skip the domain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tatemono.adapters.postgres.generations.queue import POSITIONS
from tatemono.adapters.postgres.generations.submissions import generation_of
from tatemono.domain.generations.generation import Generation
from tatemono.domain.generations.queue import Pace, Waiting, estimate_waiting
from tatemono.domain.identity.devices import Me, UserKind
from tatemono.domain.safety.moderation import Strike


@dataclass(frozen=True, slots=True)
class PictureRow:
    id: UUID
    generation_id: UUID
    prompt: str
    object_key: str
    thumbnail_key: str
    content_type: str
    width: int
    height: int
    size_bytes: int
    thumbhash: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """:ivar position: how many jobs from now it is its turn; 1 is next
    :ivar waiting: how long that takes; none if there is nothing yet to reckon from
    :ivar delayed: no painter takes our account, and an operator has to act first
    """

    position: int
    waiting: Waiting | None
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class StyleRow:
    id: str
    name_en: str
    name_ja: str
    sample_key: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """A step of a generation; `data` is JSON text, ready to be sent on."""

    id: int
    generation_id: UUID
    kind: str
    data: str

    @property
    def is_final(self) -> bool:
        return self.kind in ("done", "failed", "cancelled")


_PICTURE = """p.id, p.generation_id, g.prompt, p.object_key, p.thumbnail_key, p.content_type, p.width, p.height,
    p.size_bytes, p.thumbhash, p.created_at"""

_PICTURES = f"""
select {_PICTURE} from pictures p join generations g on g.id = p.generation_id
where p.user_id = $1 and p.deleted_at is null and ($2::uuid is null or p.id < $2) order by p.id desc limit $3
"""

_PICTURES_OF = f"""
select {_PICTURE} from pictures p join generations g on g.id = p.generation_id
where p.generation_id = any($1::uuid[]) and p.deleted_at is null order by p.generation_id, p.position
"""

_STRIKE = ("strike_reasons", "strikes_from", "strikes_until")
_ME = """
select users.id, users.kind, users.created_at, accounts.available, accounts.held, accounts.queued, accounts.running,
    struck.*
from users join accounts on accounts.user_id = users.id cross join lateral (
    select array_agg(reason order by created_at desc) as strike_reasons,
        array_agg(created_at order by created_at desc) as strikes_from,
        array_agg(expires_at order by created_at desc) as strikes_until
    from strikes where user_id = users.id and expires_at > now()) as struck
where users.id = $1
"""

_EVENTS = """
select e.id, e.generation_id, e.kind::text, e.data::text
from unnest($1::uuid[], $2::bigint[]) as wanted (generation_id, after)
join generation_events e on e.generation_id = wanted.generation_id and e.id > wanted.after
order by e.id
"""


class Queries:
    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def me(self, user_id: UUID) -> Me | None:
        row = await self._pool.fetchrow(_ME, user_id)
        return row and Me(
            row["id"],
            UserKind(row["kind"]),
            row["created_at"],
            row["available"],
            row["held"],
            row["queued"],
            row["running"],
            tuple(Strike(*strike) for strike in zip(*(row[name] or () for name in _STRIKE), strict=True)),
        )

    async def styles(self) -> list[StyleRow]:
        rows = await self._pool.fetch(
            "select id, name_en, name_ja, sample_key from styles where active order by position, id"
        )
        return [StyleRow(*row) for row in rows]

    async def generation(self, user_id: UUID, generation_id: UUID) -> Generation | None:
        row = await self._pool.fetchrow(
            "select * from generations where id = $1 and user_id = $2", generation_id, user_id
        )
        return row and generation_of(row)

    async def generations(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[Generation]:
        """Newest first."""
        rows = await self._pool.fetch(
            "select * from generations where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3",
            user_id,
            before,
            limit,
        )
        return [generation_of(row) for row in rows]

    async def pictures(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[PictureRow]:
        """Newest first."""
        return [PictureRow(*row) for row in await self._pool.fetch(_PICTURES, user_id, before, limit)]

    async def pictures_of(self, generation_ids: list[UUID]) -> list[PictureRow]:
        return [PictureRow(*row) for row in await self._pool.fetch(_PICTURES_OF, generation_ids)]

    async def positions(self, generation_ids: list[UUID]) -> dict[UUID, Place]:
        """Where in the queue each is that still waits."""
        rows = await self._pool.fetch(POSITIONS, generation_ids)
        return {row[0]: Place(row[1], estimate_waiting(row[1], Pace(*row[2:-1])), row[-1]) for row in map(tuple, rows)}

    async def events_after(self, after: dict[UUID, int]) -> list[EventRow]:
        """The events of each generation that are newer than the id given for it, in order."""
        rows = await self._pool.fetch(_EVENTS, list(after), list(after.values()))
        return [EventRow(*row) for row in rows]

    async def newest_event(self) -> int:
        """The largest id that an event has, 0 if there is none."""
        newest: int = await self._pool.fetchval("select coalesce(max(id), 0) from generation_events")
        return newest

    async def painter_outage(self) -> str | None:
        """Why no painter takes our account, in the painter's own word; none: one does."""
        because: str | None = await self._pool.fetchval("select because from painter_outage")
        return because

    async def services_connected(self) -> set[str]:
        """Names of the services that hold a connection to the database now."""
        rows = await self._pool.fetch(
            "select distinct application_name from pg_stat_activity where datname = current_database()"
        )
        return {row["application_name"] for row in rows}
