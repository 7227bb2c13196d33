"""Plans of whole environments with mocked providers, in which every resource has an id and an ARN of its own.

Terraform's mocks leave ids unknown until something is applied. A first plan tells the addresses; the second gives each
an id that follows from its address, so that the stack checks see who refers to whom, with no account and no emulator.
"""

import fcntl
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tatemono_tools.terraform.checks.network import S3_LIST
from terraform import Terraform

Json = dict[str, Any]

INFRA = Path(__file__).parents[1] / "infra"
ENVIRONMENTS = ("dev", "stg", "prod")
_FILE = Path("tests", "environment.tftest.hcl")
_MODULE = '  module {\n    source = "./environment"\n  }\n'
_ARN_IS_ID = {
    "aws_acm_certificate", "aws_ecs_cluster", "aws_ecs_service", "aws_lb", "aws_lb_listener", "aws_lb_listener_rule",
    "aws_lb_target_group", "aws_secretsmanager_secret", "aws_sns_topic", "aws_wafv2_web_acl",
}  # fmt: skip
_MADE_UP = re.compile("[a-z0-9]{8}")
_LISTS = {"cloudfront": "pl-cloudfront", "s3": S3_LIST}


class Buildings:
    """The plans, each made once for the same blueprints."""

    def __init__(self, terraform: Terraform, cache: Path) -> None:
        """:param terraform: ready in a copy of infra/
        :param cache: a folder that the test processes share
        """
        self._terraform = terraform
        self._cache = cache
        self._original = (terraform.folder / _FILE).read_text(encoding="utf-8")

    def plan(self, environment: str) -> Json:
        """What `terraform test -verbose` tells of this environment."""
        file = self._cache / f"{environment}-{_digest()}.json.gz"
        with (self._cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_bytes(gzip.compress(json.dumps(self._plan(environment, self._first())).encode(), 1))
        return dict(json.loads(gzip.decompress(file.read_bytes())))

    def _first(self) -> list[Json]:
        """What there is, without ids. The others have no resource that prod does not have."""
        file = self._cache / f"first-{_digest()}.json.gz"
        if not file.exists():
            changes = self._run("prod")["resource_changes"]
            file.write_bytes(gzip.compress(json.dumps(changes).encode(), 1))
        return list(json.loads(gzip.decompress(file.read_bytes())))

    def _plan(self, environment: str, first: list[Json]) -> Json:
        target = self._terraform.folder / _FILE
        overrides = "".join(_overrides(first))
        target.write_text(self._original.replace(_MODULE, _MODULE + overrides), encoding="utf-8")
        try:
            changes = self._run(environment)["resource_changes"]
        finally:
            target.write_text(self._original, encoding="utf-8")
        unknown = {change["address"]: change["change"].get("after_unknown") or {} for change in first}
        for change in changes:
            # Certificates are overridden from the first plan on, so nothing of them is told as unknown.
            chance = ".aws_acm_certificate." in change["address"] or unknown.get(change["address"])
            change["change"]["after"] = _without_chance(change["change"]["after"], chance)
        return {"resource_changes": changes}

    def _run(self, environment: str) -> Json:
        done = self._terraform.run(
            "test", "-json", "-verbose", f"-filter={_FILE}", f"-var-file=env/{environment}.tfvars"
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        found = [line["test_plan"] for line in lines if "test_plan" in line]
        wrong = [line["diagnostic"] for line in lines if line.get("diagnostic", {}).get("severity") == "error"]
        assert found, wrong
        return dict(found[0])


def _overrides(changes: list[Json]) -> Iterator[str]:
    for name, found in _LISTS.items():
        yield _block("data", f"module.network.data.aws_ec2_managed_prefix_list.{name}", {"id": found})
    yield _block("data", "module.bastion.data.aws_ssm_parameter.image", {"value": "ami-0123456789abcdef0"})
    for change in changes:
        unknown = change["change"].get("after_unknown") or {}
        if change["mode"] == "managed" and ".aws_acm_certificate." not in change["address"]:
            values = dict(_values(change, unknown))
            if values:
                yield _block("resource", change["address"], values)


def _values(change: Json, unknown: Json) -> Iterator[tuple[str, Any]]:
    """Values that the provider would choose, in the forms that it checks."""
    type_, digest = change["type"], hashlib.sha256(change["address"].encode()).hexdigest()[:12]
    kind = type_.removeprefix("aws_")
    region, scope = ("us-east-1", "global/") if kind.startswith("wafv2") else ("ap-northeast-1", "")
    arn = f"arn:aws:{kind.partition('_')[0]}:{region}:111111111111:{scope}{kind}/x/{digest}"
    if unknown.get("arn") is True:
        yield "arn", arn
    if unknown.get("id") is True:
        plain = f"ap-northeast-1_{digest[:9]}" if type_ == "aws_cognito_user_pool" else f"{kind}-{digest}"
        yield "id", arn if type_ in _ARN_IS_ID else plain
    if type_ == "aws_identitystore_group":
        yield "group_id", f"00000000-0000-0000-0000-{digest}"
    if type_ == "aws_db_instance":
        yield "address", f"{digest}.ap-northeast-1.rds.amazonaws.com"
        yield "port", 5432
        yield "master_user_secret", [{"secret_arn": f"{arn}-owner", "kms_key_id": "key", "secret_status": "active"}]
    if type_ == "aws_sesv2_email_identity":
        yield "dkim_signing_attributes", {"tokens": ["one", "two", "three"]}
    if type_ == "aws_s3_bucket":
        yield "bucket_regional_domain_name", f"{digest}.s3.ap-northeast-1.amazonaws.com"
    if type_ == "aws_lb":
        yield "dns_name", f"{digest}.ap-northeast-1.elb.amazonaws.com"
    if type_ in {"aws_lb", "aws_lb_target_group"}:
        yield "arn_suffix", f"{kind}/x/{digest}"


def _without_chance(value: Any, unknown: Any) -> Any:
    """What the mocks make up is another word in every plan, and says nothing."""
    if isinstance(value, dict):
        return {
            name: _without_chance(within, unknown.get(name) if isinstance(unknown, dict) else unknown)
            for name, within in value.items()
        }
    if isinstance(value, list):
        return [
            _without_chance(within, unknown[number] if isinstance(unknown, list) and number < len(unknown) else unknown)
            for number, within in enumerate(value)
        ]
    return "(made up)" if unknown and isinstance(value, str) and _MADE_UP.fullmatch(value) else value


def _block(kind: str, target: str, values: Json) -> str:
    during = "    override_during = plan\n" if kind == "resource" else ""
    told = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    return f"  override_{kind} {{\n    target = {target}\n{during}    values = {{ {told} }}\n  }}\n"


def _digest() -> str:
    """Of everything that a plan is made from, and of how it is made here."""
    files = sorted(path for path in INFRA.rglob("*") if path.is_file() and ".terraform" not in path.parts)
    parts = [re.sub(rb"\s+", b" ", file.read_bytes()) for file in [*files, Path(__file__)]]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
