"""`tatemono up` for real, in a folder of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tatemono_tools.laptop.process.ports import choose

PROGRAM = Path(sys.executable).with_name("tatemono")
ONLY = "outbox-relay"
PATIENCE_SECONDS = 90


@dataclass
class Building:
    """One building in a folder of its own; the last `up` of it."""

    data_dir: Path
    runs: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def new(cls, folder: Path) -> Self:
        made = cls(folder / "building")
        made.data_dir.mkdir()
        (made.data_dir / "tatemono-state").touch()
        # The usual ports at the door are for the person at this machine, and for one test at a time.
        ports, _ = choose(remembered={}, preferred={"https": 0, "http": 0}, asked={})
        (made.data_dir / "ports.json").write_text(json.dumps(ports))
        return made

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), *words, "--data-dir", str(self.data_dir)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    def up(self, *words: str) -> str:
        """Start it on a free port, with one service unless `words` name others, and wait until it says that it is up.

        :returns: what it said until then
        """
        only = () if "--only" in words else ("--only", ONLY)
        command = [str(PROGRAM), "up", *only, "--data-dir", str(self.data_dir), *words]
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.runs.append(run)
        assert run.stdout
        said = []
        for line in run.stdout:
            said.append(line)
            if "Tatemono is up" in line:
                return "".join(said)
        raise AssertionError("".join(said))

    def status(self) -> dict[str, Any]:
        ran = self.run("status", "--json")
        found: dict[str, Any] = json.loads(ran.stdout)
        return found | {"parts": {part["name"]: part for part in found["parts"]}}

    def until(self, question: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not question(status := self.status()):
            assert time.monotonic() < deadline, status
            time.sleep(0.05)
        return status

    def end(self) -> None:
        self.run("down")
        for run in self.runs:
            run.kill()
            run.wait()
            if run.stdout:
                run.stdout.close()
