"""A database with people in it, tokens that speak for them, and the services that are compared on it."""

import asyncio
import json
import re
import secrets
import sys
import time
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import asyncpg
import jwt
from benchmarks.load import Measured
from benchmarks.place import Cores, cpu_seconds, execute, free_port, listens, postgres, running, scratch

from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.generations.budgets import BUDGET_SHARDS
from tatemono.domain.identity.devices import SignedInDevice, UserKind
from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.postgres.database import EmbeddedPostgres, binary, ensure_database
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.plan.building import read_plan

#: A user may have 100 generations waiting, so a fast service needs many users.
USERS = 1_000
PICTURES_OF_A_USER = 21
#: More than a service remembers.
COLD_TOKENS = 60_000
POOL_SIZE = 10

_PUBLIC_URL = "https://localhost:8443"
_FIRST_USER = 100_000_000_001
_USER_ID = "('00000000-0000-7000-8000-' || {number}::text)::uuid"
#: An expression in a statement for `Stage.pgbench`.
USER_ID = _USER_ID.format(number=":user")
_PEOPLE = f"""
insert into users (id) select {_USER_ID.format(number=f"({_FIRST_USER} + i)")} from generate_series(0, {USERS - 1}) i;
insert into accounts (user_id) select id from users;
"""
_CLEAR = (
    """truncate generations, credit_transfers, outbox, attempts, pictures, generation_events, budget_shards,
    budget_returns, queue_forecasts cascade""",
    "update accounts set available = 1000000000, held = 0, queued = 0, day = null, day_micros = 0",
    # As the service does at a day's first request, which pgbench cannot.
    f"""insert into budget_shards (day, shard)
    select (now() at time zone 'Asia/Tokyo')::date, generate_series(0, {BUDGET_SHARDS - 1}) on conflict do nothing""",
)
_GALLERIES = f"""
with made as (
    insert into generations (user_id, prompt, size, quality, output_format, background, n, price, state, fingerprint,
        finished_at)
    select id, 'A lighthouse at dawn, seen from the sea', '1024x1024', 'low', 'png', 'auto', 1, 2, 'succeeded', '\\x00',
        now()
    from (select id from users order by id limit $1) people, generate_series(1, {PICTURES_OF_A_USER})
    returning id, user_id
)
insert into pictures (user_id, generation_id, position, object_key, thumbnail_key, content_type, width, height,
    size_bytes, sha256, thumbhash)
select user_id, id, 0, format('pictures/%s/%s/1-0.png', user_id, id),
    format('pictures/%s/%s/1-0-thumbnail.webp', user_id, id), 'image/png', 1024, 1024, 1482036, '\\x00',
    '\\xd507121d04670f8f6f77578748879787587890950a' from made
"""


@dataclass(frozen=True)
class Contender:
    name: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)


@dataclass(frozen=True)
class Stage:
    folder: Path
    cores: Cores
    cluster: EmbeddedPostgres
    contenders: Mapping[str, Contender]
    service_url: str
    origin_verify: str

    @property
    def warm_tokens(self) -> Path:
        return self.folder / "warm"

    @property
    def cold_tokens(self) -> Path:
        return self.folder / "cold"

    @property
    def template_tokens(self) -> Path:
        return self.folder / "template"

    async def clear(self) -> None:
        """Everybody is rich, and nobody has asked for anything."""
        await execute(self.cluster.dsn("tatemono"), *_CLEAR, "vacuum analyze accounts", "checkpoint")

    async def hang_pictures(self, users: int) -> None:
        """A gallery for each of the first users."""
        await self.clear()
        connection = await asyncpg.connect(self.cluster.dsn("tatemono"))
        try:
            await connection.execute(_GALLERIES, users, timeout=120)
            await connection.execute("vacuum analyze generations, pictures", timeout=120)
        finally:
            await connection.close()

    async def written(self) -> tuple[int, int, int]:
        """How many generations, transfers and tickets there are since `clear`."""
        connection = await asyncpg.connect(self.cluster.dsn("tatemono"))
        try:
            row = await connection.fetchrow(
                """select (select count(*) from generations), (select count(*) from credit_transfers),
                (select count(*) from outbox)"""
            )
        finally:
            await connection.close()
        return row[0], row[1], row[2]

    async def pgbench(self, statement: str, *, seconds: int, clients: int, users: int) -> Measured:
        """A statement by itself.

        :param statement: without parameters; `USER_ID` in it is one user after another, and `:key` is never the same
        """
        script = self.folder / "script.sql"
        chosen = rf"\set user random({_FIRST_USER}, {_FIRST_USER + users - 1})"
        script.write_text(f"{chosen}\n\\set key random(1, 9000000000000000000)\n{statement};\n")
        log = self.folder / f"pgbench-{secrets.token_hex(4)}"
        options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", str(script)]
        words_of_log = ["-l", f"--log-prefix={log}"]
        argv = self.cores.application([str(binary("pgbench")), *options, *words_of_log, self.service_url])
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*argv, stdout=pipe, stderr=pipe)
        output, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"pgbench: {errors.decode()}")
        (requests,) = map(int, re.findall(rb"actually processed: (\d+)", output))
        (per_second,) = map(float, re.findall(rb"tps = ([\d.]+)", output))
        (file,) = self.folder.glob(f"{log.name}.*")
        cuts = quantiles((int(line.split()[2]) / 1000 for line in file.read_text().splitlines()), n=100)
        file.unlink()
        return Measured(requests, requests / per_second, cuts[49], cuts[98])


