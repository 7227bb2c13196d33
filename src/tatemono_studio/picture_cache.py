"""Painted pictures: made in a bounded pool of threads, kept up to a number of bytes, never made twice at once."""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tatemono_studio.painter import Commission, Painted, paint


@dataclass(frozen=True)
class Hanging:
    """A finished picture and its partial ones, base64 already: answers are sent as they hang here."""

    final: bytes
    partials: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        return len(self.final) + sum(map(len, self.partials))


class Gallery:
    """Pillow lets go of the interpreter lock in its heavy calls, so threads paint while the event loop serves."""

    def __init__(self, cache_bytes: int, painters: int, easel: Callable[[Commission], Painted] = paint) -> None:
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[str, Hanging] = OrderedDict()
        self._kept_bytes = 0
        self._under_way: dict[str, asyncio.Future[Hanging]] = {}
        self._painters = ThreadPoolExecutor(painters, thread_name_prefix="painter")
        self._easel = easel

    @property
    def kept_bytes(self) -> int:
        return self._kept_bytes

    def close(self) -> None:
        self._painters.shutdown(wait=False, cancel_futures=True)

    def has(self, commission: Commission) -> bool:
        return commission.key in self._kept

    async def picture(self, commission: Commission) -> Hanging:
        key = commission.key
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._under_way:
            future = asyncio.get_running_loop().run_in_executor(self._painters, self._make, commission)
            self._under_way[key] = future
            future.add_done_callback(lambda done: self._finished(key, done))
        # Another caller may wait for the same picture: one that leaves must not take it away.
        return await asyncio.shield(self._under_way[key])

    def _make(self, commission: Commission) -> Hanging:
        painted = self._easel(commission)
        return Hanging(b64encode(painted.final), tuple(b64encode(partial) for partial in painted.partials))

    def _finished(self, key: str, done: "asyncio.Future[Hanging]") -> None:
        del self._under_way[key]
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[key] = done.result()
        self._kept_bytes += done.result().size_bytes
        while self._kept_bytes > self._cache_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.size_bytes
