"""`tatemono infra tour`: a walk through what stands, floor by floor, in the words of the building."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tatemono_tools.terraform.checks.network import LAST_PORT, NetworkMap, NetworkNode
from tatemono_tools.terraform.checks.stack import Resource, Stack, as_list

Said = dict[str, str]


@dataclass(frozen=True)
class Stop:
    """One thing to look at.

    :ivar identity: what AWS calls it
    :ivar talks_to: what it reaches, as routes, network ACLs and security groups decide
    """

    name: str
    what: str
    identity: str
    talks_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Floor:
    title: str
    stops: tuple[Stop, ...]


WORDS: dict[str, Said] = {
    "gate": {"en": "In front: the gate", "ja": "門の前"},
    "public": {"en": "Reception (public subnets)", "ja": "1階 受付(パブリックサブネット)"},
    "private": {"en": "Offices (private subnets)", "ja": "2階 執務室(プライベートサブネット)"},
    "isolated": {"en": "The vault (isolated subnets)", "ja": "地下 書庫(隔離サブネット)"},
    "around": {"en": "Around the building", "ja": "建物のまわり"},
    "papers": {"en": "Papers, badges and guards", "ja": "書類・職員証・警備"},
    "distribution": {"en": "the gate: everybody comes through here", "ja": "門。すべての来館者がここを通る"},
    "firewall": {
        "en": "guards at the gate: rates, known attacks, who may go where",
        "ja": "門番。回数制限、既知の攻撃、立入制限",
    },
    "balancer": {
        "en": "information desk: sends each visitor to the right room",
        "ja": "総合案内。来館者を担当の部屋へ案内する",
    },
    "nat": {"en": "staff exit: out, never in", "ja": "職員用出口。出るだけで、入れない"},
    "internet": {"en": "front entrance", "ja": "正面玄関"},
    "service": {"en": "a room where work happens", "ja": "仕事の部屋"},
    "function": {"en": "the receptionist's second copy", "ja": "受付の控え"},
    "bastion": {"en": "service entrance, by Session Manager only", "ja": "通用口。Session Manager だけで入る"},
    "endpoint": {"en": "delivery tunnel to an AWS service", "ja": "AWS サービスへの搬入路"},
    "database": {"en": "the archive; it starts no conversation itself", "ja": "書庫。自分からは話しかけない"},
    "standby": {"en": "mirrored in another zone", "ja": "別のゾーンに写しがある"},
    "bucket": {"en": "warehouse", "ja": "倉庫"},
    "queue": {"en": "letter box; undeliverable letters go to", "ja": "郵便受け。届かない手紙の行き先:"},
    "post": {"en": "post office", "ja": "郵便局"},
    "pool": {"en": "reception desk: passwords, codes, second factor", "ja": "受付。パスワード、確認コード、二要素認証"},
    "visitors": {"en": "visitor passes for guests", "ja": "ゲストの入館証"},
    "safe": {"en": "the safe: {count} secrets under one key", "ja": "金庫。{count} 個の秘密を 1 本の鍵で守る"},
    "cards": {
        "en": "index cards: {count}, which say what is in which safe",
        "ja": "索引カード {count} 枚。どの金庫に何があるかを示す",
    },
    "badges": {"en": "staff badges: {count} roles", "ja": "職員証。{count} 種類のロール"},
    "sensors": {"en": "sensors: {count} alarms", "ja": "センサー。{count} 個のアラーム"},
    "trail": {"en": "visitor log, which nobody can tear pages from", "ja": "来館記録。誰もページを破れない"},
    "guard": {"en": "a guard who looks for threats", "ja": "脅威を見張る警備員"},
    "nobody": {"en": "nobody", "ja": "なし"},
    "internet-out": {"en": "the internet, port 443", "ja": "インターネット(443 番)"},
    "headings": {"en": "what|which|may talk to", "ja": "役割|AWS での名前|話しかけてよい相手"},
    "welcome": {
        "en": "A walk through {environment}. Who may talk to whom follows from routes, network ACLs and groups.",
        "ja": (
            "{environment} の建物を案内します。"
            "話しかけてよい相手は、ルート、ネットワーク ACL、セキュリティグループから計算しています。"
        ),
    },
}


def walk(stack: Stack, environment: str, language: str, console: Console) -> None:
    """Show every floor, from the gate down to the vault, and what is around."""
    console.print(WORDS["welcome"][language].format(environment=environment), style="italic")
    names, ids, talks = WORDS["headings"][language].split("|")
    for floor in floors(stack, language):
        table = Table(box=None, padding=(0, 1), expand=True)
        table.add_column("", style="bold", ratio=3, overflow="fold")
        table.add_column(names, ratio=5, overflow="fold")
        table.add_column(ids, style="cyan", ratio=5, overflow="fold")
        if any(stop.talks_to for stop in floor.stops):
            table.add_column(talks, ratio=5, overflow="fold")
        for stop in floor.stops:
            row = [Text(stop.name), Text(stop.what), Text(stop.identity)]
            table.add_row(*row, *([Text(", ".join(stop.talks_to))] if len(table.columns) > len(row) else []))
        console.print(Panel(table, title=floor.title, title_align="left", border_style="dim"))


def floors(stack: Stack, language: str) -> list[Floor]:
    """What stands where, in the order of the walk."""

    def say(word: str) -> str:
        return WORDS[word][language]

    network = NetworkMap(stack)
    return [
        Floor(say("gate"), tuple(_gate(stack, language))),
        Floor(say("public"), tuple(_reception(stack, network, language))),
        Floor(say("private"), tuple(_offices(stack, network, language))),
        Floor(say("isolated"), tuple(_vault(stack, network, language))),
        Floor(say("around"), tuple(_around(stack, language))),
        Floor(say("papers"), tuple(_papers(stack, language))),
    ]


def _gate(stack: Stack, language: str) -> Iterator[Stop]:
    for gate in stack.all("aws_cloudfront_distribution"):
        yield Stop(
            "CloudFront",
            WORDS["distribution"][language],
            f"{gate.text('id')} ({', '.join(as_list(gate.get('aliases')))})",
        )
    for acl in stack.all("aws_wafv2_web_acl"):
        yield Stop("WAF", WORDS["firewall"][language], acl.text("name"))


def _reception(stack: Stack, network: NetworkMap, language: str) -> Iterator[Stop]:
    for gateway in stack.all("aws_internet_gateway"):
        yield Stop("Internet gateway", WORDS["internet"][language], gateway.text("id"))
    for balancer in stack.all("aws_lb"):
        yield Stop(
            "ALB", WORDS["balancer"][language], balancer.text("name"), _talks(network, "load-balancer", language)
        )
    for nat in stack.all("aws_nat_gateway"):
        yield Stop("NAT", WORDS["nat"][language], nat.text("id"), (WORDS["internet-out"][language],))


def _offices(stack: Stack, network: NetworkMap, language: str) -> Iterator[Stop]:
    for service in stack.all("aws_ecs_service"):
        name = str(service.index)
        yield Stop(
            name,
            WORDS["service"][language],
            service.text("task_definition"),
            _talks(network, f"service/{name}", language),
        )
    for function in stack.all("aws_lambda_function"):
        yield Stop(
            str(function.index),
            WORDS["function"][language],
            function.text("function_name"),
            _talks(network, f"function/{function.index}", language),
        )
    for machine in stack.all("aws_instance"):
        yield Stop("bastion", WORDS["bastion"][language], machine.text("id"), _talks(network, "bastion", language))
    for endpoint in stack.all("aws_vpc_endpoint"):
        yield Stop(str(endpoint.index or "s3"), WORDS["endpoint"][language], endpoint.text("id"))


def _vault(stack: Stack, network: NetworkMap, language: str) -> Iterator[Stop]:
    for database in stack.all("aws_db_instance"):
        what = WORDS["database"][language]
        if database.get("multi_az"):
            what += f" ({WORDS['standby'][language]})"
        identity = f"{database.text('identifier')}, {database.text('instance_class')}"
        yield Stop("RDS PostgreSQL", what, identity, _talks(network, "database", language))


def _around(stack: Stack, language: str) -> Iterator[Stop]:
    queues = stack.by("aws_sqs_queue", "arn")
    for bucket in stack.all("aws_s3_bucket"):
        if "module.storage" in bucket.address:
            yield Stop(f"S3 {bucket.index}", WORDS["bucket"][language], bucket.text("bucket"))
    for queue in queues.values():
        if queue.name == "this":
            yield Stop(f"SQS {queue.index}", f"{WORDS['queue'][language]} {queue.index}-dead", queue.text("name"))
    for identity in stack.all("aws_sesv2_email_identity"):
        yield Stop("SES", WORDS["post"][language], identity.text("email_identity"))
    for pool in stack.all("aws_cognito_user_pool"):
        yield Stop(f"Cognito {pool.index}", WORDS["pool"][language], pool.text("id"))
    for pool in stack.all("aws_cognito_identity_pool"):
        yield Stop(f"Cognito {pool.index}", WORDS["visitors"][language], pool.text("id"))


def _papers(stack: Stack, language: str) -> Iterator[Stop]:
    counted = {
        "Secrets Manager": ("safe", stack.all("aws_secretsmanager_secret")),
        "Parameter Store": ("cards", stack.all("aws_ssm_parameter")),
        "IAM": ("badges", stack.all("aws_iam_role")),
        "CloudWatch": ("sensors", stack.all("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")),
    }
    for name, (word, found) in counted.items():
        if found:
            yield Stop(name, WORDS[word][language].format(count=len(found)), _first(found))
    for trail in stack.all("aws_cloudtrail"):
        yield Stop("CloudTrail", WORDS["trail"][language], trail.text("name"))
    for detector in stack.all("aws_guardduty_detector"):
        yield Stop("GuardDuty", WORDS["guard"][language], detector.text("id"))


def _first(found: list[Resource]) -> str:
    name = found[0].text("name") or found[0].text("alarm_name")
    return f"{name}, …" if len(found) > 1 else name


def _talks(network: NetworkMap, name: str, language: str) -> tuple[str, ...]:
    caller = network.nodes[name]
    reached: dict[str, list[int]] = {}
    for called in network.nodes.values():
        ports = [port for port in _ports(network) if called is not caller and network.reaches(caller, called, port)]
        for port in ports:
            reached.setdefault(_kind(called), []).append(port)
    names = [f"{kind}:{'/'.join(str(port) for port in sorted(set(ports)))}" for kind, ports in reached.items()]
    if any(network.exits(caller, port) for port in _ports(network)):
        names.append(WORDS["internet-out"][language])
    return tuple(names) or (WORDS["nobody"][language],)


def _ports(network: NetworkMap) -> list[int]:
    """Ports that a rule names; the ones beside them are for proofs, not for reading."""
    return sorted({port for rule in network.rules for port in (rule.first, rule.last) if 0 < port < LAST_PORT})


def _kind(node: NetworkNode) -> str:
    kind, _, name = node.name.partition("/")
    # Services share a group, and endpoints do: what reaches one reaches all.
    return {"endpoint": "endpoints", "service": "services"}.get(kind, name or kind)
