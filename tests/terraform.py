"""Calls Terraform. The provider comes from a folder if there is one, otherwise from the registry."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PROVIDER = Path("registry.terraform.io") / "hashicorp" / "aws"
_USUAL = (
    Path.home() / ".terraform.d" / "plugins",
    Path.home() / ".local" / "share" / "terraform" / "plugins",
    Path("/usr/local/share/terraform/plugins"),
    Path("/usr/share/terraform/plugins"),
)


def provider_mirror() -> Path | None:
    """A folder that holds the provider: where Terraform usually looks, or a few levels below the root."""
    cache = os.environ.get("TF_PLUGIN_CACHE_DIR")
    places = [*([Path(cache)] if cache else []), *_USUAL, *Path("/opt").glob("*"), *Path("/opt").glob("*/*")]
    return next((place for place in places if (place / _PROVIDER).is_dir()), None)


@dataclass(frozen=True)
class Terraform:
    """:ivar mirror: a folder with the provider, or none: the registry"""

    program: str
    folder: Path
    mirror: Path | None

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        mirrored = [f"-plugin-dir={self.mirror}"] if command == "init" and self.mirror else []
        environment = os.environ | {"TF_IN_AUTOMATION": "1", "AWS_EC2_METADATA_DISABLED": "true"}
        if not Path(environment.get("TF_CLI_CONFIG_FILE", "")).is_file():
            environment.pop("TF_CLI_CONFIG_FILE", None)
        return subprocess.run(
            [self.program, command, "-no-color", *mirrored, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
