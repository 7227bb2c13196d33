"""`python tests/faults [--full | --times N] [PYTEST ARGUMENTS]`: the fault programme by itself, and a table of it."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# As many as `tatemono test -m long tests/faults` does.
_QUICK_TIMES = 8
_FULL_TIMES = 215
_HERE = Path(__file__).parent
_COUNTED = ("kills", "sqs_kinds", "lies", "painter_calls", "states")
#: pytest's code.
_NOTHING_TO_DO = 5
#: These measure, so nothing may run beside them.
_ALONE = _HERE / "test_rates.py"
#: They wait for most of their time: for leases, for painters that hang.
_SIDE_BY_SIDE = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/faults", description=__doc__)
    parser.add_argument(
        "--full",
        action="store_true",
        help="3,000 kills of workers, 50,000 messages, 3,000 of each fault of the painter: more than an hour",
    )
    parser.add_argument(
        "--times", type=int, default=_QUICK_TIMES, help="so many times as large; 8 are the quick set's numbers"
    )
    parser.add_argument("--reports", type=Path, help="keep what each part reports in this file, a line of JSON each")
    known, words = parser.parse_known_args()
    times = _FULL_TIMES if known.full else known.times
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        reports = known.reports or Path(folder, "reports.jsonl")
        reports.write_bytes(b"")
        told = os.environ | {"FAULTS_TIMES": str(times), "FAULTS_REPORTS": str(reports.resolve())}
        side_by_side = [f"--numprocesses={_SIDE_BY_SIDE}", f"--ignore={_ALONE}", str(_HERE)]
        codes = [
            subprocess.run([sys.executable, "-m", "pytest", "-v", *where, *words], env=told, check=False).returncode
            for where in ([str(_ALONE)], side_by_side)
        ]
        found = [json.loads(line) for line in reports.read_text(encoding="utf-8").splitlines()]
    merged = _merged(found)
    _show(merged, f"{times} times, {time.monotonic() - began:,.0f} s; pytest ended with {codes}")
    if known.full:
        (_HERE / "RESULTS.md").write_text(_written(merged, time.monotonic() - began), encoding="utf-8")
    # A scenario that did not come to its end has no report: pytest's code says so. 5: it found nothing to do.
    return max((code for code in codes if code != _NOTHING_TO_DO), default=_NOTHING_TO_DO) or int(
        any(each["violations"] for each in found)
    )


def _merged(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One report of all parts of a scenario."""
    merged: dict[str, dict[str, Any]] = {}
    for report in reports:
        name = report["scenario"]["name"]
        whole = merged.setdefault(
            name, report | {counted: {} for counted in _COUNTED} | {"settled_after_seconds": 0.0, "violations": []}
        )
        for counted in _COUNTED:
            whole[counted] = dict(Counter(whole[counted]) + Counter(report[counted]))
        whole["settled_after_seconds"] = max(whole["settled_after_seconds"], report["settled_after_seconds"])
        whole["violations"] = [*whole["violations"], *report["violations"]]
    return list(merged.values())


_COLUMNS = ("scenario", "what went wrong, how often", "how they ended", "settled after", "violations")


def _show(reports: list[dict[str, Any]], caption: str) -> None:
    table = Table(*_COLUMNS, caption=caption)
    for report in reports:
        table.add_row(*_row(report), style="red" if report["violations"] else "")
    Console().print(table)


def _written(reports: list[dict[str, Any]], seconds: float) -> str:
    rows = [_COLUMNS, ("---", "---", "---", "---:", "---:"), *map(_row, reports)]
    day = datetime.now(UTC).date().isoformat()
    return (
        "# The full set of the fault programme\n\n"
        f"Written by `python tests/faults --full` on {day}, in {seconds / 60:.0f} minutes. After each scenario the\n"
        "invariants (`invariants.py`) are counted from the database, the store and the painter's own log of calls.\n\n"
        + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    )


def _row(report: dict[str, Any]) -> tuple[str, ...]:
    harm = {**report["kills"], **report["sqs_kinds"], **report["lies"]}
    calls = {f"calls {name}": count for name, count in report["painter_calls"].items()}
    counted = [f"{name} {count:,}" for name, count in (harm | calls).items()]
    return (
        report["scenario"]["name"],
        ", ".join(counted + [f"{name} {value:.2f}" for name, value in report["measured"].items()]),
        ", ".join(f"{name} {count:,}" for name, count in report["states"].items()),
        f"{report['settled_after_seconds']:.1f} s",
        str(len(report["violations"])),
    )


if __name__ == "__main__":
    sys.exit(main())
