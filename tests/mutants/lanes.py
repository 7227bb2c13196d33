"""Places where mutants live: a copy of the tree with an environment and servers of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from importlib.util import cache_from_source
from pathlib import Path
from xml.etree import ElementTree as ET

from mutants.mutants import Mutant
from processes import FOLDER_VARIABLE, Run
from trust import trust_one_authority

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?: - .*)?$", re.MULTILINE)
#: pytest's code.
_PASSED = 0
_ENDS_WITHIN_SECONDS = 10


class Fate(Enum):
    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timeout"


@dataclass(frozen=True, slots=True)
class Verdict:
    """:ivar by: the test that noticed, if one did"""

    mutant: Mutant
    fate: Fate
    seconds: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class _Ended:
    """How pytest ended. :ivar code: none if it had to be stopped"""

    code: int | None
    failed: str
    output: str


class TestsFail(Exception):
    """Tests fail without any mutant."""


class TestsStopped(Exception):
    """Another process has ended the tests."""


class Lane:
    """One copy. Only one mutant lives in it at a time."""

    def __init__(self, root: Path, run: Run) -> None:
        self._run = run
        self._process: subprocess.Popen[str] | None = None
        self.root = run.folder / "tree"
        _copy(root, self.root)
        _environment(self.root)

    def durations(self, tests: Sequence[Path], *, time_limit_seconds: float) -> dict[Path, float]:
        """Let tests pass that have no mutant to notice, which starts the servers that tests share.

        :returns: how many seconds each file took
        :raises TestsFail: they do not
        """
        report = self._run.folder / "durations.xml"
        ended = self._pytest(tests, time_limit_seconds, f"--junitxml={report}", "-o", "junit_family=xunit1")
        if ended.code != _PASSED:
            raise TestsFail(f"pytest ended with {ended.code} before there was a mutant:\n{ended.output[-4000:]}")
        seconds = dict.fromkeys(tests, 0.0)
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            seconds[Path(case.attrib["file"])] += float(case.attrib["time"])
        return seconds

    def judge(self, mutant: Mutant, tests: Sequence[Path], *, time_limit_seconds: float) -> Verdict:
        """Let tests look at a mutant until the first notices.

        :raises TestsStopped: they were ended from outside
        """
        began = time.monotonic()
        with self._inhabited_by(mutant):
            fate, by = self._fate(tests, time_limit_seconds)
        return Verdict(mutant, fate, time.monotonic() - began, by)

    def _fate(self, tests: Sequence[Path], time_limit_seconds: float) -> tuple[Fate, str]:
        ended = self._pytest(tests, time_limit_seconds)
        if ended.code is None:
            return Fate.TIMED_OUT, ""
        return (Fate.SURVIVED, "") if ended.code == _PASSED else (Fate.KILLED, ended.failed or "all")

    @contextmanager
    def _inhabited_by(self, mutant: Mutant) -> Iterator[None]:
        path = self.root / mutant.path
        _write(path, mutant.mutated)
        try:
            yield
        finally:
            _write(path, mutant.source)

    def _pytest(self, tests: Sequence[Path], time_limit_seconds: float, *options: str) -> _Ended:
        fixed = ["-x", "-q", "-rfE", "--tb=short", "-m", "not slow and not long"]
        plugins = ["-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "mutants.twice"]
        seed = ("--hypothesis-seed=0", f"--basetemp={self._run.folder / 'tmp'}")
        process = self._process = subprocess.Popen(
            [str(self.root / ".venv/bin/python"), "-m", "pytest", *fixed, *plugins, *seed, *options, *map(str, tests)],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=time_limit_seconds)
        except subprocess.TimeoutExpired:
            return _Ended(None, "", _stopped(process))
        if process.returncode < 0:
            # Not by us, so it says nothing about a mutant.
            raise TestsStopped(f"pytest was ended from outside, by signal {-process.returncode}")
        found = _FAILED.search(output)
        return _Ended(process.returncode, found[1] if found else "", output)

    def stop(self) -> None:
        """End the tests that run, if some do."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "COV_"))}
        return kept | {FOLDER_VARIABLE: str(self._run.folder), "COLUMNS": "400"}


@contextmanager
def lanes(root: Path, count: int) -> Iterator[list[Lane]]:
    """So many lanes, warm; they are gone when the block ends."""
    with ExitStack() as stack:
        runs = [Run() for _ in range(count)]
        for run in runs:
            stack.callback(run.end)
        trust_one_authority(runs[0].folder)
        yield [Lane(root, run) for run in runs]


def _copy(root: Path, to: Path) -> None:
    """What git knows, and what is new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


def _environment(root: Path) -> None:
    """An environment that finds the copy's `src` first, and then all that is installed in ours.

    Services that tests start are started by its Python, so they are the copy's, too.
    """
    venv.EnvBuilder(symlinks=True).create(root / ".venv")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = root / ".venv/lib" / version / "site-packages"
    found = (root / "src", sysconfig.get_path("purelib"), root / "tests")
    (places / "mutants.pth").write_text("".join(f"{place}\n" for place in found), encoding="utf-8")


def _write(path: Path, source: str) -> None:
    """And forget what was compiled: Python tells files by size and age, and two may be as large and as old."""
    path.write_text(source, encoding="utf-8")
    Path(cache_from_source(path)).unlink(missing_ok=True)


def _stopped(process: subprocess.Popen[str]) -> str:
    """End what hangs: politely, so that its databases go, and then for good."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=_ENDS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output
