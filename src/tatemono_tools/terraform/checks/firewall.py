"""Which requests the firewall allows: its rules, evaluated in their order as AWS WAF does."""

import ipaddress
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.routing import Route, behavior_of
from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, as_list

_CHECK = "firewall"
OUTSIDE_ADDRESS = "198.51.100.7"
"""An address for documentation (RFC 5737), outside every IP set."""


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    address: str


class Firewall:
    """The web ACL with its rule groups and IP sets."""

    def __init__(self, stack: Stack) -> None:
        """:raises LookupError: there is no web ACL, or more than one"""
        self.acl = stack.one("aws_wafv2_web_acl")
        self._groups = {group.text("arn"): group for group in stack.all("aws_wafv2_rule_group")}
        self._sets = {found.text("arn"): found for found in stack.all("aws_wafv2_ip_set")}

    def allows(self, request: Request) -> bool:
        """Whether the request passes. Rates count as kept, and AWS's own rules find nothing."""
        decided = self._decide(as_list(self.acl.get("rule")), request)
        if decided is not None:
            return decided
        return bool(self.acl.get("default_action", 0, "allow"))

    def _decide(self, rules: Sequence[Mapping[str, Any]], request: Request) -> bool | None:
        for rule in sorted(rules, key=lambda rule: int(rule["priority"])):
            statement = rule["statement"][0]
            if reference := as_list(statement.get("rule_group_reference_statement")):
                counted = as_list((as_list(rule.get("override_action")) or [{}])[0].get("count"))
                decided = None if counted else self._decide(self._group_rules(reference[0]["arn"]), request)
                if decided is not None:
                    return decided
                continue
            action = (as_list(rule.get("action")) or [{}])[0]
            if not self._matches(statement, request):
                continue
            if as_list(action.get("block")):
                return False
            if as_list(action.get("allow")):
                return True
        return None

    def _group_rules(self, arn: str) -> list[Any]:
        return as_list(self._groups[arn].get("rule")) if arn in self._groups else []

    def _matches(self, statement: Mapping[str, Any], request: Request) -> bool:
        none: tuple[str, dict[str, Any]] = ("", {})
        kind, words = next(((key, as_list(value)[0]) for key, value in statement.items() if as_list(value)), none)
        within = as_list(words.get("statement"))
        match kind:
            case "and_statement":
                return all(self._matches(found, request) for found in within)
            case "or_statement":
                return any(self._matches(found, request) for found in within)
            case "not_statement":
                return not self._matches(within[0], request)
            case "byte_match_statement":
                return _bytes_match(words, request)
            case "ip_set_reference_statement":
                return self._is_in_set(str(words["arn"]), request.address)
            case _:
                # Rates, sizes and AWS's own rules: a small, rare and harmless request passes them.
                return False

    def _is_in_set(self, arn: str, address: str) -> bool:
        found = self._sets.get(arn)
        asked = ipaddress.ip_address(address)
        return found is not None and any(
            asked in ipaddress.ip_network(network) for network in as_list(found.get("addresses"))
        )


def check_firewall(stack: Stack, plan: Plan, routes: Sequence[Route]) -> Iterator[Finding]:
    """What the plan puts behind an IP set is there, however its path is written; the rest is open to all addresses."""
    try:
        firewall = Firewall(stack)
    except LookupError as error:
        yield Finding(check=_CHECK, where="firewall", what=str(error))
        return
    distribution = stack.one("aws_cloudfront_distribution")
    if distribution.get("web_acl_id") != firewall.acl.get("arn"):
        yield Finding(check=_CHECK, where=distribution.address, what="is not behind the firewall")
    allowed = _allowed_addresses(stack)
    pages = {
        Route("web", "GET", behavior.path_prefix)
        for behavior in plan.edge.behaviors
        if behavior.service or behavior.bucket
    }
    for route in sorted({*routes, *pages}):
        yield from _check_route(firewall, plan, route, allowed)
    yield from _rates(firewall.acl, plan)


