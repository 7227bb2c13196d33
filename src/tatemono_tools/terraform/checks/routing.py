"""Where a request ends, by CloudFront's behaviours and the load balancer's rules, in their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tatemono_tools.plan.building import Plan
from tatemono_tools.plan.edge import Behavior
from tatemono_tools.terraform.checks.patterns import matches
from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, as_list

_CHECK = "routing"
_HTTPS_PORT = 443


@dataclass(frozen=True, order=True)
class Route:
    """A route of an application, with something in place of its parameters."""

    service: str
    method: str
    path: str


@dataclass(frozen=True, kw_only=True)
class FrontDoor:
    """The distribution and the listener behind it."""

    distribution: Resource
    listener: Resource
    rules: Sequence[Resource]
    services: Mapping[str, str]
    buckets: Mapping[str, str]
    balancer: str

    @classmethod
    def of(cls, stack: Stack) -> "FrontDoor":
        """:raises LookupError: one of its parts is missing or stands twice"""
        listener = next(found for found in stack.all("aws_lb_listener") if found.get("port") == _HTTPS_PORT)
        rules = [rule for rule in stack.all("aws_lb_listener_rule") if rule.get("listener_arn") == listener.get("arn")]
        return cls(
            distribution=stack.one("aws_cloudfront_distribution"),
            listener=listener,
            rules=sorted(rules, key=lambda rule: int(rule.get("priority"))),
            services={group.text("arn"): str(group.index) for group in stack.all("aws_lb_target_group")},
            buckets={
                bucket.text("bucket_regional_domain_name"): str(bucket.index) for bucket in stack.all("aws_s3_bucket")
            },
            balancer=stack.one("aws_lb").text("arn"),
        )

    def behavior(self, path: str) -> dict[str, Any]:
        """The first behaviour whose pattern fits, else the default one."""
        for behavior in as_list(self.distribution.get("ordered_cache_behavior")):
            # CloudFront's patterns may leave out the first slash.
            if matches("/" + str(behavior["path_pattern"]).lstrip("/"), path):
                return dict(behavior)
        return dict(self.distribution.get("default_cache_behavior", 0))

    def origin(self, path: str) -> dict[str, Any]:
        """The origin that the behaviour names."""
        wanted = self.behavior(path)["target_origin_id"]
        return next(
            dict(origin) for origin in as_list(self.distribution.get("origin")) if origin["origin_id"] == wanted
        )

    def answers(self, path: str, headers: Mapping[str, str]) -> str:
        """What the load balancer does: the service that gets the request, or `403`, or another status."""
        for rule in self.rules:
            if all(_condition_holds(condition, path, headers) for condition in as_list(rule.get("condition"))):
                return self._outcome(as_list(rule.get("action"))[0])
        return self._outcome(self.listener.get("default_action", 0))

    def _outcome(self, action: dict[str, Any]) -> str:
        if action["type"] == "forward":
            arn = action.get("target_group_arn") or action["forward"][0]["target_group"][0]["arn"]
            return self.services.get(arn, arn)
        if action["type"] == "fixed-response":
            return str(action["fixed_response"][0]["status_code"])
        return str(action["type"])


def behavior_of(plan: Plan, path: str) -> Behavior:
    """What the plan says about a path: the longest prefix wins."""
    return max(
        (planned for planned in plan.edge.behaviors if path.startswith(planned.path_prefix)),
        key=lambda planned: len(planned.path_prefix),
    )


def headers_of(origin: Mapping[str, Any]) -> dict[str, str]:
    """What CloudFront adds to what it sends to this origin."""
    return {header["name"]: header["value"] for header in as_list(origin.get("custom_header"))}


def check_routing(stack: Stack, plan: Plan, routes: Sequence[Route]) -> Iterator[Finding]:
    """Every route reaches the service that serves it, and no request gets past CloudFront."""
    try:
        front_door = FrontDoor.of(stack)
    except (LookupError, StopIteration) as error:
        yield Finding(check=_CHECK, where="front door", what=f"a part is missing: {error}")
        return
    if not routes:
        yield Finding(check=_CHECK, where="front door", what="no route was given to look for")
    for route in routes:
        yield from _reaches(front_door, plan, route)
    yield from _header_required(front_door, stack, plan, routes)
    yield from _pictures(front_door, plan)


def _reaches(front_door: FrontDoor, plan: Plan, route: Route) -> Iterator[Finding]:
    where = f"{route.method} {route.path}"
    behavior, origin = front_door.behavior(route.path), front_door.origin(route.path)
    if origin.get("s3_origin_config") or origin["domain_name"] in front_door.buckets:
        yield Finding(check=_CHECK, where=where, what="CloudFront sends it to a bucket")
        return
    served = front_door.answers(route.path, headers_of(origin))
    if served != route.service:
        yield Finding(check=_CHECK, where=where, what=f"goes to {served}, and {route.service} serves it")
    if route.method not in as_list(behavior["allowed_methods"]):
        yield Finding(check=_CHECK, where=where, what="CloudFront does not let this method through")
    planned = behavior_of(plan, route.path)
    if behavior["viewer_protocol_policy"] != planned.viewer_protocol_policy:
        yield Finding(
            check=_CHECK,
            where=where,
            what=f"is {behavior['viewer_protocol_policy']}, the plan says {planned.viewer_protocol_policy}",
        )


def _header_required(front_door: FrontDoor, stack: Stack, plan: Plan, routes: Sequence[Route]) -> Iterator[Finding]:
    """Without CloudFront's header no service is reached."""
    for path in sorted({route.path for route in routes} | {"/", "/v1/api/", "/anything"}):
        for headers in ({}, {plan.edge.origin_verify_header: "guessed"}):
            if (served := front_door.answers(path, headers)) != "403":
                yield Finding(check=_CHECK, where=path, what=f"goes to {served} without CloudFront's header")
    for listener in stack.all("aws_lb_listener"):
        action = listener.get("default_action", 0) or {}
        if listener.get("port") != _HTTPS_PORT and action.get("type") != "redirect":
            yield Finding(
                check=_CHECK, where=listener.address, what=f"answers at port {listener.get('port')} without TLS"
            )


def _pictures(front_door: FrontDoor, plan: Plan) -> Iterator[Finding]:
    for planned in plan.edge.behaviors:
        if planned.bucket is None:
            continue
        path = f"{planned.path_prefix}some/picture.png"
        if front_door.buckets.get(front_door.origin(path)["domain_name"]) != planned.bucket:
            yield Finding(check=_CHECK, where=path, what=f"does not come from the bucket {planned.bucket}")
        if not as_list(front_door.behavior(path).get("trusted_key_groups")):
            yield Finding(check=_CHECK, where=path, what="is shown without a signature: no key group checks the URL")


def _condition_holds(condition: Mapping[str, Any], path: str, headers: Mapping[str, str]) -> bool:
    held = True
    for pattern in as_list(condition.get("path_pattern")):
        held &= any(matches(value, path) for value in as_list(pattern["values"]))
    for header in as_list(condition.get("http_header")):
        sent = {name.lower(): value for name, value in headers.items()}.get(header["http_header_name"].lower())
        # The load balancer compares headers without regard to case.
        held &= sent is not None and any(matches(value, sent, ignore_case=True) for value in as_list(header["values"]))
    # A kind of condition that is not known here counts as not met.
    known = {"path_pattern", "http_header"}
    return held and not any(as_list(within) for key, within in condition.items() if key not in known)
