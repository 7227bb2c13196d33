"""The files that the embedded cloud keeps its memory in: one for each service, and the one before it.

A file is a line with the digest (SHA-256) of what follows, and the state as JSON.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path


class Damaged(ValueError):
    """The content is not what was written."""


@dataclass(frozen=True)
class SnapshotFiles:
    folder: Path

    def current(self, service: str) -> Path:
        return self.folder / f"{service}.json"

    def previous(self, service: str) -> Path:
        return self.folder / f"{service}.previous.json"

    def candidates(self, service: str) -> tuple[Path, Path]:
        """Where the state may be, the newest first."""
        return self.current(service), self.previous(service)

    def kept(self) -> set[str]:
        """The services that have a file here, whole or not."""
        return {path.name.removesuffix(".json").removesuffix(".previous") for path in self.folder.glob("*.json")}


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def read_snapshot(path: Path) -> tuple[str, bytes]:
    """The digest and the state.

    :raises Damaged: they do not belong together
    :raises OSError: it cannot be read
    """
    digest, _, body = path.read_bytes().partition(b"\n")
    if digest_of(body).encode() != digest:
        raise Damaged("its content does not match its digest")
    return digest.decode(), body
