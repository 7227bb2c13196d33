"""How fast jobs are claimed out of a long queue, with priorities and pause, and as it was without them."""

import asyncio
from statistics import median

import asyncpg
from benchmarks.pgbench import with_named, with_values
from benchmarks.place import Cores, execute, facts, postgres, scratch
from benchmarks.table import Section, Table, number, ratio
from rich.console import Console

from tatemono.adapters.postgres.generations.claims_sql import CLAIM
from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.postgres.database import EmbeddedPostgres, ensure_database
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.plan.building import read_plan

ROUNDS = 3
SECONDS = 4.0
CONNECTIONS = 4
PEOPLE, WAITING = 2_000, 50

_CLAIMED = {
    "lease": "interval '1 hour'",
    "max_running": "1000",
    "model": "'gpt-image-2'",
    "provider": "'first'",
    "most": "1",
}
#: The claim before priorities: one index of accounts for all that waits.
_BEFORE = """
with expired as (
    select id, user_id from generations where state = 'running' and lease_expires_at < now()
    order by lease_expires_at limit 1 for update skip locked
), turn as (
    select a.user_id from accounts a
    where a.queued > 0 and a.running < $2 and not exists (select from expired) and exists (
        select from generations g where g.user_id = a.user_id and g.state = 'queued' and g.not_before <= now())
    order by a.last_claimed_at limit 1 for update skip locked
), next as (
    select g.id, g.user_id from turn cross join lateral (
        select id, user_id from generations
        where user_id = turn.user_id and state = 'queued' and not_before <= now()
        order by id limit 1 for update skip locked) g
), chosen as (
    select id from expired union all select id from next
), claimed as (
    update generations set state = 'running', fence = fence + 1, lease_expires_at = now() + $1::interval,
        started_at = coalesce(started_at, now())
    from chosen where generations.id = chosen.id
    returning generations.*
), place as (
    update accounts set queued = queued - 1, running = running + 1, last_claimed_at = clock_timestamp()
    from next where accounts.user_id = next.user_id
), lost as (
    update attempts set outcome = 'unknown', failure = 'lease_lost', finished_at = now()
    from expired where attempts.generation_id = expired.id and attempts.outcome is null
), attempt as (
    insert into attempts (generation_id, fence, model) select id, fence, $3 from claimed
), event as (
    insert into generation_events (generation_id, kind, data)
    select id, 'started', jsonb_build_object('attempt', fence) from claimed
)
select claimed.*, claimed.cancel_requested_at is not null as cancelled, styles.prompt_suffix,
    1 + (select count(*)::int from attempts where attempts.generation_id = claimed.id) as attempt
from claimed left join styles on styles.id = claimed.style
"""
_BEFORE_INDEXES = (
    "drop index accounts_in_turn, accounts_in_turn_high, accounts_in_turn_low",
    "create index accounts_in_turn on accounts (last_claimed_at) where queued > 0",
)
_FILL = f"""
with people as (insert into users select from generate_series(1, {PEOPLE}) returning id), waiting as (
    insert into generations (user_id, prompt, size, quality, output_format, background, n, price, fingerprint)
    select id, 'A fox', '1024x1024', 'low', 'png', 'auto', 1, 2, '' from people, generate_series(1, {WAITING})
    returning user_id
)
insert into accounts (user_id, queued, held) select id, {WAITING}, {WAITING * 2} from people
"""
_CLEAR = "truncate users, accounts, generations, attempts, generation_events cascade"
_ARRANGEMENTS = {
    "all normal": "select",
    "all low, but one in a hundred high": """
        update generations set priority = case when user_id in (select user_id from accounts order by 1 limit 20)
            then 1 else -1 end""",
}
_RECOUNT = """
update accounts a set
    queued_high = (select count(*) from generations g where g.user_id = a.user_id and priority = 1),
    queued_low = (select count(*) from generations g where g.user_id = a.user_id and priority = -1)
"""


async def measure(console: Console) -> Section:
    where, cores = facts("asyncpg"), Cores()
    rates: dict[str, list[float]] = {}
    ratios: list[float] = []
    with scratch() as folder:
        async with postgres(folder, cores) as cluster:
            before, after = await _databases(cluster)
            for round_ in range(ROUNDS):
                with console.status(f"round {round_ + 1} of {ROUNDS}"):
                    old = await _rate(before, with_values(_BEFORE, list(_CLAIMED.values())), "all normal")
                    new = await _rate(after, with_named(CLAIM, _CLAIMED), "all normal")
                    mixed = await _rate(after, with_named(CLAIM, _CLAIMED), "all low, but one in a hundred high")
                ratios.append(new / old)
                for name, rate in (("before", old), ("now, all normal", new), ("now, mixed", mixed)):
                    rates.setdefault(name, []).append(rate)
    rows = [
        ["one priority, as it was", number(median(rates["before"])), ratio(1)],
        ["three priorities, pause; all normal", number(median(rates["now, all normal"])), ratio(median(ratios))],
        [
            "the same; 20 people high, all others low",
            number(median(rates["now, mixed"])),
            ratio(median(rates["now, mixed"]) / median(rates["before"])),
        ],
    ]
    remarks = (
        f"{PEOPLE * WAITING:,} generations of {PEOPLE:,} people wait; {CONNECTIONS} connections claim for "
        f"{SECONDS:.0f} s, each claim committed durably, contenders in turn. A claim takes one job, writes its attempt "
        "and its event."
    )
    table = Table("Claims a second out of a long queue", ["", "claims/s", "ratio"], rows, remarks)
    return Section("Claims", where, [table])


async def _databases(cluster: EmbeddedPostgres) -> tuple[str, str]:
    """Two with the newest schema, of which one has the indexes of before."""
    plan = read_plan().database
    address = f"127.0.0.1:{cluster.port}"
    urls = {role: secret_values.database_url(role, address, plan.name, None) for role in plan.roles}
    await prepare_database(plan, cluster.dsn(), urls)
    await ensure_database(cluster.dsn(), "before", "before_owner", "before")
    await execute(cluster.dsn(), "drop database before", f"create database before template {plan.name}")
    await execute(cluster.dsn("before"), *_BEFORE_INDEXES)
    return cluster.dsn("before"), cluster.dsn(plan.name)


async def _rate(url: str, statement: str, arrangement: str) -> float:
    await execute(url, _CLEAR, _FILL, _ARRANGEMENTS[arrangement], _RECOUNT, "vacuum analyze", "checkpoint")
    connections = [await asyncpg.connect(url, server_settings={"jit": "off"}) for _ in range(CONNECTIONS)]
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def claim(connection: asyncpg.Connection) -> int:
        prepared = await connection.prepare(statement)
        count = 0
        while loop.time() < begun + SECONDS:
            # Two that want the same person at the same moment: the one gets nothing, and asks again.
            count += await prepared.fetchrow() is not None
        return count

    try:
        total = sum(await asyncio.gather(*map(claim, connections)))
        return total / (loop.time() - begun)
    finally:
        for connection in connections:
            await connection.close()
