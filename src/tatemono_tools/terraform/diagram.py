"""`tatemono infra diagram`: what stands on AWS as a picture, by network layer, in the style of the other pictures.

The picture says how it was made: a digest of the blueprints it shows. A test compares it with the blueprints of today.
"""

import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from tatemono_tools.terraform.checks.network import NetworkMap
from tatemono_tools.terraform.checks.stack import Stack, as_list
from tatemono_tools.terraform.runner import INFRA

WIDTH = 1300
_HOW = "drawn from the {source}; arrows are what security groups let through"
_ROW, _GAP, _MARGIN = 62, 14, 40
_STYLE = """
.card{fill:#fbf7ef}.wall{fill:#e9dfcd}.room{fill:#fffdf9;stroke:#d8cbb4}.vault{fill:#eef2f8;stroke:#b9c6da}
.sky{fill:#f3ecdf;stroke:#d8cbb4}.name{fill:#23242c}.text{fill:#3d3e48}.quiet{fill:#625d53}
.ask{stroke:#33598f}
@media (prefers-color-scheme:dark){
.card{fill:#15171d}.wall{fill:#2c3039}.room{fill:#1d2029;stroke:#454b59}.vault{fill:#1a2232;stroke:#43557a}
.sky{fill:#1c1f28;stroke:#454b59}.name{fill:#f4efe4}.text{fill:#d9d5cb}.quiet{fill:#a29d92}
.ask{stroke:#8fb4ee}
}
text{font-family:system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP",sans-serif;
font-size:14px}
.name{font-size:16px;font-weight:650}.title{font-size:22px;font-weight:650}.quiet{font-size:13px}
.end{text-anchor:end}.room,.vault,.sky{stroke-width:1.4}
.ask{fill:none;stroke-width:2.6;stroke-linecap:round}
"""

Box = tuple[str, str]
"""A name, and the text beneath it."""


def digest() -> str:
    """Of all that the picture follows from: the plan, the blueprints, and this file."""
    files = [
        INFRA / "building.yaml",
        *sorted(INFRA.glob("modules/*/*.tf")),
        *sorted(INFRA.glob("environment/*.tf")),
        INFRA / "env" / "prod.tfvars",
        Path(__file__),
    ]
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


def draw(stack: Stack, environment: str) -> str:
    """The SVG."""
    rows = list(_rows(stack))
    parts: list[str] = []
    top = 84
    for title, note, style, boxes in rows:
        columns = min(len(boxes), 6) or 1
        lines = -(-len(boxes) // columns)
        height = 46 + lines * (_ROW + _GAP)
        parts.append(_floor(top=top, height=height, title=title, note=note, style=style, boxes=boxes, columns=columns))
        top += height + 34
    arrows = _arrows(rows)
    height = top + 30
    title = f"What stands on AWS: {environment}"
    source = "applied state" if stack.applied else "plan"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<!-- blueprints {digest()} -->",
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="card" width="{WIDTH}" height="{height}" rx="18"/>',
        f'<text class="name title" x="{_MARGIN}" y="50">{escape(title)}</text>',
        f'<text class="quiet end" x="{WIDTH - _MARGIN}" y="50">{_HOW.format(source=source)}</text>',
    )
    return "\n".join(head) + "\n" + "".join(parts) + arrows + "</svg>\n"


def _rows(stack: Stack) -> Iterator[tuple[str, str, str, list[Box]]]:
    network = NetworkMap(stack)
    distribution = stack.one("aws_cloudfront_distribution")
    rules = sum(len(as_list(found.get("rule"))) for found in stack.all("aws_wafv2_web_acl", "aws_wafv2_rule_group"))
    behaviors = len(as_list(distribution.get("ordered_cache_behavior"))) + 1
    yield (
        "The gate",
        "",
        "sky",
        [
            ("CloudFront", f"{', '.join(as_list(distribution.get('aliases')))}, {behaviors} behaviours"),
            ("WAF", f"{rules} rules, {len(stack.all('aws_wafv2_ip_set'))} address sets"),
            (
                "Route 53 and ACM",
                f"{len(stack.all('aws_route53_record'))} records, {len(stack.all('aws_acm_certificate'))} certificates",
            ),
        ],
    )
    zones = sorted({subnet.text("availability_zone") for subnet in stack.all("aws_subnet")})
    yield (
        "Reception",
        f"public subnets in {', '.join(zones)}",
        "room",
        [
            ("Load balancer", _asked(network, "load-balancer")),
            *((f"NAT {nat.index}", "staff exit") for nat in stack.all("aws_nat_gateway")),
            ("Internet gateway", "front entrance"),
        ],
    )
    services = [_service(stack, str(found.index)) for found in stack.all("aws_ecs_service")]
    functions = [
        (f"λ {found.index}", f"{found.get('memory_size')} MiB, {found.get('timeout')} s")
        for found in stack.all("aws_lambda_function")
    ]
    interfaces = [
        str(found.index) for found in stack.all("aws_vpc_endpoint") if found.get("vpc_endpoint_type") == "Interface"
    ]
    yield (
        "Offices",
        "private subnets: the way out is NAT, and VPC endpoints",
        "room",
        [
            *services,
            *functions,
            ("Bastion", "Session Manager only"),
            ("VPC endpoints", f"{len(interfaces)} interfaces and S3"),
        ],
    )
    yield (
        "The vault",
        "isolated subnets: no way out",
        "vault",
        [
            ("PostgreSQL", f"{found.text('instance_class')}{', with a standby' if found.get('multi_az') else ''}")
            for found in stack.all("aws_db_instance")
        ],
    )
    yield (
        "Around the building",
        "AWS's own, reached by VPC endpoints or by signed requests",
        "sky",
        list(_around(stack)),
    )


