"""Whether a server on this machine answers, and what the building's health route reports."""

import asyncio
import contextlib
import functools
import http.client
import json
import ssl
from http import HTTPStatus
from pathlib import Path

HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 5
_LONGEST_ANSWER_BYTES = 65_536


async def answers(port: int, path: str) -> bool:
    """Whether the server on `port` answers 200."""
    try:
        status, _ = await asyncio.to_thread(_get, port, path)
    except (OSError, http.client.HTTPException):
        return False
    return status == HTTPStatus.OK


async def health_problem(port: int, path: str, authority: Path) -> str | None:
    """What the health route behind the front door finds missing; None if it answers 200.

    :param authority: the CA (PEM) that the door's certificate must come from
    """
    try:
        status, body = await asyncio.to_thread(_get, port, path, authority)
    except (OSError, http.client.HTTPException) as error:
        return f"the front door does not answer: {error}"
    return None if status == HTTPStatus.OK else _missing(body) or f"{path} answers {status}"


async def health_concerns(port: int, path: str, authority: Path) -> dict[str, str]:
    """What the health route says does not work although all parts are there; nothing if it does not answer."""
    try:
        _, body = await asyncio.to_thread(_get, port, path, authority)
        return dict(json.loads(body)["concerns"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return {}


def _missing(body: bytes) -> str:
    """The parts of a health document (`{"parts": {"database": "ok", ...}}`) that are not ok."""
    with contextlib.suppress(ValueError, AttributeError, KeyError):
        return "; ".join(f"{name}: {found}" for name, found in json.loads(body)["parts"].items() if found != "ok")
    return ""


@functools.lru_cache(maxsize=1)
def _trust(authority: Path, _changed: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def _get(port: int, path: str, authority: Path | None = None) -> tuple[int, bytes]:
    connection = (
        http.client.HTTPSConnection(
            HOST, port, timeout=_TIMEOUT_SECONDS, context=_trust(authority, authority.stat().st_mtime_ns)
        )
        if authority
        else http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_SECONDS)
    )
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER_BYTES)
