"""`tatemono doctor`: what on this machine would keep the building from standing, and what to do about it."""

import contextlib
import email.utils
import http.client
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tatemono.adapters.model_registry import WrongRegistry
from tatemono_tools.invocation import typed
from tatemono_tools.laptop.door.nginx import CannotOpenDoor, door_command
from tatemono_tools.laptop.operate.concerns import find_concerns
from tatemono_tools.laptop.operate.models import model_findings
from tatemono_tools.laptop.painter.painter import Painter, unused_keys
from tatemono_tools.laptop.postgres.database import DatabaseError, EmbeddedPostgres, binary
from tatemono_tools.laptop.process import ports
from tatemono_tools.laptop.process.disk import free_bytes
from tatemono_tools.laptop.process.screen import MARKS
from tatemono_tools.laptop.process.state import MARKER, StateFolder, orphans
from tatemono_tools.plan.building import WrongPlan, read_plan
from tatemono_tools.release.placeholders import PROJECT, placeholders

# A new building takes 0.1 GB; PostgreSQL stops the world when a disk is full.
ENOUGH_BYTES = 2_000_000_000
TOO_FEW_BYTES = 300_000_000
# AWS refuses a signature whose date is more than five minutes from its own clock (SigV4).
SKEW_ALLOWED_SECONDS = 300
SKEW_NOTICED_SECONDS = 5
TERRAFORM_AT_LEAST = (1, 9)

