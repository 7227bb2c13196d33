"""Which connections the network allows, as AWS decides it: by routes, network ACLs and security groups."""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tatemono_tools.terraform.checks.stack import Resource, Stack, as_list

ANYWHERE = ("0.0.0.0/0", "::/0")
LAST_PORT = 65535
_ANSWERS = (32768, 61000)
"""Ports that Linux answers to; network ACLs keep no state, so they have to be open for the way back."""
_ALWAYS_CHECKED = {22, 80, 443, 3389, 5432, 8080}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, kw_only=True)
class NetworkNode:
    """A resource with an address in the VPC.

    :ivar public: whether it has an address of its own in the internet
    """

    name: str
    groups: frozenset[str]
    subnets: tuple[str, ...]
    public: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One line of a security group.

    :ivar peer: a group, a network or a prefix list
    """

    group: str
    egress: bool
    first: int
    last: int
    peer: str
    address: str


class NetworkMap:
    """The network of a stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.subnets = {str(subnet.get("id")): subnet for subnet in stack.all("aws_subnet")}
        self.vpc_network = ipaddress.ip_network(stack.one("aws_vpc").text("cidr_block"))

    @cached_property
    def nodes(self) -> dict[str, NetworkNode]:
        """By name: load-balancer, service/NAME, function/NAME, database, bastion, endpoint/NAME."""
        return {node.name: node for node in _nodes(self.stack)}

    @cached_property
    def rules(self) -> list[Rule]:
        """Every line of every security group, of each kind of resource that has some."""
        return list(_rules(self.stack))

    @cached_property
    def ports(self) -> list[int]:
        """Every port at which an answer could change, and a few that attackers try."""
        edges = {port for rule in self.rules for port in (rule.first, rule.last)}
        edges |= {
            int(rule.get(key) or 0)
            for rule in self.stack.all("aws_network_acl_rule")
            for key in ("from_port", "to_port")
        }
        return sorted(port for port in edges | {edge + 1 for edge in edges} | _ALWAYS_CHECKED if 0 < port <= LAST_PORT)

    def reaches(self, caller: NetworkNode, called: NetworkNode, port: int) -> bool:
        """Whether a connection within the VPC is allowed."""
        out = self._group_allows(caller.groups, called, port, egress=True)
        return (
            out
            and self._group_allows(called.groups, caller, port, egress=False)
            and self._acls_allow(caller, called, port)
        )

    def default_gateway(self, subnet: str) -> str | None:
        """Id of the NAT or internet gateway of the subnet's default route."""
        for route in self._routes(subnet):
            if route.get("destination_cidr_block") in ANYWHERE or route.get("cidr_block") in ANYWHERE:
                return route.text("nat_gateway_id") or route.text("gateway_id") or None
        return None

    def exits(self, node: NetworkNode, port: int) -> bool:
        """Whether the node reaches the internet at this port."""
        anywhere = any(
            rule.egress and rule.group in node.groups and rule.first <= port <= rule.last and self._outside(rule.peer)
            for rule in self.rules
        )
        return anywhere and any(
            self._has_default_route(node, subnet)
            and self._acl_allows(subnet, "198.51.100.7", port, egress=True)
            and self._acl_allows(subnet, "198.51.100.7", _ANSWERS[0], egress=False)
            for subnet in node.subnets
        )

    def entrances(self, node: NetworkNode, port: int) -> list[Rule]:
        """Lines by which an address of the internet reaches the node."""
        if not node.public or not any(self._on_internet(subnet) for subnet in node.subnets):
            return []
        if not any(self._acl_allows(subnet, "198.51.100.7", port, egress=False) for subnet in node.subnets):
            return []
        return [
            rule
            for rule in self.rules
            if not rule.egress
            and rule.group in node.groups
            and rule.first <= port <= rule.last
            and self._outside(rule.peer)
        ]

    def _has_default_route(self, node: NetworkNode, subnet: str) -> bool:
        gateway = self.default_gateway(subnet)
        # Without a public address the internet gateway leads nowhere.
        return gateway is not None and (node.public or not self._on_internet(subnet))

    def _on_internet(self, subnet: str) -> bool:
        return self.default_gateway(subnet) in {gateway.get("id") for gateway in self.stack.all("aws_internet_gateway")}

    def _outside(self, peer: str) -> bool:
        network = _network(peer)
        if network is None:
            return peer in self._public_lists
        return network.version != self.vpc_network.version or not network.subnet_of(self.vpc_network)  # type: ignore[arg-type]

    @cached_property
    def _public_lists(self) -> set[str]:
        # The list of S3 is routed to its endpoint, not to the internet: it counts only where there is no endpoint.
        endpoints = {endpoint.get("prefix_list_id") for endpoint in self.stack.all("aws_vpc_endpoint")}
        lists = self.stack.all("data.aws_ec2_managed_prefix_list")
        inner = {found.get("id") for found in lists if found.text("name").endswith(".s3")} | {S3_LIST}
        peers = {rule.peer for rule in self.rules if rule.peer.startswith("pl-")}
        return {peer for peer in peers if peer not in endpoints | inner}

    def _group_allows(self, groups: frozenset[str], other: NetworkNode, port: int, *, egress: bool) -> bool:
        return any(
            rule.egress == egress
            and rule.group in groups
            and rule.first <= port <= rule.last
            and (rule.peer in other.groups or self._covers(rule.peer, other.subnets))
            for rule in self.rules
        )

    def _covers(self, peer: str, subnets: Iterable[str]) -> bool:
        network = _network(peer)
        return network is not None and any(
            network.overlaps(ipaddress.ip_network(self.subnets[subnet].text("cidr_block")))
            for subnet in subnets
            if subnet in self.subnets
        )

    def _acls_allow(self, caller: NetworkNode, called: NetworkNode, port: int) -> bool:
        return any(
            self._acl_allows(here, self._address_in(there), port, egress=True)
            and self._acl_allows(there, self._address_in(here), port, egress=False)
            and self._acl_allows(there, self._address_in(here), _ANSWERS[0], egress=True)
            and self._acl_allows(here, self._address_in(there), _ANSWERS[0], egress=False)
            for here in caller.subnets
            for there in called.subnets
        )

    def _address_in(self, subnet: str) -> str:
        return str(ipaddress.ip_network(self.subnets[subnet].text("cidr_block"))[10])

    def _acl_allows(self, subnet: str, address: str, port: int, *, egress: bool) -> bool:
        acl = next((acl for acl in self.stack.all("aws_network_acl") if subnet in as_list(acl.get("subnet_ids"))), None)
        if acl is None:
            return True  # AWS's default lets everything through.
        rules = [rule for rule in self.stack.all("aws_network_acl_rule") if rule.get("network_acl_id") == acl.get("id")]
        # The lowest number that fits decides, and at the end everything is refused.
        for rule in sorted(rules, key=lambda rule: int(rule.get("rule_number") or 0)):
            if bool(rule.get("egress")) == egress and _is_about(rule, address, port):
                return bool(rule.get("rule_action") == "allow")
        return False

    def _routes(self, subnet: str) -> Iterator[Resource]:
        tables = {
            association.get("route_table_id")
            for association in self.stack.all("aws_route_table_association")
            if association.get("subnet_id") == subnet
        }
        yield from (route for route in self.stack.all("aws_route") if route.get("route_table_id") in tables)
        for table in self.stack.all("aws_route_table"):
            if table.get("id") in tables:
                for number, route in enumerate(as_list(table.get("route"))):
                    yield Resource(address=f"{table.address}#{number}", type="route", name="", index=None, values=route)


