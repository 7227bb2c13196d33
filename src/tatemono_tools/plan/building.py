"""`infra/building.yaml`, typed: the plan that the laptop and the AWS account are both built from."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from tatemono.adapters.yaml_file import UnreadableFile, Where, YamlFile
from tatemono.settings import LimitRule
from tatemono_tools.plan.edge import Edge
from tatemono_tools.plan.identity import Identity
from tatemono_tools.plan.section import Name, Section, VariableName

PLAN_FILE = Path(__file__).parents[3] / "infra" / "building.yaml"

# One action, never a pattern: a service may do what it does, and nothing that looks alike.
ActionName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+$")]


class WrongPlan(ValueError):
    """The plan cannot be built; the message names the file, the line and the field of each fault."""


class Size(Section):
    """What Fargate gives a task: CPU units (1024 are one vCPU) and memory."""

    cpu: Literal[256, 512, 1024, 2048, 4096]
    memory_mib: int = Field(ge=512, le=30720)


class Scaling(Section):
    """How few and how many tasks of a service there may be.

    :ivar backlog_per_task: messages, waiting or being worked on, for which one task of a consumer is enough
    """

    min: int = Field(ge=0, le=1000)
    max: int = Field(ge=1, le=1000)
    backlog_per_task: int | None = Field(default=None, ge=1, le=10_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is larger than max")
        return self


class Variable(Section):
    """Where the value of one environment variable comes from; exactly one of the five.

    :ivar ip_set: the networks of one of the edge's sets, separated by commas
    :ivar limits: the section `limits`, as JSON
    """

    value: str | None = None
    parameter: Name | None = None
    secret: Name | None = None
    ip_set: Name | None = None
    limits: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = (self.value, self.parameter, self.secret, self.ip_set, self.limits)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give exactly one of value, parameter, secret, ip_set, limits")
        return self


class Service(Section):
    """One image, one command. `http` services have a port and a health path; `background` ones have neither.

    :ivar consumes: the queues that the service empties; their backlog says how many tasks there are
    :ivar protects_tasks: whether it asks ECS not to end a task that is at work
    :ivar moves_dead_letters: whether it empties the dead-letter queues of the queues whose URLs it has
    :ivar buckets: what the service does with the buckets whose names it has: IAM's names of the actions
    :ivar user_pools: what the service asks of Cognito's user pools with its own authority, as above
    :ivar identity_pools: and of its identity pools
    :ivar sends_mail: whether it may send mail by SES
    """

    kind: Literal["http", "background"]
    command: tuple[str, ...] = Field(min_length=1)
    port: int | None = Field(default=None, ge=1024, le=65535)
    health_path: str | None = Field(default=None, pattern=r"^/[a-z0-9/_-]+$")
    size: Size
    scaling: Scaling
    # ECS refuses more than 120 for stopTimeout on Fargate.
    stop_timeout_seconds: int = Field(ge=2, le=120)
    consumes: tuple[Name, ...] = ()
    protects_tasks: bool = False
    moves_dead_letters: bool = False
    buckets: dict[Name, tuple[ActionName, ...]] = Field(default_factory=dict)
    user_pools: dict[Name, tuple[ActionName, ...]] = Field(default_factory=dict)
    identity_pools: dict[Name, tuple[ActionName, ...]] = Field(default_factory=dict)
    sends_mail: bool = False
    environment: dict[VariableName, Variable]

    @model_validator(mode="after")
    def _backlog_with_queue(self) -> Self:
        if (not self.consumes) != (self.scaling.backlog_per_task is None):
            raise ValueError("consumes and scaling.backlog_per_task belong together")
        if self.consumes and self.kind == "http":
            raise ValueError("only a background service consumes a queue")
        return self

    @model_validator(mode="after")
    def _port_with_http(self) -> Self:
        if self.kind == "http" and (self.port is None or self.health_path is None):
            raise ValueError("an http service needs port and health_path")
        if self.kind == "background" and (self.port is not None or self.health_path is not None):
            raise ValueError("a background service has no port and no health_path")
        return self


class Queue(Section):
    """An SQS queue and its dead-letter queue (`<name>-dead`)."""

    visibility_timeout_seconds: int = Field(ge=1, le=43200)
    retention_seconds: int = Field(ge=60, le=1209600)
    receive_wait_seconds: int = Field(ge=0, le=20)
    max_receive_count: int = Field(ge=1, le=1000)


EventType = Literal["SEND", "DELIVERY", "DELIVERY_DELAY", "BOUNCE", "COMPLAINT", "REJECT"]


class Mail(Section):
    """SES: the configuration set that all mail goes through, and the queue for its events."""

    configuration_set: Name
    events_queue: Name
    event_types: tuple[EventType, ...] = Field(min_length=1)


class Uploads(Section):
    """A bucket takes forms of presigned POSTs: S3 itself on AWS, the front door's `/uploads/` on the laptop.

    :ivar max_bytes: of a whole form; each form says less
    """

    max_bytes: int = Field(ge=1024, le=52_428_800)


class Bucket(Section):
    """:ivar only: the service whose role alone may read and write it; none: every service that has its name"""

    versioned: bool
    only: Name | None = None
    uploads: Uploads | None = None


class Database(Section):
    engine_version: str
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    roles: tuple[Name, ...]


class Parameter(Section):
    """A Parameter Store entry. Without a value, the building itself provides it."""

    value: str | None = None
    description: str


class Secret(Section):
    """A Secrets Manager secret, and how its first value is made; Cognito makes a `user-pool-client`'s.

    `content-credentials` is a key with its certificates: made on the laptop, put in by a person on AWS.
    """

    generate: Literal[
        "random", "ec-p256-jwks", "ec-p256-pem", "database-url", "user-pool-client", "provided", "content-credentials"
    ]
    role: Name | None = None

    @model_validator(mode="after")
    def _role_with_database_url(self) -> Self:
        if (self.generate == "database-url") != (self.role is not None):
            raise ValueError("role belongs to generate: database-url, and only there")
        return self


class Plan(Section):
    name: Name
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    services: dict[Name, Service] = Field(min_length=1)
    queues: dict[Name, Queue]
    mail: Mail
    buckets: dict[Name, Bucket]
    database: Database
    identity: Identity
    limits: dict[Name, tuple[LimitRule, ...]]
    edge: Edge
    parameters: dict[Name, Parameter]
    secrets: dict[Name, Secret]

    def parameter_name(self, environment: str, entry: str) -> str:
        """The full Parameter Store name, `/${environment}/tatemono/${entry}`."""
        return f"/{environment}/{self.name}/{entry}"


def read_plan(path: Path = PLAN_FILE) -> Plan:
    """Read and check the plan.

    :raises WrongPlan: with one line per fault, each naming file, line and field
    """
    try:
        file = YamlFile(path)
    except UnreadableFile as error:
        raise WrongPlan(str(error)) from error
    faults = file.faults
    try:
        plan = Plan.model_validate(file.content)
    except ValidationError as error:
        faults += [(fault["loc"], fault["msg"].removeprefix("Value error, ")) for fault in error.errors()]
    else:
        faults += _broken_references(plan)
    if faults:
        raise WrongPlan(file.complaint(faults, "plan"))
    return plan


def _owners(plan: Plan) -> list[tuple[Where, str | None, Any, str]]:
    """The owners of buckets and secrets: where in the plan, the name, the known names, their kind."""
    of_buckets = ((("buckets", name, "only"), bucket.only) for name, bucket in plan.buckets.items())
    of_secrets = ((("secrets", name, "role"), secret.role) for name, secret in plan.secrets.items())
    return [
        *((where, name, plan.services, "service") for where, name in of_buckets),
        *((where, name, plan.database.roles, "database role") for where, name in of_secrets),
    ]


def _broken_references(plan: Plan) -> list[tuple[Where, str]]:
    faults: list[tuple[Where, str]] = []

    def check(where: Where, name: str | None, known: Any, kind: str) -> None:
        if name is not None and name not in known:
            faults.append((where, f"no {kind} is called {name!r}; there are: {', '.join(sorted(known)) or 'none'}"))

    for name, service in plan.services.items():
        for variable, source in service.environment.items():
            where: Where = ("services", name, "environment", variable)
            check((*where, "parameter"), source.parameter, plan.parameters, "parameter")
            check((*where, "secret"), source.secret, plan.secrets, "secret")
            check((*where, "ip_set"), source.ip_set, plan.edge.ip_sets, "ip_set")
    for index, behavior in enumerate(plan.edge.behaviors):
        at: Where = ("edge", "behaviors", index)
        http = {name for name, service in plan.services.items() if service.kind == "http"}
        check((*at, "service"), behavior.service, http, "http service")
        check((*at, "bucket"), behavior.bucket, plan.buckets, "bucket")
        check((*at, "ip_set"), behavior.ip_set, plan.edge.ip_sets, "ip_set")
        check((*at, "kind"), behavior.kind, plan.edge.content_security_policy, "content_security_policy")
    check(("mail", "events_queue"), plan.mail.events_queue, plan.queues, "queue")
    for where, owner, known, kind in _owners(plan):
        check(where, owner, known, kind)
    for name, pool in plan.identity.user_pools.items():
        of_clients = {secret for secret, made in plan.secrets.items() if made.generate == "user-pool-client"}
        at = ("identity", "user_pools", name)
        check((*at, "client", "secret"), pool.client.secret, of_clients, "secret with generate: user-pool-client")
        check((*at, "post_confirmation"), pool.post_confirmation, plan.identity.functions, "function")
    for name, function in plan.identity.functions.items():
        for variable, wanted in function.secrets.items():
            check(("identity", "functions", name, "secrets", variable), wanted, plan.secrets, "secret")
    both = plan.parameters.keys() & plan.secrets.keys()
    faults += [(("secrets", name), "is also the name of a parameter; the secret's ARN needs it") for name in both]
    return faults + _unknown_of_services(plan) + _repeated_values(plan)


def _unknown_of_services(plan: Plan) -> list[tuple[Where, str]]:
    queues, pools, buckets = set(plan.queues), set(plan.identity.user_pools), set(plan.buckets)
    known_parameters = {
        name: {source.parameter for source in one.environment.values()} for name, one in plan.services.items()
    }
    faults: list[tuple[Where, str]] = [
        (("services", name, "buckets"), f"says nothing of {bucket}, though the service has its name")
        for name, service in plan.services.items()
        for bucket in sorted(buckets - set(service.buckets))
        if f"{bucket}-bucket" in known_parameters[name]
    ]
    return faults + [
        (
            ("services", name, field, one),
            f"no {kind} is called {one!r}; there are: {', '.join(sorted(known)) or 'none'}",
        )
        for name, service in plan.services.items()
        for field, kind, wanted, known in (
            ("consumes", "queue", service.consumes, queues),
            ("buckets", "bucket", tuple(service.buckets), buckets),
            ("user_pools", "user pool", tuple(service.user_pools), pools),
            ("identity_pools", "identity pool", tuple(service.identity_pools), set(plan.identity.identity_pools)),
        )
        for one in wanted
        if one not in known
    ]


def _repeated_values(plan: Plan) -> list[tuple[Where, str]]:
    faults: list[tuple[Where, str]] = []
    ports: dict[int, str] = {}
    for name, service in plan.services.items():
        if service.port is not None and (other := ports.setdefault(service.port, name)) != name:
            faults.append((("services", name, "port"), f"{service.port} is the port of {other} already"))
    prefixes = [behavior.path_prefix for behavior in plan.edge.behaviors]
    faults += [
        (("edge", "behaviors", index, "path_prefix"), f"{prefix} stands in an earlier behavior already")
        for index, prefix in enumerate(prefixes)
        if prefix in prefixes[:index]
    ]
    if "/" not in prefixes:
        faults.append((("edge", "behaviors"), "no behavior has the path_prefix /, the default"))
    return faults
