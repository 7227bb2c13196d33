"""Finds Terraform and its provider, and runs them in one of the root modules."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]
"""A line of Terraform's machine-readable output."""

PROJECT = Path(__file__).parents[3]
INFRA = PROJECT / "infra"

_PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")
_MIRROR_DEPTH = 2
_STOP_SECONDS = 20
_NO_MIRRORS = {"dev", "proc", "run", "sys", "tmp"}
_STANDARD_FOLDERS = (
    Path("~/.terraform.d/plugins"),
    Path("~/.local/share/terraform/plugins"),
    Path("~/Library/Application Support/io.terraform/plugins"),
    Path("/usr/local/share/terraform/plugins"),
    Path("/usr/share/terraform/plugins"),
)


class TerraformFailed(Exception):
    """Terraform is missing or refused; the message holds what it said."""


@dataclass(frozen=True, kw_only=True)
class Terraform:
    """Terraform in one folder.

    :param root: the folder of the root module
    :param mirror: a folder with providers, or None for the registry
    :param environment: variables on top of the process's own
    """

    root: Path
    mirror: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def init(self, *arguments: str) -> None:
        """:raises TerraformFailed: the provider or the backend cannot be had"""
        # A mirror knows the hashes of its own platform only; the lock file of the project stays as it is.
        mirror = () if self.mirror is None else (f"-plugin-dir={self.mirror}",)
        self.run("init", "-input=false", "-no-color", *mirror, *arguments)

    def run(self, *arguments: str) -> str:
        """What Terraform wrote.

        :raises TerraformFailed: it ended with an error
        """
        done = subprocess.run(
            [program(), *arguments],
            cwd=self.root,
            env=self.environment_variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise TerraformFailed(f"terraform {' '.join(arguments)}:\n{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def stream(self, *arguments: str, on_event: Callable[[Event], None]) -> tuple[int, list[str]]:
        """Run a command that knows `-json`, and call `on_event` for each of its lines as it comes.

        :returns: its exit code, and what it called errors
        """
        errors: list[str] = []
        # In a session of its own: Ctrl-C is ours, and asks Terraform to write its state down before it ends.
        process = subprocess.Popen(
            [program(), *arguments],
            cwd=self.root,
            env=self.environment_variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                event = _event(line)
                diagnostic = event.get("diagnostic", {})
                if diagnostic.get("severity") == "error":
                    errors.append(
                        f"{diagnostic.get('address', '')} {diagnostic['summary']} {diagnostic['detail']}".strip()
                    )
                on_event(event)
            return process.wait(), errors
        finally:
            _end(process)

    def run_interactively(self, *arguments: str) -> int:
        """Run it on the person's terminal, which it writes to and reads from. Its exit code."""
        return subprocess.run(
            [program(), *arguments], cwd=self.root, env=self.environment_variables(), check=False
        ).returncode

    def environment_variables(self) -> dict[str, str]:
        """The environment that Terraform runs in."""
        variables = dict(os.environ)
        config_file = variables.get("TF_CLI_CONFIG_FILE")
        if config_file is not None and not Path(config_file).exists():
            # Terraform would warn about it before each answer.
            del variables["TF_CLI_CONFIG_FILE"]
        return variables | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"} | dict(self.environment)


def _event(line: str) -> Event:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"type": "text", "@message": line.rstrip()}


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def program() -> str:
    """:raises TerraformFailed: there is no Terraform on this machine"""
    found = shutil.which("terraform")
    if found is None:
        raise TerraformFailed("Terraform 1.11 is not installed: https://developer.hashicorp.com/terraform/install")
    return found


def find_mirror() -> Path | None:
    """A folder that holds the AWS provider already, or None: then Terraform asks its registry.

    A configuration file or a cache that the person has set up already says where providers come from.
    """
    config_file = os.environ.get("TF_CLI_CONFIG_FILE")
    if config_file is not None and Path(config_file).exists():
        return None
    if Path("~/.terraformrc").expanduser().exists():
        return None
    cache = os.environ.get("TF_PLUGIN_CACHE_DIR")
    named = [Path(cache)] if cache else []
    for folder in (*named, *(folder.expanduser() for folder in _STANDARD_FOLDERS)):
        if _holds_provider(folder):
            return folder
    return _search(Path("/"), _MIRROR_DEPTH)


def _search(folder: Path, depth: int) -> Path | None:
    for path in _folders(folder):
        if path.parent == Path("/") and path.name in _NO_MIRRORS:
            continue
        if _holds_provider(path):
            return path
        if depth > 1 and (found := _search(path, depth - 1)):
            return found
    return None


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return []


def _holds_provider(folder: Path) -> bool:
    try:
        return (folder / _PROVIDER).is_dir()
    except OSError:
        return False
