"""A zip that is written from beginning to end, and never as a whole in memory."""

import zipfile
from datetime import UTC, datetime
from typing import IO

from tatemono.usecases.privacy.ports import Upload


class _Outlet:
    """What zipfile takes for a file that cannot be wound back: then sizes and checksums come after each entry."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, data: bytes) -> int:
        self.waiting += data
        return len(data)

    def flush(self) -> None:
        pass


class ZipArchive:
    """Beyond 4 GiB or 65,535 entries it becomes a Zip64, which today's unpackers read as well."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._outlet = _Outlet()
        self._zip = zipfile.ZipFile(self._outlet, "w", allowZip64=True)  # type: ignore[call-overload]
        self._entry: IO[bytes] | None = None
        self.size_bytes = 0

    async def begin(self, name: str, modified_at: datetime, *, size_bytes: int = 0, compressed: bool = False) -> None:
        self._end_entry()
        info = zipfile.ZipInfo(name, modified_at.astimezone(UTC).timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        info.file_size = size_bytes
        self._entry = self._zip.open(info, "w")

    async def write(self, data: bytes) -> None:
        assert self._entry is not None
        self._entry.write(data)
        await self._let_out()

    async def close(self) -> None:
        """Write the directory, without which it is no zip."""
        self._end_entry()
        self._zip.close()
        await self._let_out()

    def _end_entry(self) -> None:
        if self._entry is not None:
            self._entry.close()
            self._entry = None

    async def _let_out(self) -> None:
        data, self._outlet.waiting = self._outlet.waiting, bytearray()
        self.size_bytes += len(data)
        await self._upload.write(bytes(data))