def _around(stack: Stack) -> Iterator[Box]:
    for bucket in stack.all("aws_s3_bucket"):
        if "module.storage" in bucket.address:
            yield f"S3 {bucket.index}", "closed, TLS only"
    for queue in stack.all("aws_sqs_queue"):
        if queue.name == "this":
            yield f"SQS {queue.index}", f"{queue.get('visibility_timeout_seconds')} s, dead letters kept"
    for pool in stack.all("aws_cognito_user_pool"):
        yield f"Cognito {pool.index}", f"second factor {str(pool.get('mfa_configuration')).lower()}"
    yield "SES", "mail"
    yield (
        "Secrets",
        f"{len(stack.all('aws_secretsmanager_secret'))}, and {len(stack.all('aws_ssm_parameter'))} parameters",
    )
    yield "Alarms", f"{len(stack.all('aws_cloudwatch_metric_alarm'))} in CloudWatch"
    yield "Audit", "trail, threats, rules"


def _service(stack: Stack, name: str) -> Box:
    definition = next(found for found in stack.all("aws_ecs_task_definition") if found.index == name)
    target = next((found for found in stack.all("aws_appautoscaling_target") if found.index == name), None)
    tasks = f"{target.get('min_capacity')}-{target.get('max_capacity')} tasks" if target else "1 task"
    return name, f"{tasks}, {int(definition.text('cpu')) / 1024:g} vCPU"


def _asked(network: NetworkMap, name: str) -> str:
    ports = sorted({port for port in network.ports if network.entrances(network.nodes[name], port)})
    return f"port {', '.join(map(str, ports))}, CloudFront only" if ports else "private"


def _floor(*, top: int, height: int, title: str, note: str, style: str, boxes: Sequence[Box], columns: int) -> str:
    inner = WIDTH - 2 * _MARGIN
    width = (inner - (columns + 1) * _GAP) / columns
    drawn = [
        (
            f'<rect class="wall" x="{_MARGIN}" y="{top}" width="{inner}" height="{height}" rx="12"/>\n'
            f'<text class="name" x="{_MARGIN + _GAP}" y="{top + 29}">{escape(title)}</text>\n'
            f'<text class="quiet end" x="{WIDTH - _MARGIN - _GAP}" y="{top + 29}">{escape(note)}</text>\n'
        )
    ]
    for number, (name, text) in enumerate(boxes):
        x = _MARGIN + _GAP + (number % columns) * (width + _GAP)
        y = top + 42 + (number // columns) * (_ROW + _GAP)
        drawn.append(
            f'<rect class="{style}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW}" rx="9"/>'
            f'<text class="name" x="{x + 14:.1f}" y="{y + 26}">{escape(name)}</text>'
            f'<text class="text" x="{x + 14:.1f}" y="{y + 47}">{escape(text)}</text>\n'
        )
    return "".join(drawn)


def _arrows(rows: Sequence[tuple[str, str, str, list[Box]]]) -> str:
    """Down the middle: gate, reception, offices, vault."""
    drawn: list[str] = []
    top = 84
    labels = ("443, CloudFront's addresses only", "8100 and up, to web services", "5432")
    for number, (_, _, _, boxes) in enumerate(rows[:-2]):
        columns = min(len(boxes), 6) or 1
        height = 46 + -(-len(boxes) // columns) * (_ROW + _GAP)
        y, x = top + height, WIDTH / 2
        drawn.append(
            f'<path class="ask" d="M{x} {y + 3}V{y + 29}m-6 -7l6 7l6 -7"/>'
            f'<text class="quiet" x="{x + 16}" y="{y + 22}">{escape(labels[number])}</text>\n'
        )
        top += height + 34
    return "".join(drawn)
