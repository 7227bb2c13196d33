"""Archives that are written from beginning to end, also very large ones, open in what people have."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from tatemono.adapters.zip_archive import ZipArchive

# Zips count in steps of two seconds.
MOMENT = datetime(2026, 11, 24, 9, 12, 4, tzinfo=UTC)
MEBIBYTE = 1024 * 1024


class Sink:
    """Keeps what is written; of blocks of zeros, only that they were there.

    :ivar largest: the most that came at once
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.largest = 0

    async def write(self, data: bytes) -> None:
        self.largest = max(self.largest, len(data))
        if data.strip(b"\0"):
            self._file.write(data)
        else:
            self._file.seek(len(data), io.SEEK_CUR)

    async def finish(self) -> None:
        pass

    async def abort(self) -> None:
        pass


class TestZipArchive:
    async def test_opens_with_names_times_and_content(self) -> None:
        file = io.BytesIO()
        archive = ZipArchive(Sink(file))
        await archive.begin("profile.json", MOMENT, compressed=True)
        await archive.write('{"name": "青木"}'.encode())
        await archive.begin("pictures/2026-11-24/a.png", MOMENT, size_bytes=3)
        for piece in (b"a", b"b", b"c"):
            await archive.write(piece)
        await archive.begin("empty.txt", MOMENT)
        await archive.close()
        assert archive.size_bytes == len(file.getvalue())
        with zipfile.ZipFile(file) as opened:
            assert opened.testzip() is None
            assert opened.namelist() == ["profile.json", "pictures/2026-11-24/a.png", "empty.txt"]
            assert opened.read("pictures/2026-11-24/a.png") == b"abc"
            assert "青木" in opened.read("profile.json").decode()
            info = opened.getinfo("pictures/2026-11-24/a.png")
        assert info.date_time == (2026, 11, 24, 9, 12, 4)
        assert info.compress_type == zipfile.ZIP_STORED

    @pytest.mark.long
    async def test_holds_more_than_four_gibibytes_and_little_of_it_in_memory(self, tmp_path: Path) -> None:
        zeros = bytes(16 * MEBIBYTE)
        with (tmp_path / "large.zip").open("wb") as file:
            sink = Sink(file)
            archive = ZipArchive(sink)
            for number in range(33):
                await archive.begin(f"{number}.bin", MOMENT, size_bytes=128 * MEBIBYTE)
                for _ in range(8):
                    await archive.write(zeros)
            await archive.begin("last.txt", MOMENT)
            await archive.write(b"the end")
            await archive.close()
        assert archive.size_bytes > 4 * 1024 * MEBIBYTE
        assert sink.largest < len(zeros) + 1000
        with zipfile.ZipFile(tmp_path / "large.zip") as opened:
            assert len(opened.namelist()) == 34
            last = opened.getinfo("last.txt")
            assert last.header_offset > 4 * 1024 * MEBIBYTE
            assert opened.read(last) == b"the end"

    async def test_holds_more_than_65535_entries(self) -> None:
        file = io.BytesIO()
        archive = ZipArchive(Sink(file))
        for number in range(65_600):
            await archive.begin(f"{number}", MOMENT)
        await archive.close()
        with zipfile.ZipFile(file) as opened:
            assert len(opened.namelist()) == 65_600

    async def test_takes_no_entry_after_the_end(self) -> None:
        archive = ZipArchive(Sink(io.BytesIO()))
        await archive.close()
        with pytest.raises(ValueError, match="closed"):
            await archive.begin("late", MOMENT)
