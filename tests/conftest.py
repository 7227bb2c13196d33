"""What many tests need: the real servers, one of each for a whole run, started by whoever needs them first."""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import pytest

from processes import FOLDER_VARIABLE, Run, once_per_run, start
from tatemono_tools.laptop.cloud import cloud_command, cloud_ready
from tatemono_tools.laptop.postgres.database import SUPERUSER, EmbeddedPostgres, ensure_database
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.laptop.process.ports import choose
from tatemono_tools.laptop.secret_values import database_role
from tatemono_tools.plan.building import Plan, read_plan
from trust import trust_one_authority

_RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    # A worker of xdist has `workerinput`; what it starts belongs to the controller's run. And `tests.mutants` has begun
    # a run that many of pytest's belong to.
    if not hasattr(config, "workerinput") and FOLDER_VARIABLE not in os.environ:
        run = config.stash[_RUN] = Run()
        trust_one_authority(run.folder)
        parallel = getattr(config.option, "numprocesses", None)
        if parallel and run.in_memory and config.option.basetemp is None:
            # What tests start for themselves waits for no disk either. Of a run of one process all folders are kept.
            config.option.basetemp = run.folder / "tmp"


def pytest_unconfigure(config: pytest.Config) -> None:
    if run := config.stash.get(_RUN, None):
        run.end()


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL for tests, not durable. `password` is the superuser's and that of every role here."""

    host: str
    port: int
    superuser: str
    password: str

    def url(self, database: str = "postgres", role: str = SUPERUSER) -> str:
        return f"postgresql://{role}:{self.password}@{self.host}:{self.port}/{database}"


@dataclass(frozen=True)
class CloudEndpoint:
    """The embedded cloud. All tests of a run share it: name buckets and queues by something random."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str

    @property
    def environment(self) -> dict[str, str]:
        """What every AWS SDK reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def free_port() -> int:
    ports, _ = choose(remembered={}, preferred={"a test": 0}, asked={})
    return ports["a test"]


@pytest.fixture(scope="session")
def plan() -> Plan:
    return read_plan()


@pytest.fixture(scope="session")
async def postgres_server() -> PostgresServer:
    async def begin(folder: Path) -> dict[str, Any]:
        server = PostgresServer("127.0.0.1", free_port(), SUPERUSER, secrets.token_urlsafe(12))
        cluster = EmbeddedPostgres(
            data_dir=folder / "data", port=server.port, superuser_password=server.password, durable=False
        )
        cluster.initialise()
        argv = [*cluster.argv(), "-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"]
        await start(argv, cluster.environment(), cluster.ready, folder=folder, stop_signal="INT")
        return asdict(server)

    return PostgresServer(**await once_per_run("postgres", begin))


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: PostgresServer, plan: Plan) -> str:
    """The name of a database with the newest schema. Copy it; whoever connects to it stands in everybody's way."""
    name = plan.database.name

    async def begin(folder: Path) -> dict[str, Any]:
        urls = {role: postgres_server.url(name, database_role(role)) for role in plan.database.roles}
        await prepare_database(plan.database, postgres_server.url(), urls)
        await ensure_database(postgres_server.url(), name, f"{name}_owner", postgres_server.password)
        return {}

    await once_per_run("template", begin)
    return name


@pytest.fixture(scope="session")
async def _superuser(postgres_server: PostgresServer) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_server.url())
    yield connection
    await connection.close()


@pytest.fixture
async def database_url(postgres_server: PostgresServer, migrated_template: str, _superuser: Any) -> AsyncIterator[str]:
    """A database of the test's own with the newest schema, as its owner sees it."""
    name = f"test_{secrets.token_hex(8)}"
    owner = f"{migrated_template}_owner"
    await _superuser.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template} OWNER {owner} STRATEGY file_copy")
    yield postgres_server.url(name, owner)
    # A test that failed may have left connections.
    await _superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def service_database_url(database_url: str, postgres_server: PostgresServer) -> Callable[[str], str]:
    """The test's database as a role of the plan sees it, e.g. `image-worker`."""
    name = urlsplit(database_url).path.removeprefix("/")
    return lambda role: postgres_server.url(name, database_role(role))


@pytest.fixture(scope="session")
async def cloud(plan: Plan) -> CloudEndpoint:
    async def begin(folder: Path) -> dict[str, Any]:
        port, secret = free_port(), secrets.token_urlsafe(24)
        endpoint = CloudEndpoint(f"http://127.0.0.1:{port}", plan.region, "000000000001", secret)
        argv, environment = cloud_command(
            folder / "state", port, account_id=endpoint.access_key_id, secret_access_key=secret, region=plan.region
        )
        await start(argv, environment, lambda: cloud_ready(port), folder=folder)
        return asdict(endpoint)

    return CloudEndpoint(**await once_per_run("cloud", begin))


@pytest.fixture(scope="module")
def aws_environment(cloud: CloudEndpoint) -> Iterator[CloudEndpoint]:
    """The environment of a service that uses the embedded cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield cloud


@pytest.fixture(scope="session")
async def studio(worker_id: str) -> str:
    """The studio's base URL, without `/v1`. Each worker has its own, so that it may be told to misbehave."""

    async def begin(folder: Path) -> dict[str, Any]:
        url = f"http://127.0.0.1:{(port := free_port())}"

        async def ready() -> bool:
            try:
                async with httpx2.AsyncClient() as client:
                    return (await client.get(f"{url}/studio/health")).is_success
            except httpx2.TransportError:
                return False

        environment = {"STUDIO_PORT": str(port), "STUDIO_LATENCY": "0"}
        await start([sys.executable, "-m", "tatemono_studio"], environment, ready, folder=folder)
        return {"url": url}

    url: str = (await once_per_run(f"studio-{worker_id}", begin))["url"]
    return url
