"""Long statements take their values by name: of many positions, two can change places and no test need notice.

    p = Parameters("export_id", "fence")
    RELEASE = Statement(p, f"update exports set state = 'queued' where id = {p.export_id} and fence = {p.fence}")

    await executor.execute(*RELEASE.bind(export_id=claim.id, fence=claim.fence))

The text is put together once, at import, with PostgreSQL's own `$1`, `$2` …: asyncpg gets a plain string and prepares
it once for each connection.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

#: A statement with more parameters than this is a `Statement`; one with fewer is read at a glance.
MAX_POSITIONAL = 4


class Parameters(SimpleNamespace):
    """The parameters of one statement, in order: `$1` is the attribute of the first name, and so on.

    A name that was not declared is an AttributeError, at import, where the text of the statement is put together.
    """

    def __init__(self, *names: str) -> None:
        super().__init__(**{name: f"${number}" for number, name in enumerate(names, start=1)})


@dataclass(frozen=True, slots=True)
class Statement:
    parameters: Parameters
    sql: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters, in their order."""
        return tuple(vars(self.parameters))

    def bind(self, **values: object) -> tuple[Any, ...]:
        """The text and then the values in their order, as the methods of asyncpg take them.

        :raises TypeError: a value is missing, or there is one that the statement does not have
        """
        if values.keys() != vars(self.parameters).keys():
            missing, unexpected = set(self.names) - values.keys(), values.keys() - set(self.names)
            raise TypeError(f"missing: {sorted(missing)}; not of this statement: {sorted(unexpected)}")
        return self.sql, *map(values.__getitem__, self.names)
