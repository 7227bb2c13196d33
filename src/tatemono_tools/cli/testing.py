"""`tatemono test`: the tests, by pytest."""

import os
from typing import Annotated

import typer

from tatemono_tools.invocation import PROJECT, replace_with

_PROCESSES_PER_CORE = 2
_MOST_TEST_PROCESSES = 8

commands = typer.Typer(rich_markup_mode="markdown")


@commands.command(
    "test",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    options_metavar="",
    epilog="Example: `tatemono test -k supervisor -x`",
)
def run_tests(
    pytest_args: Annotated[list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]...")] = None,
) -> None:
    """Run the tests, which start what they need themselves, in parallel, and all but the long ones.

    All arguments go to pytest, whose own `-n 0` (one process) and `-m long` (those) change that, and nothing else does.
    """
    # A test waits for servers half of its time: two processes keep a core busy. One that is done takes over tests.
    processes = min(_PROCESSES_PER_CORE * (os.cpu_count() or 1), _MOST_TEST_PROCESSES)
    # pytest takes the last of two, so that the caller's own win; with `auto` it makes one process of it for --pdb.
    usual = ["-n", "auto", "--dist", "worksteal", "-m", "not long"]
    os.environ.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(processes))
    os.chdir(PROJECT)
    # The tests make folders of their own; the person's building is none of theirs.
    os.environ.pop("TATEMONO_DATA_DIR", None)
    replace_with("dev", ["python", "-m", "pytest", *usual, *(pytest_args or ())])
