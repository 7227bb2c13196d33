"""The bill of a month: what stands, what people do with it, and what AWS asks for both."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tatemono.domain.generations.image_models import ImageModel
from tatemono.domain.generations.painting import PainterUsage
from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.stack import Resource, Stack, as_list, json_of

PRICES = Path(__file__).parent / "prices.toml"
HOURS = 730
"""Of a month, as AWS counts."""
_SECONDS = 3600
_PROMPT_TOKENS = 200
"""Of a prompt of some length, with a style."""


@dataclass(frozen=True)
class Range:
    """At least, and at most."""

    low: float
    high: float

    def __mul__(self, factor: "float | Range") -> "Range":
        """:param factor: of another range, none below zero, the least and the most"""
        other = factor if isinstance(factor, Range) else exactly(factor)
        return Range(self.low * other.low, self.high * other.high)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)


def exactly(amount: float) -> Range:
    return Range(amount, amount)


NOTHING = Range(0, 0)


@dataclass(frozen=True, kw_only=True)
class Price:
    """:ivar usd: for one `unit`, between bounds if it could not be looked up; None: unknown"""

    usd: Range | None
    unit: str
    source: str
    date: date

    @property
    def is_assumed(self) -> bool:
        return self.usd is not None and self.usd.low != self.usd.high


@dataclass(frozen=True, kw_only=True)
class Line:
    """:ivar usd: None where the price is unknown
    :ivar part: the Terraform module, as in `building_parts.PARTS`; `painter` is outside
    """

    part: str
    what: str
    amount: Range
    price: Price
    per_picture: bool

    @property
    def usd(self) -> Range | None:
        return None if self.price.usd is None else self.amount * self.price.usd


@dataclass(frozen=True, kw_only=True)
class Use:
    """What people do in a month. The ranges are assumptions, and the estimate shows them.

    :ivar requests_per_picture: of the phone, everything included: events, gallery, sign-in
    :ivar views_per_picture: how often a picture is loaded
    :ivar picture_mb: of one picture as PNG
    :ivar seconds_per_picture: that a worker is busy with it
    :ivar months_kept: how many months of pictures are in the bucket
    """

    users: int
    pictures_per_user: float
    requests_per_picture: Range = Range(10, 40)
    views_per_picture: Range = Range(2, 10)
    picture_mb: Range = Range(1.5, 3.0)
    seconds_per_picture: Range = Range(15, 60)
    months_kept: Range = Range(1, 12)
    member_share: Range = Range(0.1, 1.0)
    attempts_per_picture: Range = Range(1.0, 1.2)

    @property
    def pictures(self) -> float:
        return self.users * self.pictures_per_user

    @property
    def stored_gb(self) -> Range:
        """New in one month."""
        return self.picture_mb * (self.pictures / 1000)


def read_prices(path: Path = PRICES) -> dict[str, Price]:
    """The table by name."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Price(**facts | {"usd": _usd(facts.get("usd"))}) for name, facts in table.items()}


def _usd(price: float | list[float] | None) -> Range | None:
    if price is None:
        return None
    return Range(*price) if isinstance(price, list) else exactly(price)


def painter_line(model: ImageModel, use: Use, today: date) -> Line:
    """What the painter asks: at least for pictures of the lowest quality it has, at most for the highest.

    By the registry of models, as the services count it; an unknown price blocks the line.
    """
    prices = next((prices for prices in reversed(model.prices) if prices.since <= today), None)
    costs: list[int] = []
    for quality in model.qualities:
        usage = PainterUsage(
            input_text_tokens=_PROMPT_TOKENS, input_image_tokens=0, output_tokens=model.output_tokens[quality]
        )
        micros = prices.micros(usage) if prices else None
        if micros is not None:
            costs.append(micros)
    spent = Range(min(costs, default=0), max(costs, default=0))
    amount = Range(
        spent.low * use.attempts_per_picture.low * use.pictures,
        spent.high * use.attempts_per_picture.high * use.pictures,
    )
    return Line(
        part="painter",
        what=f"{use.pictures:,.0f} pictures by {model.id}, lowest to highest quality",
        amount=amount * 1e-6,
        price=Price(
            usd=exactly(1.0) if costs else None,
            unit="USD by the registry of models",
            source="src/tatemono/models.yaml",
            date=prices.since if prices else today,
        ),
        per_picture=True,
    )


def estimate(stack: Stack, plan: Plan, use: Use, prices: dict[str, Price]) -> list[Line]:
    """Every line of AWS's bill."""

    def lines() -> Iterator[Line]:
        for part, what, amount, price, per_picture in (
            *_fixed(stack),
            *_tasks(stack, plan, use),
            *_by_use(use),
        ):
            yield Line(part=part, what=what, amount=amount, price=_price(prices, price), per_picture=per_picture)

    return list(lines())


def _price(prices: Mapping[str, Price], name: str) -> Price:
    """Of a class of databases that the table does not have: unknown."""
    what = name.partition(" ")[2]
    unknown = Price(usd=None, unit=f"{what} and hour", source=f"{what} is not in the table", date=date.max)
    return prices[name] if name in prices or not what else unknown


LineFacts = tuple[str, str, Range, str, bool]


def _copies(database: Resource) -> int:
    """A standby is a second instance with a disk of its own."""
    return 2 if database.get("multi_az") else 1


