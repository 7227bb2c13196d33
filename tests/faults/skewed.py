"""A service whose clock is wrong: `python skewed.py HOURS MODULE`.

`time.time`, `datetime.now` and their kin are moved; the monotonic clock, by which timers run, is not: nobody sets
that. Nor is the clock that requests to AWS are signed by: AWS refuses what is signed more than 15 minutes before or
after, and so does the embedded cloud. A task that is an hour off could do no harm there, since it could do nothing.
"""

import runpy
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import time_machine


def _true_time(remove_tzinfo: bool = True) -> Any:
    now = time_machine.escape_hatch.datetime.datetime.now(tz=UTC)
    return now.replace(tzinfo=None) if remove_tzinfo else now


if __name__ == "__main__":
    hours, module = float(sys.argv[1]), sys.argv[2]
    botocore.auth.get_current_datetime = _true_time
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
