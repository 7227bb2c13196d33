"""How PostgreSQL does what is done most often while it knows nothing of the tables: pools keep a plan for minutes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tatemono.adapters.postgres.generations import claims_sql, generations_sql, queries, submissions_sql
from tatemono.adapters.postgres.identity import devices
from tatemono.adapters.postgres.statements import Statement

#: These grow for ever.
_GROWING = {
    *("accounts", "attempts", "credit_transfers", "generation_events", "generations", "outbox", "pictures"),
    *("users", "devices", "sessions", "dpop_proofs", "security_events", "strikes"),
}
_STATEMENTS: dict[str, str | Statement] = {
    "submit": submissions_sql.SUBMIT,
    "submit together": submissions_sql.SUBMIT_TOGETHER,
    "claim": claims_sql.CLAIM,
    "extend leases": claims_sql.EXTEND_LEASES,
    "succeed": generations_sql.SUCCEED,
    "give up": generations_sql.GIVE_UP,
    "retry": generations_sql.RETRY,
    "any due": claims_sql.ANY_DUE,
    "events": queries._EVENTS,
    "pictures": queries._PICTURES,
    "me": queries._ME,
    "sign in": devices.SIGN_IN,
    "create guest": devices._CREATE_GUEST,
}


class TestPlans:
    @pytest.mark.parametrize("name", _STATEMENTS)
    async def test_read_no_table_as_a_whole(self, database_url: str, name: str) -> None:
        read = [node["Relation Name"] for node in await _plan(database_url, _STATEMENTS[name]) if _is_scan(node)]
        assert [table for table in read if table in _GROWING] == []

    async def test_that_do_are_seen(self, database_url: str) -> None:
        plan = await _plan(database_url, "select sum(price) + $1 from generations")
        assert [node["Relation Name"] for node in plan if _is_scan(node)] == ["generations"]


def _is_scan(node: dict[str, Any]) -> bool:
    return str(node["Node Type"]) == "Seq Scan"


async def _plan(url: str, statement: str | Statement) -> list[dict[str, Any]]:
    """All nodes of the plan that is made without a look at the values."""
    sql = statement.sql if isinstance(statement, Statement) else statement
    values = ", ".join(["null"] * max(map(int, re.findall(r"\$(\d+)", sql))))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"set plan_cache_mode = force_generic_plan; prepare asked as {sql}")
        told = await connection.fetchval(f"explain (format json) execute asked ({values})")
    finally:
        await connection.close()
    return list(_nodes(json.loads(told)[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
