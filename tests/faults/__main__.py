"""`python tests/faults [--full | --times N] [PYTEST ARGUMENTS]`: the fault programme by itself, and a table of it."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# Of what `tatemono test` does.
_QUICK_TIMES = 7
_FULL_TIMES = 215
_HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="3,000 kills, 50,000 messages, 3,000 of each fault of the painter: hours"
    )
    parser.add_argument(
        "--times", type=int, default=_QUICK_TIMES, help="times what `tatemono test` does; 7 are the quick set's numbers"
    )
    known, words = parser.parse_known_args()
    times = _FULL_TIMES if known.full else known.times
    began = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as reports:
        told = os.environ | {"FAULTS_TIMES": str(times), "FAULTS_REPORTS": reports.name}
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-v", str(_HERE), *words], env=told, check=False
        ).returncode
        found = [json.loads(line) for line in Path(reports.name).read_text(encoding="utf-8").splitlines()]
    _show(found, f"{times} times, {time.monotonic() - began:,.0f} s; pytest ended with {code}")
    # A scenario that did not come to its end has no report: pytest's code says so.
    return code or int(any(report["violations"] for report in found))


def _show(reports: list[dict[str, Any]], caption: str) -> None:
    table = Table(
        "scenario", "what went wrong, how often", "how they ended", "settled after", "violations", caption=caption
    )
    for report in reports:
        measured = report["measured"].items()
        harm = {**report["kills"], **report["sqs_kinds"], **report["lies"], **report["painter_calls"]}
        table.add_row(
            report["scenario"]["name"],
            ", ".join([f"{name} {count:,}" for name, count in harm.items()] + [_told(*each) for each in measured]),
            ", ".join(f"{name} {count:,}" for name, count in report["states"].items()),
            f"{report['settled_after_seconds']:.1f} s",
            str(len(report["violations"])),
            style="red" if report["violations"] else "",
        )
    Console().print(table)


def _told(name: str, value: float) -> str:
    return f"{name} {value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
