import asyncio
import os
import threading
import time
from pathlib import Path
from queue import Queue

import pytest

from tatemono_tools.laptop.process.logs import LogFile, LogPipe, follow, last_lines
from tatemono_tools.laptop.process.screen import readable


class TestLogFile:
    def test_keeps_at_most_two_files_of_the_limit(self, tmp_path: Path) -> None:
        log = LogFile(tmp_path / "door.log", limit_bytes=100)
        for number in range(100):
            log.write(b"%09d\n" % number)
        log.close()
        assert sorted(file.name for file in tmp_path.iterdir()) == ["door.log", "door.log.1"]
        assert all(file.stat().st_size <= 100 for file in tmp_path.iterdir())
        assert last_lines(tmp_path / "door.log", 15) == [f"{number:09d}" for number in range(85, 100)]

    def test_goes_on_in_the_file_of_the_last_run(self, tmp_path: Path) -> None:
        for word in (b"one\n", b"two\n"):
            log = LogFile(tmp_path / "door.log")
            log.write(word)
            log.close()
        assert last_lines(tmp_path / "door.log", 5) == ["one", "two"]


class TestLogPipe:
    @pytest.fixture
    def lines(self) -> list[str]:
        return []

    async def test_emits_whole_lines_and_keeps_every_byte(self, tmp_path: Path, lines: list[str]) -> None:
        pipe = LogPipe(LogFile(tmp_path / "log"), lines.append)
        for chunk in (b"a lo", b"ng line\nand", b" \xff\n", b"no end"):
            os.write(pipe.write_end, chunk)
            await asyncio.sleep(0.001)
        pipe.close_write_end()
        pipe.close()
        assert lines == ["a long line", "and \ufffd", "no end"]
        assert (tmp_path / "log").read_bytes() == b"a long line\nand \xff\nno end"

    async def test_takes_what_is_left_although_a_process_still_holds_the_other_end(
        self, tmp_path: Path, lines: list[str]
    ) -> None:
        pipe = LogPipe(LogFile(tmp_path / "log"), lines.append)
        os.write(pipe.write_end, b"last words\n")
        pipe.close()
        pipe.close_write_end()
        assert lines == ["last words"]

    async def test_does_not_gather_a_line_without_end(self, tmp_path: Path, lines: list[str]) -> None:
        pipe = LogPipe(LogFile(tmp_path / "log"), lines.append)
        for _ in range(64):
            os.write(pipe.write_end, b"x" * 4096)
            await asyncio.sleep(0)
        pipe.close_write_end()
        pipe.close()
        assert (tmp_path / "log").stat().st_size == 64 * 4096
        assert len(lines[0]) <= 65_536


class TestLastLines:
    def test_is_empty_without_a_log(self, tmp_path: Path) -> None:
        assert last_lines(tmp_path / "none.log", 5) == []

    def test_gives_none_when_none_are_wanted(self, tmp_path: Path) -> None:
        (tmp_path / "a.log").write_text("one\n")
        assert last_lines(tmp_path / "a.log", 0) == []


class Follower:
    """Follows a log in a thread, as `logs -f` does in a process of its own."""

    def __init__(self, path: Path) -> None:
        self.lines: Queue[str] = Queue()
        self._source = follow(path, pause_seconds=0.001)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for line in self._source:
            self.lines.put(line)
            if line == "end":
                return

    def next(self) -> str:
        return self.lines.get(timeout=10)


class TestFollow:
    def test_gives_each_new_line_also_when_the_log_is_turned_over(self, tmp_path: Path) -> None:
        log = LogFile(tmp_path / "door.log", limit_bytes=40)
        log.write(b"old\n")
        follower = Follower(log.path)
        # Only the first line that comes shows that following has begun.
        while follower.lines.empty():
            log.write(b"begin\n")
            time.sleep(0.01)
        log.write(b"begun\n")
        while (line := follower.next()) != "begun":
            assert line == "begin"
        for number in range(20):
            log.write(b"half a line, ")
            log.write(b"number %d\n" % number)
            assert follower.next() == f"half a line, number {number}"
        log.write(b"end\n")
        assert follower.next() == "end"
        log.close()

    def test_waits_for_a_log_that_is_not_there_yet(self, tmp_path: Path) -> None:
        follower = Follower(tmp_path / "late.log")
        (tmp_path / "late.log").write_text("")
        while follower.lines.empty():
            with (tmp_path / "late.log").open("a") as log:
                log.write("end\n")
            time.sleep(0.01)
        assert follower.next() == "end"


class TestReadable:
    def test_turns_a_json_record_into_words(self) -> None:
        assert readable('{"event": "served", "level": "info", "path": "/v1", "ms": 3}').plain == "served path=/v1 ms=3"

    def test_leaves_other_lines_as_they_are(self) -> None:
        assert readable("[bold]{not json").plain == "[bold]{not json"
