"""Keeps MiniStack's memory on disk, so that killing the process loses at most about the last second.

One file per service in MiniStack's own encoding, behind a line with its digest; the file before it stays beside it.
"""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.core.persistence import _json_default, _json_object_hook

from tatemono_tools.laptop.cloud.snapshot_files import SnapshotFiles, digest_of, read_snapshot

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0

_SECRETS = "secretsmanager"
"""Of these the file beside is a copy of the newest: a key that was taken out shall be gone."""

_ATTEMPTS = 5

_BUSY_SHARE = 0.1
"""Serialising may take this share of the time at most: a large state is written less often than once a second."""


touched_services: ContextVar[set[str] | None] = ContextVar("touched_services", default=None)
"""The services that the request of this context reached: what may have changed, and is written next."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """`state` and `restore` are the two ends of one service of MiniStack."""

    name: str
    state: Callable[[], Any]
    restore: Callable[[Any], None]


@dataclass(kw_only=True)
class Snapshots:
    """The state files in `folder`. `loaded` names the services in use, the only ones with anything to keep.

    :ivar problem: why the last attempt to write failed; none if it did not
    """

    folder: Path
    services: dict[str, Service]
    loaded: Callable[[], set[str]]
    problem: str | None = None
    _touched: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _written: dict[str, str] = field(default_factory=dict)

    def touch(self, names: set[str] | None) -> None:
        """Note that these services, or any if None, may have changed."""
        self._touched |= self.loaded() if names is None else names
        self._changed.set()

    def restore(self) -> None:
        """Give each service the newest state that is whole; a damaged file is set aside and the one before it used."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for service in self.services.values():
            for path in self._files.candidates(service.name):
                if path.exists() and self._restored(service, path):
                    break

    async def keep(self) -> None:
        """Write what changed about once a second, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(INTERVAL_SECONDS)
            began = time.monotonic()
            try:
                await self.save()
            except Exception as error:
                self.problem = f"the state could not be written: {error}"
                logger.exception("The state could not be written to %s; it is tried again in a second", self.folder)
                self._changed.set()
            else:
                self.problem = None
            await asyncio.sleep((time.monotonic() - began) * (1 / _BUSY_SHARE - 1))

    async def save(self) -> None:
        """Write the touched services whose state differs from what is on disk."""
        self._changed.clear()
        touched, self._touched = self._touched & self.loaded() & self.services.keys(), set()
        try:
            encoded = {name: _encoded(self.services[name]) for name in sorted(touched)}
            await asyncio.to_thread(self._write_changed, encoded)
        except BaseException:
            self._touched |= touched
            raise

    def _write_changed(self, encoded: dict[str, bytes | None]) -> None:
        for name, body in encoded.items():
            digest = digest_of(body or b"")
            if body is not None and self._written.get(name) != digest:
                self._write(name, digest, body)
                self._written[name] = digest

    def _write(self, name: str, digest: str, body: bytes) -> None:
        current, previous = self._files.candidates(name)
        fresh = self._written_beside(name, digest, body)
        if current.exists():
            current.replace(previous)
        fresh.replace(current)
        if name == _SECRETS:
            self._written_beside(name, digest, body).replace(previous)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _written_beside(self, name: str, digest: str, body: bytes) -> Path:
        fresh = self.folder / f"{name}.new"
        with fresh.open("wb") as file:
            file.write(digest.encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        return fresh

    def _restored(self, service: Service, path: Path) -> bool:
        try:
            digest, body = read_snapshot(path)
            service.restore(json.loads(body, object_hook=_json_object_hook))
        except Exception as damage:  # noqa: BLE001 - MiniStack raises anything at a state it cannot read
            aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
            path.replace(aside)
            logger.error(  # noqa: TRY400 - the reason says more than a traceback through MiniStack
                "The state of %s in %s cannot be used (%s). It is set aside as %s and the state before it is used",
                service.name,
                path,
                damage,
                aside.name,
            )
            return False
        self._written[service.name] = digest
        return True

    @property
    def _files(self) -> SnapshotFiles:
        return SnapshotFiles(self.folder)


def _encoded(service: Service) -> bytes | None:
    """Encoded where requests are handled, so none can change the state meanwhile; None if there is nothing to keep.

    Cognito works on threads of its own and may: it is then asked again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            state = service.state()
            return None if state is None else json.dumps(state, default=_json_default).encode()
        except RuntimeError:
            if attempt == _ATTEMPTS - 1:
                raise
    return None
