"""The whole command, for real: what is started, what happens when it is killed, how it stops."""

import os
import signal
import ssl
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from laptop_building import ONLY, PATIENCE_SECONDS, Building

pytestmark = pytest.mark.slow


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    made = Building.new(tmp_path)
    yield made
    made.end()


def are_ready_again(names: set[str], times: int, status: dict[str, Any]) -> bool:
    found = [status["parts"][name] for name in names]
    return all((part["state"], part["restarts"]) == ("ready", times) for part in found)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def pids_of(status: dict[str, Any]) -> list[int]:
    return [part["pid"] for part in status["parts"].values() if part["pid"]]


class TestUp:
    def test_starts_everything_keeps_it_up_and_stops_it_in_order(self, building: Building) -> None:
        building.up()
        status = building.status()
        assert status["state"] == "ready"
        assert list(status["parts"]) == ["postgres", "cloud", "studio", "inbox", "provision", ONLY, "door"]
        assert {part["state"] for part in status["parts"].values()} == {"ready"}
        assert all(part["memory_bytes"] > 1_000_000 for name, part in status["parts"].items() if name != "provision")
        assert_private(building.data_dir)
        # The service behind this path was left out.
        assert answer_of(f"{status['address']}/v1/api/health", building.data_dir) == 502

        second = building.run("up")
        assert second.returncode == 1
        assert f"(pid {status['supervisor_pid']})" in second.stderr

        os.kill(status["parts"][ONLY]["pid"], signal.SIGKILL)
        status = building.until(lambda status: status["parts"][ONLY]["restarts"] == 1)

        building.runs[0].send_signal(signal.SIGINT)
        output, _ = building.runs[0].communicate(timeout=PATIENCE_SECONDS)
        assert building.runs[0].returncode == 0
        assert f"{ONLY} was ended by SIGKILL" in output
        stopped = [line.split()[1] for line in output.splitlines() if " stopped " in line]
        order = ["door", ONLY, "studio", "cloud", "postgres"]
        assert [name for name in stopped if name in order] == order
        assert all(is_gone(pid) for pid in pids_of(status))

    def test_goes_on_at_the_same_addresses_after_everything_was_killed(self, building: Building) -> None:
        building.up()
        before = building.status()
        os.kill(before["supervisor_pid"], signal.SIGKILL)
        building.up()
        after = building.status()
        assert after["state"] == "ready"
        assert all(is_gone(pid) for pid in pids_of(before))
        assert [part["address"] for part in after["parts"].values()] == [
            part["address"] for part in before["parts"].values()
        ]
        # Stopping takes its time and its order also when its output is not read any more.
        run = building.runs[-1]
        assert run.stdout
        run.stdout.close()
        run.terminate()
        assert run.wait(PATIENCE_SECONDS) == 0
        assert all(is_gone(pid) for pid in pids_of(after))

    @pytest.mark.long
    def test_bears_that_all_services_are_killed_at_once(self, building: Building) -> None:
        services = {ONLY, "image-worker", "mail-worker", "admin-api"}
        building.up("--only", ",".join(services))
        for times in (1, 2):
            before = building.status()["parts"]
            for name in services:
                os.kill(before[name]["pid"], signal.SIGKILL)
            building.until(partial(are_ready_again, services, times))
        # Nothing went wrong, so nothing was written.
        assert (building.data_dir / "logs" / "provision.log").read_text() == ""

    @pytest.mark.long
    def test_goes_on_without_its_passwords(self, building: Building) -> None:
        building.up()
        building.run("down")
        for name in ("postgres-password", "cloud-credentials.json"):
            (building.data_dir / name).unlink()
        building.up()
        assert building.status()["state"] == "ready"

    @pytest.mark.long
    def test_can_be_stopped_after_a_kill_and_begun_anew(self, building: Building) -> None:
        building.up()
        before = building.status()
        door = psutil.Process(before["parts"]["door"]["pid"])
        # Suspended, it cannot handle the stop signal that the kernel passes on.
        door.suspend()
        os.kill(before["supervisor_pid"], signal.SIGKILL)
        building.until(lambda status: status["state"] == "killed")
        assert building.run("status").returncode == 1
        assert building.run("down").returncode == 0
        assert all(is_gone(pid) for pid in pids_of(before))
        assert building.run("status").returncode == 3

        password = (building.data_dir / "postgres-password").read_text()
        authority = (building.data_dir / "certificates" / "authority.pem").read_text()
        building.up("--fresh")
        assert (building.data_dir / "postgres-password").read_text() != password
        assert (building.data_dir / "certificates" / "authority.pem").read_text() == authority
        assert building.run("down").returncode == 0
        assert building.runs[-1].wait(PATIENCE_SECONDS) == 0


def assert_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    # Should the folder be opened to others, these still are not.
    secret = [folder / name for name in ("running.json", "cloud-credentials.json", "postgres-password")]
    assert [stat.S_IMODE(file.stat().st_mode) for file in secret] == [0o600] * 3


def answer_of(url: str, data_dir: Path) -> int:
    return httpx2.get(
        url, verify=ssl.create_default_context(cafile=data_dir / "certificates" / "authority.pem")
    ).status_code
