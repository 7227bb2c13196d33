"""The parts of a building on the laptop, and what each needs: the plan's services between the embedded parts.

PostgreSQL, the cloud and the studio start together; when the first two answer, the plan's resources are made in them;
then the services and the front door start together. They stop in the opposite order: first the front door,
then the services, then what they write to.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.cloud.kept_state import KeptCloud
from tatemono_tools.laptop.painter.choice import ChosenPainter
from tatemono_tools.laptop.painter.painter import PainterRefused
from tatemono_tools.laptop.process import ports
from tatemono_tools.laptop.process.health import answers, health_problem
from tatemono_tools.laptop.process.part import Launch, Part, PartFailed
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.laptop.provision.provisioning import Provisioning
from tatemono_tools.plan.building import Plan, Service

if TYPE_CHECKING:
    from tatemono_tools.laptop.postgres.database import EmbeddedPostgres

HOST = "127.0.0.1"
HEALTH_PATH = "/v1/api/health"
DOCS_PATH = "/v1/api/docs"

#: The service that calls the painter.
_PAINTS = "image-worker"
_WAY_OUT = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}

_STOP_DOOR, _STOP_HTTP, _STOP_BACKGROUND, _STOP_STUDIO, _STOP_CLOUD, _STOP_POSTGRES = range(6)


class UnknownService(ValueError):
    """The plan has no such service; the message lists those it has."""


def check_services(plan: Plan, names: Collection[str]) -> None:
    """:raises UnknownService: a name is not in the plan"""
    if unknown := sorted(set(names) - plan.services.keys()):
        raise UnknownService(f"the plan has no service {', '.join(unknown)}; it has: {', '.join(plan.services)}")


def preferred_ports(plan: Plan) -> dict[str, int]:
    """The ports to choose: the usual ones at the front door, any others inside."""
    inside = (
        "postgres",
        "cloud",
        "studio",
        "inbox",
        *(name for name, service in plan.services.items() if service.port),
    )
    return {"https": 8443, "http": 8080} | dict.fromkeys(inside, 0)


def clean_environment() -> dict[str, str]:
    """What a service gets of the person's environment; the rest is from the plan, as in production."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Logs are UTF-8, also where the person's terminal is not.
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def way_out() -> dict[str, str]:
    """What the person's environment says of the way to the internet: a company's proxy, its certificate authority."""
    return {name: value for name, value in os.environ.items() if name.upper() in _WAY_OUT}


