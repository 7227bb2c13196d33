"""The plan's database on the embedded server: its owner, the roles of the services, the newest schema."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from tatemono.adapters import postgres
from tatemono_tools.laptop.postgres.database import ensure_database
from tatemono_tools.laptop.secret_values import database_role
from tatemono_tools.plan.building import Database

_FOLLOWS = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)
_MIGRATIONS = Path(postgres.__file__).parent / "migrations" / "versions"


async def prepare_database(database: Database, superuser_url: str, role_urls: Mapping[str, str]) -> None:
    """Make the database and the roles, give the roles their passwords, and run the migrations that are missing.

    :param superuser_url: of any database on the server
    :param role_urls: the connection string of each role that a service signs in as, from its secret
    """
    passwords = {role: unquote(urlsplit(url).password or "") for role, url in role_urls.items()}
    database_url = urlsplit(superuser_url)._replace(path=f"/{database.name}")
    # The migrations grant rights to the roles, so these are complete before those begin.
    _, version = await asyncio.gather(
        _ensure_roles(superuser_url, {database_role(role): passwords.get(role) for role in database.roles}),
        _schema_version(database_url.geturl()),
    )
    if version == newest_migration():
        return
    # Only the migrations sign in as the owner, so its password lives as long as they run.
    owner, password = f"{database.name}_owner", secrets.token_urlsafe(24)
    await ensure_database(superuser_url, database.name, owner, password)
    # Alembic and SQLAlchemy take longer to import than everything else here together, and later starts need neither.
    from tatemono.adapters.postgres.migrate import migrate  # noqa: PLC0415

    address = database_url.netloc.rpartition("@")[2]
    await migrate(database_url._replace(netloc=f"{owner}:{password}@{address}").geturl())


def newest_migration() -> str:
    """The version of a database whose migrations have all run: the one that no other follows.

    :raises ValueError: there are two such, so the migrations are in no order
    """
    files = list(_MIGRATIONS.glob("[0-9]*.py"))
    followed = {found for file in files for found in _FOLLOWS.findall(file.read_text(encoding="utf-8"))}
    (newest,) = {file.name.split("_")[0] for file in files} - followed
    return newest


async def _ensure_roles(superuser_url: str, passwords: Mapping[str, str | None]) -> None:
    connection = await asyncpg.connect(superuser_url)
    try:
        async with connection.transaction():
            known = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
            for role, password in passwords.items():
                verb = "ALTER" if role in known else "CREATE"
                login = "NOLOGIN PASSWORD NULL" if password is None else "LOGIN PASSWORD %L"
                # These statements take no parameters: the server quotes, not we.
                statement = await connection.fetchval(
                    "SELECT format($1, $2::text, $3::text)", f"{verb} ROLE %I NOSUPERUSER {login}", role, password
                )
                await connection.execute(statement)
    finally:
        await connection.close()


async def _schema_version(url: str) -> str | None:
    """The version the database says it has; none if there is no database, or nothing in it."""
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        return None
    try:
        version: str | None = await connection.fetchval("SELECT version_num FROM schema_versions")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return version
