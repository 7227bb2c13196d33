"""Who reaches whom: everybody the plan says, and nobody else."""

from collections.abc import Iterator

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.network import ANYWHERE, NetworkMap, NetworkNode
from tatemono_tools.terraform.checks.stack import Finding, Stack

_CHECK = "reachability"
_DATABASE_PORT = 5432
_HTTPS = 443


def check_reachability(stack: Stack, plan: Plan) -> Iterator[Finding]:
    """The proof over routes, network ACLs and security groups, for every pair and every port that matters."""
    floors = NetworkMap(stack)
    yield from _connections(floors, plan)
    yield from _entrances(floors)
    yield from _exits(floors)
    yield from _vault(floors)
    yield from _nobodys_group(stack)


def _connections(floors: NetworkMap, plan: Plan) -> Iterator[Finding]:
    ports = _ports_of_services(plan)
    for caller in floors.rooms.values():
        for called in floors.rooms.values():
            if caller is called:
                continue
            allowed = _allowed(caller, called, plan)
            for port in sorted({*floors.ports, *ports}):
                if floors.reaches(caller, called, port) and port not in allowed:
                    yield Finding(
                        check=_CHECK,
                        where=f"{caller.name} -> {called.name}:{port}",
                        what="is open, and nothing needs it",
                    )
            for port in _needed(caller, called, plan):
                if not floors.reaches(caller, called, port):
                    yield Finding(
                        check=_CHECK,
                        where=f"{caller.name} -> {called.name}:{port}",
                        what="is closed, and the plan needs it",
                    )


def _ports_of_services(plan: Plan) -> set[int]:
    return {service.port for service in plan.services.values() if service.port is not None}


def _allowed(caller: NetworkNode, called: NetworkNode, plan: Plan) -> set[int]:
    """Services share one group, so what one may, all may: its limits are the ports."""
    kind, _, _ = caller.name.partition("/")
    to, _, _ = called.name.partition("/")
    inner = {"service", "function", "bastion"}
    if to == "service" and kind == "load-balancer":
        return _ports_of_services(plan)
    if to == "service" and kind == "service":
        return {plan.services[name].port or 0 for name in _called(plan)}
    if to == "database" and kind in inner:
        return {_DATABASE_PORT}
    if to == "endpoint" and kind in inner:
        return {_HTTPS}
    # The way out is open to every address at this port; within the VPC nobody else listens to the services.
    return set()


def _needed(caller: NetworkNode, called: NetworkNode, plan: Plan) -> Iterator[int]:
    kind, _, _ = caller.name.partition("/")
    to, _, name = called.name.partition("/")
    if kind == "load-balancer" and to == "service" and plan.services[name].port is not None:
        yield plan.services[name].port or 0
    if kind in {"service", "function", "bastion"} and to == "database":
        yield _DATABASE_PORT
    if kind in {"service", "function", "bastion"} and to == "endpoint":
        yield _HTTPS
    if kind == "service" and to == "service" and name in _called(plan):
        yield plan.services[name].port or 0


def _called(plan: Plan) -> list[str]:
    """Services that others call by name."""
    return [
        name for name, service in plan.services.items() if service.port is not None and f"{name}-url" in plan.parameters
    ]


def _entrances(floors: NetworkMap) -> Iterator[Finding]:
    found = 0
    for room in floors.rooms.values():
        for port in floors.ports:
            for rule in floors.entrances(room, port):
                if room.name == "load-balancer" and port == _HTTPS and _is_cloudfront(floors, rule.peer):
                    found += 1
                else:
                    yield Finding(
                        check=_CHECK, where=rule.address, what=f"lets {rule.peer} from outside to {room.name}:{port}"
                    )
    balancer = floors.rooms.get("load-balancer")
    if balancer is not None and balancer.public and not found:
        yield Finding(check=_CHECK, where="load-balancer", what="CloudFront does not reach it")


def _is_cloudfront(floors: NetworkMap, peer: str) -> bool:
    lists = floors.stack.all("data.aws_ec2_managed_prefix_list")
    names = {str(found.get("id")): found.text("name") for found in lists} | {
        "pl-cloudfront": "cloudfront.origin-facing"
    }
    return peer not in ANYWHERE and names.get(peer, "").endswith("cloudfront.origin-facing")


def _exits(floors: NetworkMap) -> Iterator[Finding]:
    for room in floors.rooms.values():
        for port in floors.ports:
            if not floors.exits(room, port):
                continue
            if not (room.name.startswith("service/") and port == _HTTPS):
                yield Finding(check=_CHECK, where=room.name, what=f"reaches the internet at port {port}")
        if room.name.startswith("service/") and not floors.exits(room, _HTTPS):
            yield Finding(check=_CHECK, where=room.name, what="does not reach the painter, Cognito and mail")


def _vault(floors: NetworkMap) -> Iterator[Finding]:
    database = floors.rooms.get("database")
    if database is None:
        yield Finding(check=_CHECK, where="database", what="there is none")
        return
    if database.public:
        yield Finding(check=_CHECK, where="database", what="has a public address")
    for subnet in database.subnets:
        if (way := floors.way_out(subnet)) is not None:
            yield Finding(
                check=_CHECK, where=floors.subnets[subnet].address, what=f"is the database's and leads out by {way}"
            )
    for rule in floors.rules:
        if rule.egress and rule.group in database.groups:
            yield Finding(check=_CHECK, where=rule.address, what=f"lets the database start connections to {rule.peer}")


def _nobodys_group(stack: Stack) -> Iterator[Finding]:
    for group in stack.all("aws_default_security_group"):
        if group.get("ingress") or group.get("egress"):
            yield Finding(check=_CHECK, where=group.address, what="the default group has rules, and is for nobody")