@dataclass
class Building:
    """The building of `plan` in `state`, on `ports` (by name: https, http, the embedded parts, the http services).

    :ivar chosen: who paints
    :ivar accept_loss: begin although a part of the cloud's state is lost for good
    :ivar tell: shows the person a sentence
    """

    plan: Plan
    state: StateFolder
    ports: Mapping[str, int]
    only: Collection[str] = ()
    chosen: ChosenPainter = field(default_factory=ChosenPainter)
    accept_loss: bool = False
    tell: Callable[[str], None] = lambda _sentence: None
    _password_was_lost: bool = False
    _started: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Two buildings that start at the same moment must not choose the same ports.
        self._held = {name: ports.hold(port) for name, port in self.ports.items()}

    @property
    def address(self) -> str:
        return f"https://localhost:{self.ports['https']}"

    @property
    def has_health(self) -> bool:
        """Whether the health route can answer for the building: it needs all services."""
        return len(self.services) == len(self.plan.services)

    @property
    def authority(self) -> Path:
        return self.state.certificates / "authority.pem"

    @property
    def services(self) -> dict[str, Service]:
        return {name: service for name, service in self.plan.services.items() if not self.only or name in self.only}

    def parts(self) -> list[Part]:
        provisioned = frozenset({"provision"})
        # No service may use a key before it is known to be the painter's.
        admitted = provisioned if self.chosen.painter.is_studio else provisioned | {"painter"}
        services = [
            Part(
                name=name,
                launch=partial(self._launch_service, name),
                ready=partial(self._service_ready, name),
                needs=admitted,
                address=f"http://{HOST}:{self.ports[name]}" if service.port else "",
                stop_order=_STOP_HTTP if service.kind == "http" else _STOP_BACKGROUND,
                stop_timeout_seconds=service.stop_timeout_seconds,
            )
            for name, service in self.services.items()
        ]
        return [
            self._postgres_part(),
            Part(
                name="cloud",
                launch=self._launch_cloud,
                ready=self._cloud_ready,
                address=f"http://{HOST}:{self.ports['cloud']}",
                stop_order=_STOP_CLOUD,
                stop_timeout_seconds=15,
            ),
            self._painter_part(),
            Part(
                name="inbox",
                launch=self._launch_inbox,
                ready=partial(answers, self.ports["inbox"], "/health"),
                address=f"http://{HOST}:{self.ports['inbox']}",
                stop_order=_STOP_STUDIO,
            ),
            Part(name="provision", launch=self._provision),
            *services,
            Part(
                name="door",
                launch=self._launch_door,
                ready=self._door_ready,
                needs=provisioned,
                address=self.address,
                stop_order=_STOP_DOOR,
                stop_signal=signal.SIGQUIT,
            ),
        ]

    def close(self) -> None:
        """Release the ports whose servers were never started, and remember what the cloud has kept."""
        self.kept_cloud.remember()
        for held in self._held.values():
            if held:
                held.close()

    def _take_port(self, part: str, name: str) -> int:
        """The port of `name` for the server that is about to start.

        :raises PartFailed: another program has taken it
        """
        port = self.ports[name]
        if held := self._held.pop(name, None):
            held.close()
        elif not ports.is_free(port):
            raise PartFailed(part, f"cannot have port {port}: it is held by {ports.holder(port)}")
        return port

    # --- PostgreSQL

    @cached_property
    def _postgres(self) -> "EmbeddedPostgres":
        from tatemono_tools.laptop.postgres.database import EmbeddedPostgres, kept_password  # noqa: PLC0415 - only `up` needs it

        data_dir, password_file = self.state.path / "postgres", self.state.path / "postgres-password"
        self._password_was_lost = data_dir.exists() and not password_file.exists()
        return EmbeddedPostgres(
            data_dir=data_dir, port=self.ports["postgres"], superuser_password=kept_password(password_file)
        )

    def _postgres_part(self) -> Part:
        from tatemono_tools.laptop.postgres.database import STOP_SIGNAL  # noqa: PLC0415 - as above

        return Part(
            name="postgres",
            launch=self._launch_postgres,
            ready=self._postgres_ready,
            address=f"postgresql://{HOST}:{self.ports['postgres']}/{self.plan.database.name}",
            stop_order=_STOP_POSTGRES,
            stop_signal=STOP_SIGNAL,
            stop_timeout_seconds=30,
        )

    async def _launch_postgres(self) -> Launch:
        await asyncio.to_thread(self._postgres.initialise)
        if self._password_was_lost:
            self.tell("the database's password was lost (postgres-password): it has a new one now")
            await asyncio.to_thread(self._postgres.replace_password)
            self._password_was_lost = False
        self._take_port("postgres", "postgres")
        return Launch(argv=self._postgres.argv(), environment=self._postgres.environment())

    async def _postgres_ready(self) -> bool:
        from tatemono_tools.laptop.postgres.database import DatabaseError  # noqa: PLC0415 - as above

        try:
            return await self._postgres.ready()
        except DatabaseError as error:
            advice = f"remove {self.state.path / 'postgres-password'}, and the next `{typed()} up` makes a new one"
            raise PartFailed("postgres", f"{error}: {advice}") from error

    # --- the cloud

    @cached_property
    def kept_cloud(self) -> KeptCloud:
        return KeptCloud(self.state, self.accept_loss, self.tell)

    @property
    def _picture_keys(self) -> Path:
        return self.state.path / "picture-keys.json"

    async def _launch_cloud(self) -> Launch:
        from tatemono_tools.laptop.cloud import cloud_command  # noqa: PLC0415 - as above
        from tatemono_tools.laptop.door.nginx import laptop_bucket  # noqa: PLC0415 - as above

        self.kept_cloud.refuse_losses()
        self._provisioning.lose_last_second()
        pictures = next((behavior.bucket for behavior in self.plan.edge.behaviors if behavior.bucket), None)
        argv, environment = cloud_command(
            self.kept_cloud.folder,
            self._take_port("cloud", "cloud"),
            **self.kept_cloud.credentials,
            region=self.plan.region,
            pictures_bucket=laptop_bucket(self.plan, pictures) if pictures else "",
            picture_keys=self._picture_keys,
            inherited=clean_environment(),
        )
        return Launch(argv=argv, environment=environment)

    async def _cloud_ready(self) -> bool:
        from tatemono_tools.laptop.cloud import cloud_ready  # noqa: PLC0415 - as above

        return await cloud_ready(self.ports["cloud"])

    # --- the painter

    def _painter_part(self) -> Part:
        if not self.chosen.painter.is_studio:
            return Part(
                name="painter",
                launch=self._check_painter,
                needs=frozenset({"provision"}),
                address=self.chosen.painter.url,
            )
        return Part(
            name="studio",
            launch=self._launch_studio,
            ready=partial(answers, self.ports["studio"], "/studio/health"),
            address=f"http://{HOST}:{self.ports['studio']}",
            stop_order=_STOP_STUDIO,
        )

    async def _check_painter(self) -> None:
        """:raises PartFailed: it will not paint with the key that is kept"""
        kept = self._provisioning.environment_of(_PAINTS)["OPENAI_API_KEY"]
        try:
            await self.chosen.check(kept)
        except PainterRefused as error:
            raise PartFailed("painter", f"cannot be had: {error}") from error

    async def _launch_studio(self) -> Launch:
        options = {name: value for name, value in os.environ.items() if name.startswith("STUDIO_")}
        address = {"STUDIO_HOST": HOST, "STUDIO_PORT": str(self._take_port("studio", "studio"))}
        argv = [sys.executable, "-m", "tatemono_studio"]
        return Launch(argv=argv, environment=clean_environment() | options | address)

    # --- the inbox

    async def _launch_inbox(self) -> Launch:
        settings = {
            "INBOX_PORT": str(self._take_port("inbox", "inbox")),
            "CLOUD_URL": f"http://{HOST}:{self.ports['cloud']}",
            "CLOUD_SECRET": self.kept_cloud.credentials["secret_access_key"],
            "PUBLIC_URL": self.address,
        }
        argv = [sys.executable, "-m", "tatemono_tools.laptop.inbox_page"]
        return Launch(argv=argv, environment=clean_environment() | settings)

    # --- the plan's resources

    @cached_property
    def _provisioning(self) -> Provisioning:
        return Provisioning(
            request=self._provision_request,
            environment=clean_environment(),
            may_begin=self._stores_ready,
            log=self.state.logs / "provision.log",
        )

    async def _provision(self) -> None:
        """:raises PartFailed: the plan's resources cannot be made"""
        await self._provisioning.make()

    async def _stores_ready(self) -> bool:
        return await self._cloud_ready() and await self._postgres_ready()

    def _provision_request(self) -> dict[str, Any]:
        return {
            "database_url": self._postgres.dsn(),
            "parameters": {
                "public-url": self.address,
                "uploads-url": f"{self.address}/uploads/",
                "distribution-id": "none",
                "openai-base-url": f"http://{HOST}:{self.ports['studio']}/v1",
                "admin-api-url": f"http://{HOST}:{self.ports['admin-api']}",
                **self.chosen.painter.parameters(),
            },
            "secrets": self.chosen.secrets(),
            "picture_keys_file": str(self._picture_keys),
            "service_ports": {name: self.ports[name] for name, service in self.plan.services.items() if service.port},
            "cloud": {
                "endpoint_url": f"http://{HOST}:{self.ports['cloud']}",
                "region": self.plan.region,
                "access_key_id": self.kept_cloud.credentials["account_id"],
                "secret_access_key": self.kept_cloud.credentials["secret_access_key"],
            },
        }

    # --- the plan's services

    async def _launch_service(self, name: str) -> Launch:
        if name in self._started:
            environment = await self._provisioning.refreshed_environment_of(name)
        else:
            environment = self._provisioning.environment_of(name)
        self._started.add(name)
        if name in self.ports:
            self._take_port(name, name)
        # Where services put files for a while is on the disk that all else of the building is on.
        temporary = self.state.path / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = environment | {"TMPDIR": str(temporary)}
        if name == _PAINTS and not self.chosen.painter.is_studio:
            environment |= way_out()
        python, *words = self.plan.services[name].command
        argv = [sys.executable if python == "python" else python, *words]
        return Launch(argv=argv, environment=clean_environment() | environment)

    async def _service_ready(self, name: str) -> bool:
        service = self.plan.services[name]
        return service.health_path is None or await answers(self.ports[name], service.health_path)

    # --- the front door

    async def _launch_door(self) -> Launch:
        from tatemono_tools.laptop.door.nginx import door_command  # noqa: PLC0415 - only `up` needs it

        await asyncio.to_thread(self._configure_door)
        for name in ("https", "http"):
            self._take_port("door", name)
        return Launch(argv=door_command(self._door_folder), environment=clean_environment())

    @property
    def _door_folder(self) -> Path:
        return self.state.path / "door"

    def _configure_door(self) -> None:
        from tatemono_tools.laptop.door import certificates  # noqa: PLC0415 - only `up` needs it
        from tatemono_tools.laptop.door.nginx import DoorFacts, write_configuration  # noqa: PLC0415 - as above

        made = certificates.ensure_certificates(
            self.state.certificates,
            names=certificates.machine_names(),
            host=socket.gethostname().lower(),
            now=datetime.now(UTC),
        )
        facts = DoorFacts(
            folder=self._door_folder,
            http_port=self.ports["http"],
            https_port=self.ports["https"],
            service_ports={name: self.ports[name] for name, service in self.plan.services.items() if service.port},
            cloud_port=self.ports["cloud"],
            certificate=made.certificate,
            certificate_key=made.key,
            origin_verify=self._provisioning.origin_verify,
        )
        write_configuration(self.plan, facts)

    async def _door_ready(self) -> bool:
        from tatemono_tools.laptop.door.nginx import door_ready  # noqa: PLC0415 - as above

        return await door_ready(self.ports["https"], self.authority)

    async def unhealthy(self) -> str | None:
        """What the health route behind the front door finds missing; None if nothing is."""
        return await health_problem(self.ports["https"], HEALTH_PATH, self.authority)
