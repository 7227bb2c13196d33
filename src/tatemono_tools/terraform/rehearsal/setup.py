"""What a rehearsal begins with: a copy of the Terraform files, and what an account has by itself."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tatemono_tools.laptop.secret_values import private_key_pem, public_key
from tatemono_tools.release import functions_zip
from tatemono_tools.terraform.rehearsal.emulators import Emulators
from tatemono_tools.terraform.runner import INFRA, Terraform

DIGEST = "sha256:" + "0" * 64
"""Of an image that does not exist: the rehearsal starts no container."""

# The provider tries 25 times by itself, which makes minutes of each thing that an emulator does not have. The state
# stays in the folder: a bucket for it would be one more thing to build first.
_OVERRIDE = """\
terraform {
  backend "local" {}
}

provider "aws" {
  max_retries = 2
}

provider "aws" {
  alias       = "us_east_1"
  max_retries = 2
}

provider "aws" {
  alias       = "identity_center"
  max_retries = 2
}
"""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A copy of infra/ in which nothing but Terraform's folder differs from the real one."""

    folder: Path
    environment: str
    terraform: Terraform
    picture_key: str

    @property
    def variable_files(self) -> tuple[str, ...]:
        """The environment's own file, then what is different in a rehearsal."""
        return (f"-var-file=../env/{self.environment}.tfvars", "-var-file=rehearsal.tfvars.json")


def client(emulators: Emulators, service: str, *, region: str | None = None) -> Any:
    """An AWS client of the emulator that has this service."""
    names = {
        "cognito-idp": "COGNITO_IDENTITY_PROVIDER",
        "cognito-identity": "COGNITO_IDENTITY",
        "secretsmanager": "SECRETS_MANAGER",
    }
    return boto3.client(
        service,
        endpoint_url=emulators.endpoint(names.get(service, service.upper())),
        region_name=region or emulators.region,
        aws_access_key_id=emulators.account,
        aws_secret_access_key="rehearsal",  # noqa: S106 - opens nothing
        config=Config(retries={"max_attempts": 2}, proxies={}),
    )


def prepare(folder: Path, environment: str, emulators: Emulators, mirror: Path | None) -> Setup:
    """Copy infra/, put in the override and the variables, and make the DNS zone that a team already has."""
    copy = folder / "infra"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    root = copy / "environment"
    (root / "rehearsal_override.tf").write_text(_OVERRIDE, encoding="utf-8")
    zip_file = folder / "functions.zip"
    zip_file.write_bytes(functions_zip.zip_of_modules())
    private = private_key_pem()
    variables = rehearsed_variables(
        zone=_zone(emulators, copy / "env" / f"{environment}.tfvars"),
        account=emulators.account,
        region=emulators.region,
        picture_key=public_key(private)[1],
        function_zip=zip_file,
    )
    (root / "rehearsal.tfvars.json").write_text(json.dumps(variables, indent=2), encoding="utf-8")
    terraform = Terraform(root=root, mirror=mirror, environment=emulators.environment())
    return Setup(folder=folder, environment=environment, terraform=terraform, picture_key=private)


def copy_bootstrap(folder: Path) -> Path:
    """Copy the root module of the account, which has one provider and no backend yet; the copy's folder."""
    root = folder / "bootstrap"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(INFRA / "bootstrap", root, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    (root / "rehearsal_override.tf").write_text('provider "aws" {\n  max_retries = 2\n}\n', encoding="utf-8")
    return root


def rehearsed_variables(
    *, zone: str, account: str, region: str, picture_key: str, function_zip: Path
) -> dict[str, Any]:
    """What a rehearsal cannot take from the environment's file: what a team gets when it has an account."""
    return {
        "hosted_zone_id": zone,
        "image": f"{account}.dkr.ecr.{region}.amazonaws.com/tatemono@{DIGEST}",
        "function_zip": str(function_zip),
        "picture_url_signing_key": "rehearsal",
        "picture_url_public_keys": {"rehearsal": picture_key},
        # Alarms go to Slack in every rehearsal, also where an environment has none yet.
        "slack": {"team_id": "T0REHEARSAL", "channel_id": "C0REHEARSAL"},
    }


def _zone(emulators: Emulators, variable_file: Path) -> str:
    name = read_variable(variable_file, "domain_name").partition(".")[2]
    made = client(emulators, "route53").create_hosted_zone(Name=name, CallerReference="rehearsal")
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def read_variable(variable_file: Path, name: str) -> str:
    """A plain string of a `.tfvars` file.

    :raises KeyError: it is not there
    """
    for line in variable_file.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == name:
            return str(json.loads(value))
    raise KeyError(name)
