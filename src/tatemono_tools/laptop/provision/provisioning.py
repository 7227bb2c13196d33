"""Has the plan's resources made by a process of its own (`provisioner.py`), which may load its libraries early."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tatemono_tools.laptop.process.logs import last_lines
from tatemono_tools.laptop.process.part import PartFailed

_PROBE_SECONDS = 0.04
_TOLD_LINES = 12


async def have_provisioned(
    order: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    may_begin: Callable[[], Awaitable[bool]],
    log: Path,
) -> dict[str, Any]:
    """Give the order, let the work begin when `may_begin` says yes, and return the provisioner's answer.

    :raises PartFailed: the resources cannot be made
    """
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tatemono_tools.laptop.provision.provisioner"),
            env=dict(environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        await _tell(process, json.dumps(order))
        while not await may_begin():  # noqa: ASYNC110 - other processes give no sign
            await asyncio.sleep(_PROBE_SECONDS)
        await _tell(process, "begin")
        answer, _ = await process.communicate()
        if await process.wait():
            *told, reason = last_lines(log, _TOLD_LINES) or ["ended without a word"]
            raise PartFailed("provision", f"failed: {reason}", told)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    result: dict[str, Any] = json.loads(answer)
    return result


async def _tell(process: Process, line: str) -> None:
    assert process.stdin is not None
    # One that has ended already says why in its log.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
