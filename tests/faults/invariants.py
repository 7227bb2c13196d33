"""What must be true after every run, whatever happened: from the database, the store and the painter's own call log."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from tatemono.domain.pictures.picture import thumbnail_key

_ENDED = "('succeeded', 'failed', 'refused', 'cancelled')"
#: What is wrong → a statement that finds where.
_STATEMENTS = {
    "has not ended": f"select id from generations where state not in {_ENDED}",
    "is not held exactly once": """
        select g.id from generations g left join credit_transfers t on t.generation_id = g.id and t.into_pot = 'held'
        group by g.id having count(t.id) <> 1 or min(t.credits) <> g.price""",
    "is not settled or returned exactly once": f"""
        select g.id from generations g left join credit_transfers t on t.generation_id = g.id and t.out_of = 'held'
        where g.state in {_ENDED} group by g.id having count(t.id) <> 1 or min(t.credits) <> g.price""",
    "was paid for though it failed, or not though it succeeded": """
        select g.id from generations g join credit_transfers t on t.generation_id = g.id and t.out_of = 'held'
        where (t.into_pot = 'spent') <> (g.state = 'succeeded')""",
    "has other balances than its transfers": """
        select a.user_id from accounts a join lateral (
            select coalesce(sum(credits) filter (where into_pot = 'available'), 0)
                    - coalesce(sum(credits) filter (where out_of = 'available'), 0) as available,
                coalesce(sum(credits) filter (where into_pot = 'held'), 0)
                    - coalesce(sum(credits) filter (where out_of = 'held'), 0) as held,
                coalesce(sum(credits) filter (where into_pot = 'spent'), 0)
                    - coalesce(sum(credits) filter (where out_of = 'spent'), 0) as spent
            from credit_transfers t where t.user_id = a.user_id
        ) t on true where (a.available, a.held, a.spent) is distinct from (t.available, t.held, t.spent)""",
    "is a day whose budget says something else than its attempts cost, or may have": """
        select coalesce(b.day, g.day) from (
            select day, sum(micros) as micros from (
                select day, used_micros as micros from budget_shards union all
                select day, -micros from budget_returns) dependencies group by day
        ) b full join (
            select g.budget_day as day, sum(case when g.state in ('queued', 'running') then g.reserved_micros else (
                select coalesce(sum(a.cost_micros + a.possible_micros), 0) from attempts a where a.generation_id = g.id
            ) end) as micros from generations g where g.budget_day is not null group by g.budget_day
        ) g on g.day = b.day where coalesce(b.micros, 0) <> coalesce(g.micros, 0)""",
    "has spent something else today than its generations": """
        select a.user_id from accounts a where a.day is not null and a.day_micros <> (
            select coalesce(sum(case when g.state in ('queued', 'running') then g.reserved_micros else (
                select coalesce(sum(t.cost_micros + t.possible_micros), 0) from attempts t where t.generation_id = g.id
            ) end), 0) from generations g where g.user_id = a.user_id and g.budget_day = a.day)""",
    "counts other jobs than it has": """
        select a.user_id from accounts a left join generations g on g.user_id = a.user_id group by a.user_id
        having a.queued <> count(*) filter (where g.state = 'queued')
            or a.running <> count(*) filter (where g.state = 'running')
            or a.queued_high <> count(*) filter (where g.state = 'queued' and g.priority = 1)
            or a.queued_low <> count(*) filter (where g.state = 'queued' and g.priority = -1)""",
    "has not the pictures that were asked for": """
        select g.id from generations g left join pictures p on p.generation_id = g.id group by g.id
        having count(p.id) not between (g.state = 'succeeded')::int
            and case when g.state = 'succeeded' then g.n else 0 end""",
    "paid for pictures that did not come, or not for those that did": """
        select g.id from generations g
        left join (select generation_id, count(*) as came from pictures group by generation_id) p
            on p.generation_id = g.id
        left join credit_transfers t on t.generation_id = g.id and t.out_of = 'spent'
        where g.state = 'succeeded' and coalesce(t.credits, 0) <> g.price - g.price * coalesce(p.came, 0) / g.n""",
    "has not exactly one attempt that succeeded": """
        select g.id from generations g left join attempts a on a.generation_id = g.id and a.outcome = 'succeeded'
        group by g.id having count(a.fence) <> (g.state = 'succeeded')::int""",
    "has a picture of another user, or with the key of another attempt": """
        select p.id from pictures p join generations g on g.id = p.generation_id
        left join attempts a on a.generation_id = g.id and a.outcome = 'succeeded'
        where p.user_id <> g.user_id or not p.object_key ^@ (a.object_stem || '-') or a.object_stem is null""",
    "has an attempt without an end": "select generation_id from attempts where outcome is null",
    "has attempts that overlap": """
        select a.generation_id from attempts a join attempts b
            on b.generation_id = a.generation_id and b.fence = a.fence + 1
        where b.started_at < a.finished_at""",
    "was attempted again blindly": """
        select a.generation_id from attempts a where a.outcome = 'unknown' and a.decision is distinct from 'retry'
            and exists (select from attempts b where b.generation_id = a.generation_id and b.fence > a.fence
                and b.failure is distinct from 'not_called')""",
    "was attempted more often than the policy allows": """
        select generation_id from attempts group by generation_id
        having count(*) filter (where outcome = 'unknown') > $1 + 1""",
}


async def violations(
    connection: Any, *, unknown_retries: int, keys: Collection[str] | None, calls: Sequence[Mapping[str, Any]] | None
) -> list[str]:
    """Every invariant that does not hold; none is what a run is to end with.

    :param connection: to the database, as its owner
    :param keys: of all objects in the store, after the sweeper; none: they are not compared
    :param calls: the painter's log, all of it; none: it is not compared
    """
    found = []
    for what, statement in _STATEMENTS.items():
        values = [unknown_retries] if "$1" in statement else []
        found += [f"{row[0]} {what}" for row in await connection.fetch(statement, *values)]
    if keys is not None:
        found += await _wrong_objects(connection, keys)
    if calls is not None:
        found += await _wrong_calls(connection, calls)
    return found


async def _wrong_objects(connection: Any, keys: Collection[str]) -> list[str]:
    rows = await connection.fetch("select object_key, thumbnail_key from pictures")
    named = {key for row in rows for key in row}
    assert all(row["thumbnail_key"] == thumbnail_key(row["object_key"]) for row in rows)
    lost = [f"{key} is in no store" for key in named - set(keys)]
    return lost + [f"{key} belongs to no picture" for key in set(keys) - named]


async def _wrong_calls(connection: Any, calls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each call is an attempt's, and each attempt that heard from the painter made one call."""
    made: dict[tuple[UUID, int], int] = {}
    for call in calls:
        generation_id, _, fence = str(call["client_request_id"]).rpartition("-")
        if not fence.isdecimal():
            continue  # a look at a prompt or a picture, which is no call of the painter
        name = UUID(generation_id), int(fence)
        made[name] = made.get(name, 0) + 1
    rows = await connection.fetch("select generation_id, fence, outcome::text, failure from attempts")
    attempts = {(row["generation_id"], row["fence"]): row for row in rows}
    found = [f"{name} was called and is no attempt" for name in made.keys() - attempts.keys()]
    for name, row in attempts.items():
        count = made.get(name, 0)
        # Whoever vanished may have done so before the call; `unavailable` may be no connection at all.
        open_end = row["outcome"] == "unknown" or row["failure"] == "unavailable"
        wanted = (0, 1) if open_end else (0,) if row["failure"] == "not_called" else (1,)
        if count not in wanted:
            found.append(f"{name} ended in {row['outcome']} {row['failure']} after {count} calls")
    return found
