"""The plan's resources, made once, and the environment that each service gets from them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tatemono_tools.laptop.process.logs import LogFile
from tatemono_tools.laptop.process.part import PartFailed
from tatemono_tools.laptop.provision.run_provisioner import run_provisioner

_REFRESH_SECONDS = 20
"""A service that starts again waits no longer for its newest environment, and takes the last one."""

_GATHERING_SECONDS = 0.1
"""Services that were killed together ask within this time, and share a run."""


@dataclass(kw_only=True)
class Provisioning:
    """One run at a time, each written to a log of its own.

    :ivar request: what a run is asked
    :ivar environment: of its process
    :ivar may_begin: whether cloud and database take calls
    :ivar run: does it
    """

    request: Callable[[], dict[str, Any]]
    environment: Mapping[str, str]
    may_begin: Callable[[], Awaitable[bool]]
    log: Path
    run: Callable[..., Awaitable[dict[str, Any]]] = run_provisioner
    _made: bool = False
    _answer: dict[str, Any] = field(default_factory=dict, repr=False)
    _began: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def make(self) -> None:
        """Make the resources, or bring them to what the plan says.

        :raises PartFailed: they cannot be made
        """
        async with self._lock:
            await self._run()

    def lose_last_second(self) -> None:
        """The cloud was started again, and may not have what was made just before: the next run makes it again."""
        self._made = False

    def environment_of(self, service: str) -> dict[str, str]:
        """What the last run has given."""
        environment: dict[str, str] = self._answer["services"][service]
        return environment

    @property
    def origin_verify(self) -> str:
        return str(self._answer["origin_verify"])

    async def refreshed_environment_of(self, service: str) -> dict[str, str]:
        """The present parameters and secrets, as a new task of ECS gets them; if they cannot be read, the last ones.

        Services that start again together share a run.
        """
        asked = time.monotonic()
        try:
            async with asyncio.timeout(_REFRESH_SECONDS), self._lock:
                if self._began < asked:
                    await asyncio.sleep(_GATHERING_SECONDS)
                    await self._run()
        except (PartFailed, TimeoutError) as error:
            self._write(f"{service} starts with what was read before: {str(error) or 'no answer in time'}")
        return self.environment_of(service)

    async def _run(self) -> None:
        self._began = time.monotonic()
        request = self.request() | {"only_read": self._made}
        self._answer = await self.run(request, environment=self.environment, may_begin=self.may_begin, log=self.log)
        self._made = True

    def _write(self, line: str) -> None:
        log = LogFile(self.log)
        log.write(f"{line}\n".encode())
        log.close()
