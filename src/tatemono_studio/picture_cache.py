"""Painted pictures: made in a bounded pool of threads, kept up to a number of bytes, never made twice at once."""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tatemono_studio.painter import PictureSpec, paint


@dataclass(frozen=True)
class EncodedPicture:
    """A finished picture and its partial ones, already in base64, as the answers carry them."""

    final: bytes
    partials: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        return len(self.final) + sum(map(len, self.partials))


class PictureCache:
    """Pillow lets go of the interpreter lock in its heavy calls, so threads paint while the event loop serves."""

    def __init__(self, cache_bytes: int, painters: int) -> None:
        self._cache_bytes = cache_bytes
        self._pictures: OrderedDict[str, EncodedPicture] = OrderedDict()
        self._size_bytes = 0
        self._in_progress: dict[str, asyncio.Future[EncodedPicture]] = {}
        self._threads = ThreadPoolExecutor(painters, thread_name_prefix="painter")

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def has(self, spec: PictureSpec) -> bool:
        return spec.key in self._pictures

    async def get(self, spec: PictureSpec) -> EncodedPicture:
        """The picture of this specification; it is painted unless it is kept."""
        key = spec.key
        if key in self._pictures:
            self._pictures.move_to_end(key)
            return self._pictures[key]
        if key not in self._in_progress:
            future = asyncio.get_running_loop().run_in_executor(self._threads, _paint_and_encode, spec)
            self._in_progress[key] = future
            future.add_done_callback(lambda done: self._keep(key, done))
        # Another caller may wait for the same picture: one that disconnects must not cancel it.
        return await asyncio.shield(self._in_progress[key])

    def _keep(self, key: str, done: "asyncio.Future[EncodedPicture]") -> None:
        del self._in_progress[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._pictures[key] = done.result()
        self._size_bytes += done.result().size_bytes
        while self._size_bytes > self._cache_bytes:
            _, oldest = self._pictures.popitem(last=False)
            self._size_bytes -= oldest.size_bytes


def _paint_and_encode(spec: PictureSpec) -> EncodedPicture:
    painted = paint(spec)
    return EncodedPicture(b64encode(painted.final), tuple(b64encode(partial) for partial in painted.partials))
