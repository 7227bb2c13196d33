import threading
import time
from pathlib import Path

import pytest

from tatemono_tools.laptop.process.readiness import wait_until_ready
from tatemono_tools.laptop.process.state import NotRunning, ProcessIdentity, Record, StateFolder, now


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "building")
    made.prepare()
    return made


def record(*, ready: bool) -> Record:
    return Record(supervisor=ProcessIdentity.of_this_process(), started=now(), ready=ready)


class TestWaitUntilReady:
    def test_is_over_at_once_when_the_building_is_up(self, state: StateFolder) -> None:
        told: list[str] = []
        state.write_record(record(ready=True))
        wait_until_ready(state, told.append)
        assert told == []

    def test_says_once_that_it_waits_for_one_that_starts(self, state: StateFolder) -> None:
        told: list[str] = []
        with state.claim():
            state.write_record(record(ready=False))
            timer = threading.Timer(0.35, lambda: state.write_record(record(ready=True)))
            timer.start()
            began = time.monotonic()
            wait_until_ready(state, told.append)
            timer.join()
        assert time.monotonic() - began > 0.3
        assert len(told) == 1
        assert "still starting" in told[0]

    def test_ends_when_nothing_runs(self, state: StateFolder) -> None:
        with pytest.raises(NotRunning, match="no building runs in"):
            wait_until_ready(state, print)

    def test_takes_no_notice_of_what_a_killed_supervisor_left(self, state: StateFolder) -> None:
        gone = ProcessIdentity(pid=ProcessIdentity.of_this_process().pid, created=1.0)
        state.write_record(Record(supervisor=gone, started=now(), ready=True))
        with pytest.raises(NotRunning):
            wait_until_ready(state, print)
