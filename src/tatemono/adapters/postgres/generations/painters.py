"""What the workers know of each painter together: one row for a model at a provider, times by the database's clock."""

from dataclasses import asdict, fields
from typing import Any

from tatemono.adapters.postgres.statements import Parameters, Statement
from tatemono.domain.generations.circuit_breaker import Breaker

# `clock_timestamp()`, since a transaction may have waited for the row.
_COLUMNS = """failures, opened, turned_away, extract(epoch from open_until - clock_timestamp())::float8,
    coalesce(extract(epoch from busy_until - clock_timestamp()), 0)::float8,
    coalesce(extract(epoch from probe_until - clock_timestamp()), 0)::float8, refused_because"""
_READ = f"select provider, model, {_COLUMNS} from painters order by provider, model"
# One statement, so that the row is there and locked also when another worker adds or changes it.
_LOCK = f"""
insert into painters (provider, model) values ($1, $2)
on conflict (provider, model) do update set failures = painters.failures returning {_COLUMNS}
"""
p = Parameters("provider", "model", *(each.name for each in fields(Breaker)))
_SAVE = Statement(
    p,
    f"""
update painters set failures = {p.failures}, opened = {p.opened}, turned_away = {p.turned_away},
    open_until = clock_timestamp() + {p.open_for}::float8 * interval '1 s',
    busy_until = clock_timestamp() + {p.busy_for}::float8 * interval '1 s',
    probe_until = clock_timestamp() + {p.probe_for}::float8 * interval '1 s',
    refused_because = {p.refused_because}
where provider = {p.provider} and model = {p.model}
""",
)
_TAKE_PROBE = """
update painters set probe_until = now() + $3::float8 * interval '1 s'
where provider = $1 and model = $2 and open_until <= now() and (probe_until is null or probe_until <= now())
returning true
"""
_END_PROBE = "update painters set probe_until = null where provider = $1 and model = $2"

_RECORD_OUTAGE = """
insert into painter_outage (because) values ($1)
on conflict (one) do update set because = excluded.because where painter_outage.because <> excluded.because
"""


class Painters:
    def __init__(self, executor: Any) -> None:
        self._executor = executor

    async def all(self) -> dict[tuple[str, str], Breaker]:
        """By provider and model. One that is not there never had any trouble."""
        return {(row[0], row[1]): Breaker(*row[2:]) for row in map(tuple, await self._executor.fetch(_READ))}

    async def record_outage(self, because: str | None) -> None:
        if because is None:
            await self._executor.execute("delete from painter_outage")
        else:
            await self._executor.execute(_RECORD_OUTAGE, because)

    async def lock(self, provider: str, model: str) -> Breaker:
        return Breaker(*await self._executor.fetchrow(_LOCK, provider, model))

    async def save(self, provider: str, model: str, breaker: Breaker) -> None:
        await self._executor.execute(*_SAVE.bind(provider=provider, model=model, **asdict(breaker)))

    async def take_probe(self, provider: str, model: str, *, seconds: float) -> bool:
        """Be the one who tries a painter whose time alone is over. :returns: whether it is us"""
        return bool(await self._executor.fetchval(_TAKE_PROBE, provider, model, seconds))

    async def end_probe(self, provider: str, model: str) -> None:
        """It told nothing: another worker may try."""
        await self._executor.execute(_END_PROBE, provider, model)
