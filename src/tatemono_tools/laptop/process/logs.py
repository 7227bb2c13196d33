"""What the parts of a building write: one file for each, of limited size, and lines for the terminal."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LIMIT_BYTES = 5_000_000
"""A log of this size becomes `<part>.log.1`, in place of the one before: at most twice this is kept of each part."""


@dataclass
class LogFile:
    """A log that is rotated when it is full."""

    path: Path
    limit_bytes: int = LIMIT_BYTES

    def __post_init__(self) -> None:
        self._file = self.path.open("ab", buffering=0)

    def write(self, chunk: bytes) -> None:
        # On a full disk log lines are lost; the part that writes them must go on.
        with contextlib.suppress(OSError):
            if self._file.tell() and self._file.tell() + len(chunk) > self.limit_bytes:
                self._file.close()
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                self._file = self.path.open("ab", buffering=0)
            self._file.write(chunk)

    def close(self) -> None:
        self._file.close()


def open_log(path: Path) -> BinaryIO:
    """A log for a process that writes to it by itself, begun anew when it is full."""
    if path.exists() and path.stat().st_size > LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")


@dataclass
class LogPipe:
    """Carries what a child process writes to its log, and each complete line to `on_line`."""

    file: LogFile
    on_line: Callable[[str], None]
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def close_write_end(self) -> None:
        """To be called once the child process has its copy; otherwise the end of its output is never seen."""
        os.close(self.write_end)

    def close(self) -> None:
        """Take what is left in the pipe and close the log. What a grandchild still writes is lost."""
        while self._read_end >= 0 and self._read():
            pass
        if self._read_end >= 0:
            self._end()

    def _read(self) -> bool:
        try:
            chunk = os.read(self._read_end, 65_536)
        except BlockingIOError:
            return False
        if not chunk:
            self._end()
            return False
        self.file.write(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        # A line that never ends must not fill our memory; the log has every byte all the same.
        self._rest = self._rest[-65_536:]
        for line in lines:
            self._emit(line)
        return True

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        self._read_end = -1
        if self._rest:
            self._emit(self._rest)
        self.file.close()

    def _emit(self, line: bytes) -> None:
        self.on_line(line.decode(errors="replace").rstrip())


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a log, taken from the one before too if this one has only just begun."""
    lines: list[str] = []
    for file in (path, path.with_name(path.name + ".1")):
        with contextlib.suppress(FileNotFoundError):
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines() + lines
        if len(lines) >= count:
            break
    return lines[-count:] if count else []


def follow(path: Path, *, pause_seconds: float = 0.2) -> Iterator[str]:
    """New lines of a log, for ever, also when it is rotated; waits for a log that is missing."""
    with contextlib.ExitStack() as stack:
        file = None
        rest = ""
        while True:
            if file is None:
                with contextlib.suppress(FileNotFoundError):
                    file = stack.enter_context(path.open(encoding="utf-8", errors="replace"))
                    file.seek(0, os.SEEK_END if not rest else os.SEEK_SET)
            chunk = file.read() if file else ""
            *lines, rest = (rest + chunk).split("\n")
            yield from lines
            if not chunk:
                if file and not _is_open_at(path, file.fileno()):
                    # What was written before the rotation has been read: the next round of the loop opens the new file.
                    stack.pop_all().close()
                    file = stack.enter_context(path.open(encoding="utf-8", errors="replace")) if path.exists() else None
                time.sleep(pause_seconds)


def _is_open_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return True