def _check_route(firewall: Firewall, plan: Plan, route: Route, allowed: Mapping[str, list[str]]) -> Iterator[Finding]:
    behavior = behavior_of(plan, route.path)
    if behavior.ip_set is None:
        if not firewall.allows(Request(path=route.path, address=OUTSIDE_ADDRESS)):
            yield Finding(check=_CHECK, where=route.path, what="is closed to phones")
        return
    for written in path_variants(route.path):
        for address in (OUTSIDE_ADDRESS, "2001:db8:ffff::1"):
            if firewall.allows(Request(path=written, address=address)):
                yield Finding(
                    check=_CHECK, where=written, what=f"is open to {address}, outside of the set {behavior.ip_set}"
                )
    for address in allowed.get(behavior.ip_set, []):
        if not firewall.allows(Request(path=route.path, address=address)):
            yield Finding(check=_CHECK, where=route.path, what=f"is closed to {address} of the set {behavior.ip_set}")
    if not allowed.get(behavior.ip_set):
        yield Finding(check=_CHECK, where=route.path, what=f"no network is in the set {behavior.ip_set}")


def path_variants(path: str) -> list[str]:
    """Ways to write a path that CloudFront sends to the same behaviour, or an application might read as the same."""
    first, _, rest = path.lstrip("/").partition("/")
    return [path, f"/{first}/./{rest}", f"/{first}/x/../{rest}"] if rest else [path]


def _allowed_addresses(stack: Stack) -> dict[str, list[str]]:
    """An address of every network, by the plan's names."""
    found: dict[str, list[str]] = {}
    for ip_set in stack.all("aws_wafv2_ip_set"):
        name = str(ip_set.index).rpartition("-")[0]
        for network in as_list(ip_set.get("addresses")):
            found.setdefault(name, []).append(str(ipaddress.ip_network(network)[0]))
    return found


def _rates(acl: Resource, plan: Plan) -> Iterator[Finding]:
    there = {}
    for rule in as_list(acl.get("rule")):
        for rate in as_list(rule["statement"][0].get("rate_based_statement")):
            scope = (as_list(rate.get("scope_down_statement")) or [{}])[0]
            prefix = (as_list(scope.get("byte_match_statement")) or [{"search_string": "/"}])[0]["search_string"]
            there[prefix] = (int(rate["limit"]), int(rate["evaluation_window_sec"]))
    wanted = {limit.path_prefix: (limit.requests, limit.window_seconds) for limit in plan.edge.rate_limits}
    wanted["/"] = (plan.edge.rate_limit.requests, plan.edge.rate_limit.window_seconds)
    for prefix in sorted(there.keys() | wanted.keys()):
        if there.get(prefix) != wanted.get(prefix):
            yield Finding(
                check=_CHECK, where=prefix, what=f"limited to {there.get(prefix)}, the plan says {wanted.get(prefix)}"
            )


def _bytes_match(words: Mapping[str, Any], request: Request) -> bool:
    fields = (as_list(words.get("field_to_match")) or [{}])[0]
    if not as_list(fields.get("uri_path")):
        return False
    text = request.path
    for transformation in sorted(as_list(words.get("text_transformation")), key=lambda found: int(found["priority"])):
        text = _transformed(text, str(transformation["type"]))
    wanted = str(words["search_string"])
    match words["positional_constraint"]:
        case "STARTS_WITH":
            return text.startswith(wanted)
        case "EXACTLY":
            return text == wanted
        case "ENDS_WITH":
            return text.endswith(wanted)
        case _:
            return wanted in text


def _transformed(text: str, kind: str) -> str:
    match kind:
        case "URL_DECODE":
            return unquote(text)
        case "LOWERCASE":
            return text.lower()
        case "NORMALIZE_PATH":
            normal = posixpath.normpath(text)
            # posixpath drops the last slash, and keeps two at the beginning.
            return "/" + (normal + "/" if text.endswith("/") else normal).lstrip("/")
        case _:
            return text
