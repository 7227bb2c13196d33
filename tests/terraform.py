"""Calls Terraform. The provider comes from a folder if there is one, otherwise from the registry."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


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
