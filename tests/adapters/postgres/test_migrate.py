"""The roles that the migrations grant rights to, made by the one-off task of a deploy."""

import asyncio

import asyncpg
import pytest

from conftest import PostgresServer
from tatemono.adapters.postgres.migrate import ensure_roles


class TestEnsureRoles:
    async def test_makes_each_role_once_and_lets_it_sign_in(self, postgres_server: PostgresServer) -> None:
        database_url = postgres_server.url()
        names = ["a_new_service", "another-new service"]
        await asyncio.gather(ensure_roles(database_url, names), ensure_roles(database_url, names))
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch(
                "select rolname, rolcanlogin, rolsuper, rolpassword is null as no_password"
                " from pg_authid where rolname = any($1) order by rolname",
                names,
            )
            assert [tuple(row) for row in rows] == [(name, True, False, True) for name in names]
        finally:
            for name in names:
                await connection.execute(f'drop role "{name}"')
            await connection.close()

    async def test_grants_what_rds_wants_of_those_that_sign_in_with_iam(self, postgres_server: PostgresServer) -> None:
        database_url = postgres_server.url()
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("create role rds_iam nologin")
            await ensure_roles(database_url, ["signs_in_with_iam"])
            assert await connection.fetchval("select pg_has_role('signs_in_with_iam', 'rds_iam', 'member')")
        finally:
            await connection.execute("drop role if exists signs_in_with_iam")
            await connection.execute("drop role rds_iam")
            await connection.close()

    async def test_says_whose_right_is_missing(self, service_database_url: object) -> None:
        assert callable(service_database_url)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ensure_roles(service_database_url("mobile-api"), ["not_to_be"])