S3_LIST = "pl-s3"
"""Id of the list of S3's addresses in the tests' plans."""


def _is_about(rule: Resource, address: str, port: int) -> bool:
    """Whether a line of a network ACL is about TCP from or to this address and port."""
    protocol = str(rule.get("protocol"))
    if protocol in {"tcp", "6"}:
        if not int(rule.get("from_port") or 0) <= port <= int(rule.get("to_port") or 0):
            return False
    elif protocol not in {"-1", "all"}:
        return False
    return ipaddress.ip_address(address) in ipaddress.ip_network(rule.text("cidr_block") or "::/0")


def _network(peer: str) -> Network | None:
    try:
        return ipaddress.ip_network(peer)
    except ValueError:
        return None


def _nodes(stack: Stack) -> Iterator[NetworkNode]:
    public_subnets = {subnet.get("id") for subnet in stack.all("aws_subnet") if subnet.get("map_public_ip_on_launch")}
    for balancer in stack.all("aws_lb"):
        yield _node(
            "load-balancer",
            balancer.get("security_groups"),
            balancer.get("subnets"),
            public=not balancer.get("internal"),
        )
    for service in stack.all("aws_ecs_service"):
        network = service.get("network_configuration", 0) or {}
        public = bool(network.get("assign_public_ip"))
        yield _node(
            f"service/{service.index or service.name}",
            network.get("security_groups"),
            network.get("subnets"),
            public=public,
        )
    for function in stack.all("aws_lambda_function"):
        network = function.get("vpc_config", 0) or {}
        yield _node(
            f"function/{function.index or function.name}", network.get("security_group_ids"), network.get("subnet_ids")
        )
    for database in stack.all("aws_db_instance"):
        group = next(iter(stack.all("aws_db_subnet_group")), None)
        yield _node(
            "database" if database.name == "this" else f"database/{database.address}",
            database.get("vpc_security_group_ids"),
            group.get("subnet_ids") if group else [],
            public=bool(database.get("publicly_accessible")),
        )
    for instance in stack.all("aws_instance"):
        subnet = instance.get("subnet_id")
        public = bool(instance.get("associate_public_ip_address")) or subnet in public_subnets
        name = "bastion" if "bastion" in instance.address else instance.address
        yield _node(name, instance.get("vpc_security_group_ids"), [subnet], public=public)
    for endpoint in stack.all("aws_vpc_endpoint"):
        if endpoint.get("vpc_endpoint_type") == "Interface":
            yield _node(f"endpoint/{endpoint.index}", endpoint.get("security_group_ids"), endpoint.get("subnet_ids"))


