# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""A write that did not reach the disk fails. MiniStack 1.5.33 logs a warning then, and answers 200."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.services import s3

from tatemono_tools.laptop.process.disk import disk_problem

failed_writes: ContextVar[list[str] | None] = ContextVar("failed_writes", default=None)
"""Why writes of the request of this context failed."""

_READS = ("Get", "List", "Describe", "BatchGet")
_MAKES_ROOM = ("Delete", "Purge")
_GOES_ON = ("ChangeMessageVisibility",)
"""For what is being worked on, until it is done."""


@dataclass(frozen=True)
class WriteGuard:
    """Says whether a request may be served while the disk is full, or while the state cannot be written to it.

    What reads, makes room or goes on with what has begun may. So may the objects of services: they are pictures that
    are paid for, and the disk's reserve is for them. Nothing else begins: no message is taken or given, no file of a
    phone is accepted.

    :ivar state_problem: why the state was not written the last time; none if it was
    """

    folder: Path
    reserved_bytes: int
    state_problem: Callable[[], str | None]

    def refusal(self, method: str, action: str, *, for_s3: bool) -> str | None:
        """Why the request is not served now; None if it is.

        :param action: of an API whose requests name one, e.g. `SendMessage`; otherwise empty
        :param for_s3: it is signed for S3, as those of services are. A phone's form is not.
        """
        if method in {"GET", "HEAD", "DELETE"} or for_s3 or action.startswith((*_READS, *_MAKES_ROOM, *_GOES_ON)):
            return None
        return self.state_problem() or disk_problem(self.folder, self.reserved_bytes)


def notice_failed_writes() -> None:
    """Let `failed_writes` know of each object that S3 could not write. Changes MiniStack in this process."""
    write = s3._atomic_write

    def atomic_write(path: str, data: Any, **options: Any) -> None:
        try:
            write(path, data, **options)
        except OSError as error:
            failed = failed_writes.get()
            if failed is not None:
                failed.append(error.strerror or repr(error))
            raise

    s3._atomic_write = atomic_write


def forget_unwritten_objects(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """S3's handler, which then has the object that was there before one that could not be written."""

    async def handle(method: str, path: str, headers: dict[str, str], *rest: Any, **named: Any) -> Any:
        bucket, key = s3._parse_bucket_key(path, headers)
        failed = failed_writes.get()
        if method != "PUT" or not key or failed is None:
            return await handler(method, path, headers, *rest, **named)
        versions = s3._object_versions.get((bucket, key))
        before, versions_before = _objects(bucket).get(key), _copied(versions)
        answer = await handler(method, path, headers, *rest, **named)
        if failed:
            _restore(bucket, key, before, versions_before)
        return answer

    return handle


def _copied(versions: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    # MiniStack says within each whether it is the latest.
    return None if versions is None else [dict(version) for version in versions]


def _objects(bucket: str) -> dict[str, Any]:
    found: dict[str, Any] = (s3._buckets.get(bucket) or {}).get("objects", {})
    return found


def _restore(bucket: str, key: str, before: Any, versions: list[Any] | None) -> None:
    objects = _objects(bucket)
    if before is None:
        objects.pop(key, None)
        s3._delete_persisted_object(bucket, key)
    else:
        objects[key] = before
    if versions is None:
        s3._object_versions.pop((bucket, key), None)
    else:
        s3._object_versions[bucket, key] = versions
