"""Runs the provisioner (`python -m tatemono_tools.laptop.provision`) in a process of its own."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from tatemono_tools.laptop.process.logs import open_log
from tatemono_tools.laptop.process.part import PartFailed

_PROBE_SECONDS = 0.04
_SHOWN_LINES = 12


async def run_provisioner(
    request: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    may_begin: Callable[[], Awaitable[bool]],
    log: Path,
) -> dict[str, Any]:
    """Start the provisioner, which loads its libraries, let it begin when `may_begin` says yes; its answer.

    :param log: what it writes is added there
    :raises PartFailed: the resources cannot be made
    """
    with open_log(log) as errors:
        begin = errors.tell()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tatemono_tools.laptop.provision"),
            env=dict(environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        await _send(process, json.dumps(request))
        while not await may_begin():  # noqa: ASYNC110 - other processes give no sign
            await asyncio.sleep(_PROBE_SECONDS)
        await _send(process, "begin")
        answer, _ = await process.communicate()
        if await process.wait():
            *lines, reason = _lines_after(log, begin)[-_SHOWN_LINES:] or ["ended without a word"]
            raise PartFailed("provision", f"failed: {reason}", lines)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    result: dict[str, Any] = json.loads(answer)
    return result


async def _send(process: Process, line: str) -> None:
    assert process.stdin is not None
    # A process that has ended already says why in its log.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()


def _lines_after(log: Path, begin: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace").splitlines()
