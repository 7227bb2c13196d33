"""Which node reaches which: those that the plan needs, and no other."""

from collections.abc import Iterator

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.network import ANYWHERE, NetworkMap, NetworkNode
from tatemono_tools.terraform.checks.stack import Finding, Stack

_CHECK = "reachability"
_DATABASE_PORT = 5432
_HTTPS = 443


def check_reachability(stack: Stack, plan: Plan) -> Iterator[Finding]:
    """The proof over routes, network ACLs and security groups, for every pair and every port that matters."""
    network = NetworkMap(stack)
    yield from _connections(network, plan)
    yield from _entrances(network)
    yield from _exits(network)
    yield from _database(network)
    yield from _default_group(stack)


def _connections(network: NetworkMap, plan: Plan) -> Iterator[Finding]:
    ports = _ports_of_services(plan)
    for caller in network.nodes.values():
        for called in network.nodes.values():
            if caller is called:
                continue
            allowed = _allowed(caller, called, plan)
            for port in sorted({*network.ports, *ports}):
                if network.reaches(caller, called, port) and port not in allowed:
                    yield Finding(
                        check=_CHECK,
                        where=f"{caller.name} -> {called.name}:{port}",
                        what="is open, and nothing needs it",
                    )
            for port in _needed(caller, called, plan):
                if not network.reaches(caller, called, port):
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
    # The internet is open at this port to every address; within the VPC no other node accepts the services.
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


def _entrances(network: NetworkMap) -> Iterator[Finding]:
    found = 0
    for node in network.nodes.values():
        for port in network.ports:
            for rule in network.entrances(node, port):
                if node.name == "load-balancer" and port == _HTTPS and _is_cloudfront(network, rule.peer):
                    found += 1
                else:
                    yield Finding(
                        check=_CHECK, where=rule.address, what=f"lets {rule.peer} from outside to {node.name}:{port}"
                    )
    balancer = network.nodes.get("load-balancer")
    if balancer is not None and balancer.public and not found:
        yield Finding(check=_CHECK, where="load-balancer", what="CloudFront does not reach it")


def _is_cloudfront(network: NetworkMap, peer: str) -> bool:
    lists = network.stack.all("data.aws_ec2_managed_prefix_list")
    names = {str(found.get("id")): found.text("name") for found in lists} | {
        "pl-cloudfront": "cloudfront.origin-facing"
    }
    return peer not in ANYWHERE and names.get(peer, "").endswith("cloudfront.origin-facing")


def _exits(network: NetworkMap) -> Iterator[Finding]:
    for node in network.nodes.values():
        for port in network.ports:
            if not network.exits(node, port):
                continue
            if not (node.name.startswith("service/") and port == _HTTPS):
                yield Finding(check=_CHECK, where=node.name, what=f"reaches the internet at port {port}")
        if node.name.startswith("service/") and not network.exits(node, _HTTPS):
            yield Finding(check=_CHECK, where=node.name, what="does not reach the painter, Cognito and mail")


def _database(network: NetworkMap) -> Iterator[Finding]:
    database = network.nodes.get("database")
    if database is None:
        yield Finding(check=_CHECK, where="database", what="there is none")
        return
    if database.public:
        yield Finding(check=_CHECK, where="database", what="has a public address")
    for subnet in database.subnets:
        if (gateway := network.default_gateway(subnet)) is not None:
            yield Finding(
                check=_CHECK,
                where=network.subnets[subnet].address,
                what=f"is the database's and leads out by {gateway}",
            )
    for rule in network.rules:
        if rule.egress and rule.group in database.groups:
            yield Finding(check=_CHECK, where=rule.address, what=f"lets the database start connections to {rule.peer}")


def _default_group(stack: Stack) -> Iterator[Finding]:
    for group in stack.all("aws_default_security_group"):
        if group.get("ingress") or group.get("egress"):
            yield Finding(check=_CHECK, where=group.address, what="the default group has rules, and nothing uses it")