Verdict = Literal["good", "notice", "bad"]
_LOOKS = {"good": MARKS["ready"], "notice": ("!", "yellow"), "bad": ("✗", "bold red")}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` says what to do about a notice or a fault."""

    verdict: Verdict
    what: str
    found: str
    advice: str = ""


def examine(state: StateFolder, console: Console) -> int:
    """Look at everything and print it.

    :returns: 1 if something will keep the building from starting
    """
    table = Table.grid(padding=(0, 2))
    worst = 0
    checks: tuple[Callable[[StateFolder], Iterator[Finding]], ...] = (
        _python,
        _plan,
        _models,
        _painter,
        _programs,
        _rights,
        _folder,
        _disk,
        _concerns,
        _leftovers,
        _ports,
        _clock,
        _terraform,
        _placeholders,
    )
    for check in checks:
        for finding in check(state):
            worst = max(worst, int(finding.verdict == "bad"))
            table.add_row(Text(*_LOOKS[finding.verdict]), Text(finding.what, "bold"), Text(finding.found))
            if finding.advice:
                table.add_row("", "", Text(f"→ {finding.advice}", _LOOKS[finding.verdict][1]))
    console.print(table)
    return worst


def _python(_: StateFolder) -> Iterator[Finding]:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    supported = (3, 11, 2) <= sys.version_info[:3] < (3, 15)
    advice = "" if supported else f"use 3.11.2 to 3.14: TATEMONO_PYTHON=/path/to/python3 {typed()} doctor"
    yield Finding("good" if supported else "bad", "Python", found, advice)


def _plan(_: StateFolder) -> Iterator[Finding]:
    try:
        plan = read_plan()
    except WrongPlan as error:
        yield Finding("bad", "plan", str(error), "correct these lines")
    else:
        yield Finding("good", "plan", f"{len(plan.services)} services: {', '.join(plan.services)}")


def _models(_: StateFolder) -> Iterator[Finding]:
    try:
        findings = model_findings()
    except (WrongPlan, WrongRegistry) as error:
        yield Finding("bad", "model", str(error), "correct these lines")
        return
    for finding in findings:
        advice = "see docs/how-to/change-the-model.md" if finding.failing else ""
        yield Finding("notice" if finding.failing else "good", "model", finding.text, advice)


def _painter(state: StateFolder) -> Iterator[Finding]:
    painter = Painter.read(state)
    yield Finding("good", "painter", painter.said)
    unused = ", ".join(unused_keys(painter, os.environ))
    if unused:
        yield Finding("notice", "painter", f"{unused} is set and not used", f"{typed()} up --painter openai, or URL")


def _programs(_: StateFolder) -> Iterator[Finding]:
    advice = "install the dependency group `laptop` again: uv sync --reinstall"
    try:
        programs = {"PostgreSQL": [str(binary("postgres")), "--version"], "nginx": [door_command(Path("/"))[0], "-v"]}
    except (DatabaseError, CannotOpenDoor) as error:
        yield Finding("bad", "programs", str(error), advice)
        return
    for name, command in programs.items():
        ran = _output(command)
        yield Finding("good" if ran.good else "bad", name, ran.text, "" if ran.good else advice)


def _rights(_: StateFolder) -> Iterator[Finding]:
    if os.geteuid() != 0:
        yield Finding("good", "user", "not root, as it should be")
        return
    # As the server does when root starts it, in a folder as closed as the real one.
    with tempfile.TemporaryDirectory() as folder:
        try:
            EmbeddedPostgres(data_dir=Path(folder), port=0, superuser_password="").argv()
        except DatabaseError as error:
            yield Finding("bad", "user", "root", str(error))
        else:
            yield Finding("good", "user", "root; PostgreSQL and nginx's worker step down to another user")


def _folder(state: StateFolder) -> Iterator[Finding]:
    path = state.path
    if not path.exists():
        yield Finding("good", "folder", f"{path} (made by the first `up`)")
        return
    status = path.stat()
    if status.st_uid != os.geteuid():
        yield Finding("bad", "folder", f"{path} belongs to user {status.st_uid}", "run as that user, or use --data-dir")
    elif not (path / MARKER).exists() and any(path.iterdir()):
        yield Finding("bad", "folder", f"{path} holds other things", "choose another --data-dir")
    elif stat.S_IMODE(status.st_mode) & 0o077:
        yield Finding("notice", "folder", f"{path} is open to other users", f"chmod 700 {path} (the next `up` does it)")
    else:
        yield Finding("good", "folder", f"{path}, private")


def _disk(state: StateFolder) -> Iterator[Finding]:
    free = free_bytes(state.path)
    found = f"{free / 1e9:.1f} GB free"
    advice = "make room, or put the building elsewhere with --data-dir"
    if free < TOO_FEW_BYTES:
        yield Finding("bad", "disk", found, advice)
    else:
        yield Finding("good" if free > ENOUGH_BYTES else "notice", "disk", found, "" if free > ENOUGH_BYTES else advice)


def _concerns(state: StateFolder) -> Iterator[Finding]:
    """Of the building that runs; the disk has its own line."""
    for name, sentence in find_concerns(state).items():
        if name != "disk":
            yield Finding("notice", name, sentence)


def _leftovers(state: StateFolder) -> Iterator[Finding]:
    if pid := state.running_pid():
        yield Finding("good", "running", f"yes, supervisor {pid}")
    elif left := orphans(state.read_record()):
        names = ", ".join(f"{name} ({processes[0].pid})" for name, processes in left.items())
        yield Finding("notice", "leftovers", names, f"`{typed()} down` stops them; so does the next `up`")
    else:
        yield Finding("good", "leftovers", "none")


def _ports(state: StateFolder) -> Iterator[Finding]:
    if state.running_pid():
        return
    wanted = {"https": 8443, "http": 8080} | state.read_json("ports.json")
    busy = {name: port for name, port in wanted.items() if not ports.is_free(port)}
    for name, port in busy.items():
        advice = f"stop that program to keep the port; otherwise {name} moves to another one"
        yield Finding("notice", "ports", f"{port} ({name}) is held by {ports.holder(port)}", advice)
    if not busy:
        yield Finding("good", "ports", f"{', '.join(str(port) for port in wanted.values())} are free")


def _clock(state: StateFolder) -> Iterator[Finding]:
    """Signatures carry dates: the clock must agree with the disk's, and with the cloud's if it runs."""
    others: dict[str, float] = {}
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile() as file:
        others["file system"] = Path(file.name).stat().st_mtime - time.time()
    port = state.read_json("ports.json").get("cloud")
    if port and state.running_pid() and (date := _date_of_cloud(port)):
        others["cloud"] = date - time.time()
    for name, skew in others.items():
        # A Date header has whole seconds.
        if abs(skew) > SKEW_ALLOWED_SECONDS:
            advice = "set this machine's clock; AWS refuses signatures that are five minutes off"
            yield Finding("bad", "clock", f"{skew:+.0f} s from the {name}", advice)
        elif abs(skew) > SKEW_NOTICED_SECONDS:
            yield Finding("notice", "clock", f"{skew:+.0f} s from the {name}", "set this machine's clock")
    if all(abs(skew) <= SKEW_NOTICED_SECONDS for skew in others.values()):
        yield Finding("good", "clock", f"agrees with the {' and the '.join(others) or 'system'}")


def _date_of_cloud(port: int) -> float | None:
    connection = http.client.HTTPConnection(ports.HOST, port, timeout=2)
    with contextlib.suppress(OSError, http.client.HTTPException, TypeError, ValueError), contextlib.closing(connection):
        connection.request("GET", "/_ministack/health")
        return email.utils.parsedate_to_datetime(connection.getresponse().headers["Date"]).timestamp()
    return None


def _terraform(_: StateFolder) -> Iterator[Finding]:
    program = shutil.which("terraform")
    if program is None:
        advice = "only AWS needs it: https://developer.hashicorp.com/terraform/install"
        yield Finding("notice", "Terraform", "not on the PATH", advice)
        return
    ran = _output([program, "version", "-json"])
    try:
        version = str(json.loads(ran.text)["terraform_version"])
    except (ValueError, KeyError):
        yield Finding("notice", "Terraform", ran.text, "only AWS needs it; install it again")
        return
    wanted = ".".join(map(str, TERRAFORM_AT_LEAST))
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < TERRAFORM_AT_LEAST:
        yield Finding("notice", "Terraform", version, f"only AWS needs it; the modules are for {wanted} or newer")
    else:
        yield Finding("good", "Terraform", f"{version}{_provider_source()}")


def _provider_source() -> str:
    """Whether providers come from the registry, or from a mirror on this machine (for work without a network)."""
    files = [Path(os.environ.get("TF_CLI_CONFIG_FILE", "")), Path.home() / ".terraformrc"]
    for file in files:
        with contextlib.suppress(OSError):
            if "mirror" in file.read_text(errors="replace"):
                return f", providers from a mirror ({file})"
    return ", providers from the registry (without a network: `terraform providers mirror`)"


def _placeholders(_: StateFolder) -> Iterator[Finding]:
    left = [f"{each.file}:{each.line} {each.text}" for each in placeholders(PROJECT)]
    if left:
        yield Finding("notice", "placeholders", ", ".join(left), "before others use this, write your own there")
    else:
        yield Finding("good", "placeholders", "none left")


@dataclass(frozen=True)
class _Ran:
    good: bool
    text: str


def _output(command: list[str]) -> _Ran:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _Ran(good=False, text=f"{command[0]} does not run: {error}")
    return _Ran(good=ran.returncode == 0, text=(ran.stdout.strip() or ran.stderr.strip() or "no output"))
