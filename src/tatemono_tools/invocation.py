"""How the person called this program: what to type for the next command, and the uv that runs it."""

import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).parents[2]

#: Set by the launcher: itself, as the person typed it.
_LAUNCHER = "TATEMONO_COMMAND"
_NAME = "tatemono"
#: The group that this program began again for.
_BROUGHT = "TATEMONO_BROUGHT"


class NoUv(Exception):
    """There is no uv; the message says how to get it."""


def typed() -> str:
    """What a message tells the person to type before the name of a command."""
    if launcher := os.environ.get(_LAUNCHER):
        return launcher
    if "UV" in os.environ:
        return f"uv run {_NAME}"
    called = sys.argv[0]
    # A program that was found on the PATH has its whole path here, where the person typed the name.
    return called if Path(called).name == _NAME and shutil.which(_NAME) != called else _NAME


def find_uv(project: Path = PROJECT) -> str:
    """The uv that runs this, or that of the PATH, or the one that the launcher brought.

    :raises NoUv: there is none
    """
    brought = project / ".uv" / "bin" / "uv"
    uv = os.environ.get("UV") or shutil.which("uv") or (str(brought) if brought.exists() else None)
    if uv is None:
        raise NoUv(f"there is no uv: {project / _NAME} brings it, or install it (https://docs.astral.sh/uv/)")
    return uv


def replace_with(group: str, command: Sequence[str]) -> NoReturn:
    """Go on as `command`, in the project's environment with a dependency group that not everybody needs.

    :raises NoUv: there is no uv to bring the group
    """
    uv = find_uv()
    python = os.environ.get("TATEMONO_PYTHON")
    chosen = ["--python", python] if python else []
    words = [uv, "run", "--project", str(PROJECT), *chosen, "--group", group, "--", *command]
    os.execv(uv, words)  # noqa: S606 - no shell wanted


def bring_group(group: str, module: str) -> None:
    """Begin this program again with a dependency group, unless `module`, which belongs to it, is there already.

    :raises NoUv: there is no uv to bring the group
    """
    # Once: what is still not there then shows itself when it is imported.
    if find_spec(module) is None and os.environ.get(_BROUGHT) != group:
        os.environ[_BROUGHT] = group
        replace_with(group, [_NAME, *sys.argv[1:]])
