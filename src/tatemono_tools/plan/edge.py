"""The plan's section `edge`: what the front door lets through, and how."""

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tatemono_tools.plan.section import Name, Section

PathPrefix = Annotated[str, Field(pattern=r"^/([a-z0-9._-]+/)*$")]


class RateLimit(Section):
    """At most `requests` from one address in `window_seconds` (AWS WAF counts in these windows), then `status`."""

    requests: int = Field(ge=10, le=2_000_000)
    window_seconds: Literal[60, 120, 300, 600]
    status: Literal[403, 429]


class PathRateLimit(RateLimit):
    path_prefix: PathPrefix


class Behavior(Section):
    """What happens to requests below a prefix. One with neither service nor bucket answers 404."""

    path_prefix: PathPrefix
    kind: Literal["pages", "api", "pictures"]
    viewer_protocol_policy: Literal["redirect-to-https", "https-only"]
    service: Name | None = None
    bucket: Name | None = None
    ip_set: Name | None = None


class EventStreams(Section):
    """Answers that go on: a heartbeat comes often enough that no proxy on the way closes them.

    :ivar read_timeout_seconds: how long the front door waits for the next byte; CloudFront takes 1 to 60
    """

    heartbeat_seconds: int = Field(ge=1, le=30)
    read_timeout_seconds: int = Field(ge=2, le=60)

    @model_validator(mode="after")
    def _one_may_be_late(self) -> Self:
        if self.read_timeout_seconds < 2 * self.heartbeat_seconds:
            raise ValueError("read_timeout_seconds is less than two heartbeats: one that is late would end the stream")
        return self


class Edge(Section):
    """The rules of the front door: CloudFront, WAF and ALB on AWS, nginx on the laptop.

    :ivar content_security_policy: by kind of behavior, for answers that bring none of their own
    """

    event_streams: EventStreams
    content_security_policy: dict[Literal["pages", "api", "pictures"], str]
    origin_verify_header: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]+$")
    max_body_bytes: int = Field(ge=1024, le=10_485_760)
    rate_limit: RateLimit
    rate_limits: tuple[PathRateLimit, ...] = ()
    ip_sets: dict[Name, tuple[str, ...]]
    behaviors: tuple[Behavior, ...] = Field(min_length=1)
    blocked_patterns: dict[Name, tuple[str, ...]]

    @field_validator("ip_sets")
    @classmethod
    def _networks(cls, ip_sets: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for addresses in ip_sets.values():
            for address in addresses:
                ipaddress.ip_network(address)
        return ip_sets

    @field_validator("blocked_patterns")
    @classmethod
    def _regular_expressions(cls, groups: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for patterns in groups.values():
            for pattern in patterns:
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return groups
