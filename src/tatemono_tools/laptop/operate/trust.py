"""`tatemono trust`: how this system, and a phone's simulator, come to trust the building's local CA."""

import platform
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.door.certificates import (
    Platform,
    Trust,
    ensure_certificates,
    machine_names,
    trust_instructions,
)
from tatemono_tools.laptop.process.state import StateFolder

_SIMULATORS: dict[Platform, str] = {"ios-simulator": "iOS simulator", "android-emulator": "Android emulator"}


def this_platform() -> Platform | None:
    """The platform whose commands this system has; None if it is not known."""
    if sys.platform == "darwin":
        return "macos"
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    if family & {"debian", "ubuntu"}:
        return "debian"
    return "fedora" if family & {"fedora", "rhel", "centos"} else None


def show_trust(state: StateFolder, console: Console, *, run: bool) -> int:
    """Print the CA's file and the commands; run those for this system if `run`.

    :returns: 0, or 1 if a command failed or none is known
    """
    state.prepare()
    made = ensure_certificates(
        state.certificates, names=machine_names(), host=socket.gethostname().lower(), now=datetime.now(UTC)
    )
    here = this_platform()
    if run:
        return _run(here, made.authority, console)
    console.print(Text.assemble(("The local CA  ", "bold"), str(made.authority)), soft_wrap=True)
    console.print(
        "It vouches for this machine and local networks only, and its key never leaves the folder.\n", style="dim"
    )
    if here:
        _show(f"This system (or let `{typed()} trust --yes` do it)", trust_instructions(here, made.authority), console)
    else:
        console.print("For this system no command is known: add the file above to its trusted authorities.\n")
    for name, title in _SIMULATORS.items():
        _show(title, trust_instructions(name, made.authority), console)
    return 0


def _show(title: str, trust: Trust, console: Console) -> None:
    console.print(Text(title, "bold"))
    for command in trust.trust:
        console.print(Text(f"  {command}", "cyan"), soft_wrap=True)
    console.print(Text("  and to undo it:", "dim"))
    for command in trust.forget:
        console.print(Text(f"  {command}", "dim"), soft_wrap=True)
    console.print()


def _run(here: Platform | None, authority: Path, console: Console) -> int:
    if here is None:
        console.print(f"For this system no command is known: add {authority} to its trusted authorities yourself.")
        return 1
    for command in trust_instructions(here, authority).trust:
        console.print(Text(f"$ {command}", "cyan"), soft_wrap=True)
        # The commands are ours; the shell reads their quotes and $HOME.
        if subprocess.run(command, shell=True, check=False).returncode != 0:  # noqa: S602
            console.print(Text("That command failed; the ones after it were not run.", "bold red"))
            return 1
    return 0