@asynccontextmanager
async def stage(
    names: Collection[str] = ("tatemono", "plain", "template"), *, cold_tokens: int = COLD_TOKENS
) -> AsyncIterator[Stage]:
    """Those servers, running, on one database."""
    cores = Cores()
    with scratch() as folder:
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(postgres(folder, cores))
            urls = await _prepare(cluster)
            told = _environment(urls["mobile-api"])
            await asyncio.to_thread(_mint, told, folder, cold_tokens)
            contenders = {}
            for name, (more, argv) in _servers(cluster).items():
                if name not in names:
                    continue
                port = free_port()
                process = await stack.enter_async_context(
                    running(
                        cores.application([word.replace("PORT", str(port)) for word in argv]),
                        listens(port),
                        log=folder / f"{name}.log",
                        environment=told | more | {"PORT": str(port)},
                    )
                )
                contenders[name] = Contender(name, port, process.pid)
            yield Stage(folder, cores, cluster, contenders, urls["mobile-api"], told["ORIGIN_VERIFY"])


async def _prepare(cluster: EmbeddedPostgres) -> dict[str, str]:
    database = read_plan().database
    address = f"127.0.0.1:{cluster.port}"
    urls = {role: secret_values.database_url(role, address, database.name, None) for role in database.roles}
    await prepare_database(database, cluster.dsn(), urls)
    await execute(cluster.dsn(database.name), _PEOPLE)
    await ensure_database(cluster.dsn(), "template", "template_owner", "template")
    await execute(
        cluster.dsn("template"),
        """create table "user" (id uuid primary key, email varchar(255) not null unique, is_active bool not null);
        create table item (id uuid primary key, title varchar(255) not null, description varchar(4000),
            owner_id uuid not null references "user" on delete cascade);
        alter table "user" owner to template_owner; alter table item owner to template_owner;""",
        f"""insert into "user" select {_USER_ID.format(number=f"({_FIRST_USER} + i)")}, i || '@example.jp', true
        from generate_series(0, {USERS - 1}) i""",
    )
    return urls


def _environment(database_url: str) -> dict[str, str]:
    picture_key = secret_values.private_key_pem()
    return {
        "SERVICE_NAME": "mobile-api",
        "DATABASE_URL": database_url,
        "ORIGIN_VERIFY": secret_values.random_value(),
        "TOKEN_SIGNING_KEYS": secret_values.signing_keys(),
        "REFRESH_ROTATION_KEY": secret_values.random_value(),
        "TRANSFER_CODE_KEY": secret_values.random_value(),
        "DEVICE_IDENTIFIER_KEY": secret_values.random_value(),
        "UNSUBSCRIBE_KEY": secret_values.random_value(),
        "RECEIPT_KEY": secret_values.random_value(),
        # Nobody is slowed down here, and nobody is a member.
        "LIMITS": json.dumps({name: [] for name in read_plan().limits}),
        "MEMBERS_POOL_ID": "none",
        "MEMBERS_CLIENT_ID": "none",
        "MEMBERS_CLIENT_SECRET": "none",
        "PICTURE_URL_KEY": picture_key,
        "PICTURE_URL_KEY_ID": secret_values.public_key(picture_key)[0],
        "PUBLIC_URL": _PUBLIC_URL,
        "WELCOME_CREDITS": "500",
        "IMAGE_MODEL": "gpt-image-2",
        "UPLOADS_BUCKET": "none",
        "UPLOADS_URL": f"{_PUBLIC_URL}/uploads/",
        # Nobody is given anything, and nobody reaches a budget.
        "DAILY_CREDITS": "0",
        "USER_DAY_BUDGET_DOLLARS": "1000000",
        "ENVIRONMENT_DAY_BUDGET_DOLLARS": "100000000",
        "DAY_TIME_ZONE": "Asia/Tokyo",
        "TEMPLATE_SECRET_KEY": secret_values.random_value(),
    }


def _servers(cluster: EmbeddedPostgres) -> dict[str, tuple[dict[str, str], list[str]]]:
    """What each is told besides, and its command."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--port", "PORT"]
    template = {
        "TEMPLATE_DATABASE_URL": f"postgresql+psycopg://template_owner:template@127.0.0.1:{cluster.port}/template"
    }
    return {
        "tatemono": ({}, [sys.executable, "-m", *read_plan().services["mobile-api"].command[2:]]),
        "pool alone": ({}, [sys.executable, "-m", "benchmarks.servers.pool_alone"]),
        "plain": ({}, [*uvicorn, "benchmarks.servers.plain_fastapi:app"]),
        "template": (template, [*uvicorn, "benchmarks.servers.template_item:app"]),
    }


def _mint(environment: Mapping[str, str], folder: Path, cold: int) -> None:
    tokens = AccessTokens(environment["TOKEN_SIGNING_KEYS"], issuer=_PUBLIC_URL, lifetime_seconds=86_400)
    now = int(time.time())
    people = [uuid.UUID(f"00000000-0000-7000-8000-{_FIRST_USER + i}") for i in range(USERS)]

    def token(number: int) -> str:
        device = SignedInDevice(
            uuid.uuid4(), people[number % USERS], UserKind.GUEST, new=False, session_id=uuid.uuid4()
        )
        return tokens.issue(device, key_thumbprint="x" * 43, now=now)

    (folder / "warm").write_text("\n".join(map(token, range(USERS))))
    (folder / "cold").write_text("\n".join(map(token, range(cold))))
    (folder / "template").write_text(
        "\n".join(
            jwt.encode({"sub": str(user), "exp": now + 86_400}, environment["TEMPLATE_SECRET_KEY"]) for user in people
        )
    )
