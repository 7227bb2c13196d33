import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tatemono_tools.laptop.process.state import (
    MARKER,
    AlreadyRunning,
    PartRecord,
    ProcessIdentity,
    Record,
    StateFolder,
    StateFolderRefused,
    orphans,
)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "building")
    made.prepare()
    return made


class TestPrepare:
    def test_makes_a_private_folder_with_a_marker(self, state: StateFolder) -> None:
        assert state.path.stat().st_mode & 0o777 == 0o700
        assert (state.path / MARKER).exists()

    def test_closes_a_folder_that_was_opened_to_others(self, state: StateFolder) -> None:
        state.path.chmod(0o755)
        state.prepare()
        assert state.path.stat().st_mode & 0o777 == 0o700

    def test_takes_an_empty_folder(self, tmp_path: Path) -> None:
        StateFolder(tmp_path).prepare()
        assert (tmp_path / MARKER).exists()

    def test_refuses_a_folder_that_holds_other_things(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.odt").write_text("years of work")
        with pytest.raises(StateFolderRefused, match="holds other things"):
            StateFolder(tmp_path).prepare()
        assert (tmp_path / "thesis.odt").exists()

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StateFolderRefused, match="choose another --data-dir"):
            StateFolder(tmp_path / "file").prepare()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_refuses_a_folder_of_another_user(self, state: StateFolder) -> None:
        os.chown(state.path, 65_534, -1)
        with pytest.raises(StateFolderRefused, match="belongs to nobody"):
            state.prepare()


class TestClaim:
    def test_refuses_a_second_one_and_names_the_first(self, state: StateFolder) -> None:
        with state.claim(), pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}") as refused, state.claim():
            pass
        assert refused.value.pid == os.getpid()

    def test_names_the_supervisor_that_runs(self, state: StateFolder) -> None:
        assert state.running_pid() is None
        with state.claim():
            assert state.running_pid() == os.getpid()
        assert state.running_pid() is None

    def test_is_given_back_by_a_process_that_is_killed(self, state: StateFolder) -> None:
        script = (
            "import sys, time; from pathlib import Path; from tatemono_tools.laptop.process.state import StateFolder\n"
            "with StateFolder(Path(sys.argv[1])).claim(): print('held', flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", script, str(state.path)], stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            assert state.running_pid() == other.pid
            other.kill()
        with state.claim():
            assert state.running_pid() == os.getpid()


class TestWipe:
    def test_removes_what_the_building_gathered(self, state: StateFolder) -> None:
        (state.path / "postgres").mkdir()
        (state.path / "postgres" / "PG_VERSION").touch()
        (state.path / "postgres-password").touch()
        (state.logs / "door.log").touch()
        state.wipe()
        assert not (state.path / "postgres").exists()
        assert not (state.path / "postgres-password").exists()
        assert list(state.logs.iterdir()) == []

    def test_keeps_the_authority_and_the_ports(self, state: StateFolder) -> None:
        state.certificates.mkdir()
        (state.certificates / "authority.pem").touch()
        state.write_json("ports.json", {"https": 8443})
        state.wipe()
        assert (state.certificates / "authority.pem").exists()
        assert state.read_json("ports.json") == {"https": 8443}
        state.prepare()

    def test_follows_no_link_out_of_the_folder(self, state: StateFolder, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "keep").touch()
        (state.path / "link").symlink_to(outside)
        state.wipe()
        assert (outside / "keep").exists()


class TestRecord:
    def test_comes_back_as_it_was_written(self, state: StateFolder) -> None:
        record = Record(
            supervisor=ProcessIdentity(1, 2.5),
            started=3.5,
            ready=True,
            address="https://localhost:8443",
            parts={
                "door": PartRecord(
                    state="ready", identity=ProcessIdentity(4, 5.5), stop_signal=signal.SIGQUIT, restarts=2
                ),
                "provision": PartRecord(state="ready", detail="日本"),
            },
        )
        state.write_record(record)
        assert state.read_record() == record

    def test_is_private(self, state: StateFolder) -> None:
        state.write_record(Record(supervisor=ProcessIdentity(1, 2.5), started=3.5))
        assert (state.path / "running.json").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
    def test_that_was_damaged_counts_as_none(self, state: StateFolder, content: str) -> None:
        (state.path / "running.json").write_text(content)
        assert state.read_record() is None

    def test_is_none_before_the_first_start(self, tmp_path: Path) -> None:
        assert StateFolder(tmp_path / "nowhere").read_record() is None
        assert StateFolder(tmp_path / "nowhere").running_pid() is None


class TestProcessIdentity:
    def test_knows_its_process(self) -> None:
        process = ProcessIdentity.of_this_process().process()
        assert process
        assert process.pid == os.getpid()

    def test_does_not_take_another_one_with_the_same_number(self) -> None:
        mine = ProcessIdentity.of_this_process()
        assert ProcessIdentity(mine.pid, mine.created - 3600).process() is None

    def test_does_not_count_a_process_that_has_ended(self) -> None:
        with subprocess.Popen(["sleep", "60"]) as child:
            identity = ProcessIdentity.of(child.pid)
            child.kill()
            # Not waited for yet, the child is a zombie.
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            assert identity.process() is None

    def test_finds_workers_that_outlive_their_master(self) -> None:
        script = "sleep 60 & echo $!; wait"
        with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True) as master:
            assert master.stdout
            worker = int(master.stdout.readline())
            record = Record(
                supervisor=ProcessIdentity(master.pid, 0),
                started=0,
                parts={"door": PartRecord(identity=ProcessIdentity.of(master.pid))},
            )
            master.kill()
            os.waitid(os.P_PID, master.pid, os.WEXITED | os.WNOWAIT)
            assert [process.pid for process in orphans(record)["door"]] == [worker]
            psutil.Process(worker).kill()
