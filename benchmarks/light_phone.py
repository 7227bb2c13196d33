"""A phone that costs little, so that a benchmark measures the building and not the load.

HTTP/1.1 by hand on kept connections, one TLS context for all phones, and of an event only its name is read. It is no
client to copy: it knows the answers of the front door and of nobody else.
"""

import asyncio
import json
import secrets
import ssl
from dataclasses import dataclass, field
from typing import Any

_LARGEST_LINE_BYTES = 2**20
_FINAL = {b"done", b"failed", b"cancelled"}

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class LightPhone:
    """:ivar token: an access token"""

    port: int
    trusting: ssl.SSLContext
    token: str
    _idle: list[_Connection] = field(default_factory=list)

    async def submit(self, **request: Any) -> str:
        """Ask for pictures; the generation's id.

        :raises RuntimeError: it was refused
        """
        headers = f"Idempotency-Key: {secrets.token_hex(16)}\r\nContent-Type: application/json\r\n"
        connection = await self._send("POST", "/v1/api/generations", headers, json.dumps(request).encode())
        status, length = await _head(connection[0])
        answer = json.loads(await connection[0].readexactly(length or 0))
        if status != 201:
            raise RuntimeError(f"a generation was refused with {status}: {answer}")
        self._idle.append(connection)
        return str(answer["id"])

    async def until_end(self, generation_id: str) -> str:
        """Follow the events of a generation; the name of the last, as soon as the stream is over.

        :raises RuntimeError: there is no such stream, or it ends before the generation does
        """
        connection = await self._send("GET", f"/v1/api/generations/{generation_id}/events")
        reader, final, rest = connection[0], b"", b""
        status, length = await _head(reader)
        while length is None and (size := int(await reader.readline(), 16)):
            *lines, rest = (rest + await reader.readexactly(size)).split(b"\n")
            await reader.readexactly(2)
            final = next((line[7:] for line in lines if line.startswith(b"event: ") and line[7:] in _FINAL), final)
        if not final:
            raise RuntimeError(f"the events of {generation_id} came to no end (status {status})")
        await reader.readexactly(2)
        self._idle.append(connection)
        return final.decode()

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

    async def _send(self, method: str, path: str, headers: str = "", body: bytes = b"") -> _Connection:
        while self._idle and self._idle[-1][0].at_eof():
            self._idle.pop()
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        words = f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
        writer.write(f"{words}{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return reader, writer

    async def _connect(self) -> _Connection:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trusting, server_hostname="localhost", limit=_LARGEST_LINE_BYTES
        )


async def _head(reader: asyncio.StreamReader) -> tuple[int, int | None]:
    """:returns: the status, and the length of the body, none if it comes in chunks"""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    return int(first.split(" ")[1]), None if "transfer-encoding" in headers else int(headers.get("content-length", 0))
