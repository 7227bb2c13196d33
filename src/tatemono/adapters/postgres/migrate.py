"""Bring a database to the newest schema. Every migration works with the release before it and after it."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import asyncpg
from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATIONS = Path(__file__).parent / "migrations"
#: Two deploys at once must not both migrate. Any constant number does; this one spells TATE.
_LOCK = 0x54415445


async def migrate(dsn: str) -> None:
    """Run the migrations that are missing, each in a transaction of its own; a second caller waits for the first.

    :param dsn: of the role that owns the schema, `postgresql://…`
    """
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as lock, engine.connect() as connection:
            await lock.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            await connection.run_sync(_upgrade)
            await connection.commit()
    finally:
        await engine.dispose()


async def ensure_roles(dsn: str, roles: Iterable[str]) -> None:
    """Make the roles that migrations grant rights to. On RDS they sign in with IAM, nowhere else with anything.

    :param dsn: of a role that may make roles
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            # Two deploys at once must not both make them.
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            known = {row["rolname"] for row in await connection.fetch("select rolname from pg_roles")}
            for role in roles:
                # These statements take no parameters: the server quotes, not we.
                quoted = await connection.fetchval("select quote_ident($1)", role)
                if role not in known:
                    await connection.execute(f"create role {quoted} login")
                if "rds_iam" in known:
                    await connection.execute(f"grant rds_iam to {quoted}")
    finally:
        await connection.close()


def execute_each(statements: str) -> None:
    """For the migrations: run SQL statements, each of which ends with a semicolon at the end of a line.

    asyncpg prepares what SQLAlchemy gives it, and takes one statement at a time. A statement with such a line end
    within it (the body of a function) goes to `op.execute` by itself.
    """
    for statement in statements.split(";\n"):
        if statement.strip():
            op.execute(statement)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def main() -> None:
    """Run the migrations of `$DATABASE_URL`: the one-off task of a deploy."""
    from tatemono.settings import MigrationSettings, read  # noqa: PLC0415 - `migrate()` itself needs no settings

    settings = read(MigrationSettings)
    dsn = settings.database_url.get_secret_value()
    if settings.database_roles:
        asyncio.run(ensure_roles(dsn, settings.database_roles.split(",")))
    asyncio.run(migrate(dsn))


if __name__ == "__main__":
    main()