def _node(name: str, groups: object, subnets: object, *, public: bool = False) -> NetworkNode:
    return NetworkNode(
        name=name,
        groups=frozenset(str(group) for group in as_list(groups)),
        subnets=tuple(str(subnet) for subnet in as_list(subnets)),
        public=public,
    )


def _rules(stack: Stack) -> Iterator[Rule]:
    for egress, type_ in ((False, "aws_vpc_security_group_ingress_rule"), (True, "aws_vpc_security_group_egress_rule")):
        for line in stack.all(type_):
            peers = [
                line.get(key) for key in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
            ]
            yield from _lines(
                line, str(line.get("security_group_id")), peers, egress=egress, protocol=line.text("ip_protocol")
            )
    for line in stack.all("aws_security_group_rule"):
        peers = [
            *as_list(line.get("cidr_blocks")),
            *as_list(line.get("prefix_list_ids")),
            line.get("source_security_group_id"),
        ]
        egress = line.get("type") == "egress"
        yield from _lines(
            line, str(line.get("security_group_id")), peers, egress=egress, protocol=line.text("protocol")
        )
    for group in stack.all("aws_security_group", "aws_default_security_group"):
        for direction in ("ingress", "egress"):
            for values in as_list(group.get(direction)):
                line = Resource(address=group.address, type=direction, name="", index=None, values=values)
                peers = [
                    peer
                    for key in ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups")
                    for peer in as_list(values.get(key))
                ]
                if values.get("self"):
                    peers.append(group.get("id"))
                yield from _lines(
                    line, str(group.get("id")), peers, egress=direction == "egress", protocol=line.text("protocol")
                )


def _lines(line: Resource, group: str, peers: Iterable[object], *, egress: bool, protocol: str) -> Iterator[Rule]:
    # -1 is every protocol and every port.
    everything = protocol == "-1"
    first = 0 if everything else int(line.get("from_port") or 0)
    last = LAST_PORT if everything else int(line.get("to_port") or 0)
    for peer in peers:
        if peer:
            yield Rule(group=group, egress=egress, first=first, last=last, peer=str(peer), address=line.address)
