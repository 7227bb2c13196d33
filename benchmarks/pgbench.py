"""Statements of the application as `pgbench` takes them."""

import re
from collections.abc import Mapping, Sequence

from tatemono.adapters.postgres.statements import Statement


def with_values(statement: str, values: Sequence[str]) -> str:
    """:param values: an expression for each parameter, which may use variables of `pgbench`"""
    return re.sub(r"\$(\d+)", lambda found: values[int(found[1]) - 1], statement).strip()


def with_named(statement: Statement, values: Mapping[str, str]) -> str:
    """:param values: as above, by name"""
    return with_values(statement.sql, [values[name] for name in statement.names])