def _fixed(stack: Stack) -> Iterator[LineFacts]:
    """What costs the same without any use."""

    def count(*types: str) -> int:
        return len(stack.all(*types))

    interfaces = [found for found in stack.all("aws_vpc_endpoint") if found.get("vpc_endpoint_type") == "Interface"]
    zones = sum(len(as_list(found.get("subnet_ids"))) for found in interfaces)
    public = [found for found in stack.all("aws_lb") if not found.get("internal")]
    addresses = count("aws_eip") + sum(len(as_list(found.get("subnets"))) for found in public)
    rules = sum(len(as_list(found.get("rule"))) for found in stack.all("aws_wafv2_web_acl", "aws_wafv2_rule_group"))
    databases = stack.all("aws_db_instance")
    yield "network", "NAT gateways", exactly(count("aws_nat_gateway") * HOURS), "nat-hour", False
    yield "network", "interface endpoints, in every zone", exactly(zones * HOURS), "endpoint-hour", False
    yield "network", "public addresses", exactly(addresses * HOURS), "public-address-hour", False
    yield "edge", "load balancer", exactly(count("aws_lb") * HOURS), "balancer-hour", False
    yield "edge", "firewall", exactly(count("aws_wafv2_web_acl")), "firewall", False
    yield "edge", "rules of the firewall", exactly(rules), "firewall-rule", False
    for kind in sorted({str(found.get("instance_class")) for found in databases}):
        instances = sum(_copies(found) for found in databases if found.get("instance_class") == kind)
        yield "database", "instances, a standby counts", exactly(instances * HOURS), f"database-hour {kind}", False
    stored = Range(
        sum(_copies(found) * float(found.get("allocated_storage") or 0) for found in databases),
        sum(_copies(found) * float(found.get("max_allocated_storage") or 0) for found in databases),
    )
    yield "database", "storage, that of a standby counts", stored, "database-gb", False
    yield "secrets", "keys", exactly(count("aws_kms_key")), "key-month", False
    yield "secrets", "secrets", exactly(count("aws_secretsmanager_secret") + len(databases)), "secret-month", False
    yield "observability", "alarms", exactly(count("aws_cloudwatch_metric_alarm")), "alarm-month", False
    yield (
        "observability",
        "composite alarms",
        exactly(count("aws_cloudwatch_composite_alarm")),
        "composite-month",
        False,
    )
    yield "audit", "changes that Config writes down", Range(500, 5_000), "config-item", False
    yield (
        "audit",
        "evaluations of Config's rules",
        exactly(count("aws_config_config_rule")) * 100,
        "config-check",
        False,
    )
    yield "audit", "events that GuardDuty looks at", Range(100_000, 1_000_000), "guardduty-event", False
    yield "audit", "network flows that GuardDuty looks at", Range(1, 20), "guardduty-gb", False


def _tasks(stack: Stack, plan: Plan, use: Use) -> Iterator[LineFacts]:
    """Tasks: as many as must always run, and at most as many as the month's pictures keep busy."""
    targets = {str(found.index): found for found in stack.all("aws_appautoscaling_target")}
    cpu = memory = NOTHING
    for definition in stack.all("aws_ecs_task_definition"):
        service = plan.services.get(str(definition.index))
        target = targets.get(str(definition.index))
        if service is None or target is None or not as_list(json_of(definition.get("container_definitions"))):
            continue
        least = float(target.get("min_capacity") or 0)
        busy = use.seconds_per_picture * (use.pictures / _SECONDS / HOURS / (service.scaling.backlog_per_task or 1))
        needed = busy if service.consumes and service.scaling.backlog_per_task else NOTHING
        most = float(target.get("max_capacity") or least)
        tasks = Range(max(least, min(needed.low, most)), max(least, min(needed.high, most)))
        # Twice as many as at least: somewhere between night and the busiest hour.
        tasks = Range(tasks.low, max(tasks.high, min(2 * least, most)))
        cpu += tasks * (service.size.cpu / 1024 * HOURS)
        memory += tasks * (service.size.memory_mib / 1024 * HOURS)
    yield "services", "vCPU, as if nothing ran on spare capacity", cpu, "fargate-vcpu-hour", False
    yield "services", "memory", memory, "fargate-gb-hour", False


def _by_use(use: Use) -> Iterator[LineFacts]:
    """What costs more the more it is used."""
    pictures = use.pictures
    requests = use.requests_per_picture * pictures
    sent = Range(use.stored_gb.low * use.views_per_picture.low, use.stored_gb.high * use.views_per_picture.high)
    # The painter sends base64, four letters for three bytes, and previews besides.
    painted = Range(use.stored_gb.low * 4 / 3, use.stored_gb.high * 4 / 3 * 2)
    kept = Range(use.stored_gb.low * use.months_kept.low, use.stored_gb.high * use.months_kept.high)
    # One unit is 25 new connections a second or 1 GB an hour.
    units = Range(1, max(1.0, requests.high / HOURS / _SECONDS / 25 * 3))
    yield "network", "pictures from the painter, through NAT", painted, "nat-gb", True
    yield "edge", "capacity of the load balancer", units * HOURS, "balancer-unit-hour", False
    yield "edge", "pictures to phones", sent, "cloudfront-gb", True
    yield "edge", "requests", requests * (1 / 10_000), "cloudfront-request", True
    yield "edge", "requests that the firewall looks at", requests * (1 / 1_000_000), "firewall-million", True
    yield "storage", "pictures kept", kept, "object-gb", True
    yield "storage", "pictures and previews written", Range(2, 4) * pictures, "object-put", True
    yield "storage", "pictures read", use.views_per_picture * pictures, "object-get", True
    # Sent, received, deleted, and the heartbeats; and each waiting consumer asks three times a minute.
    yield "messaging", "requests", Range(3, 10) * pictures + exactly(10 * HOURS * 180), "queue-request", True
    yield "mail", "mails", Range(1, 4) * (use.users / 1000), "mail-thousand", False
    yield "identity", "members who sign in", use.member_share * use.users, "member-month", False
    yield "observability", "logs", requests * (1.5 / 1_000_000) + Range(1, 5), "log-gb", True
