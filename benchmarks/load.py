"""Load on an HTTP service: `wrk` where it is installed, otherwise a small client of our own, which costs more."""

import asyncio
import json
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks.place import PROJECT, Cores

CONNECTIONS = 32
WRK = shutil.which("wrk")


@dataclass(frozen=True)
class Measured:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Load:
    """:ivar tokens: file with a bearer token in each line, taken in turn, from number `first` on
    :ivar body: JSON, or empty; with a body each request has an Idempotency-Key of its own
    """

    method: str
    path: str
    tokens: Path
    origin_verify: str
    body: str = ""
    first: int = 0

    async def run(self, port: int, seconds: float, cores: Cores) -> Measured:
        """:raises RuntimeError: some of the answers were errors: then the numbers mean nothing"""
        key = secrets.token_hex(8)
        if WRK is None:
            return await _Client(self, port, key).run(seconds)
        words = [str(self.tokens), str(self.first), self.method, self.path, self.origin_verify, self.body, key]
        script = str(PROJECT / "benchmarks" / "load.lua")
        options = [f"-c{CONNECTIONS}", "-t1", f"-d{seconds:.0f}s", "--timeout", "10s", "-s", script]
        argv = cores.others([WRK, *options, f"http://127.0.0.1:{port}", "--", *words])
        process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
        output = (await process.communicate())[0].decode()
        found = json.loads(output.strip().splitlines()[-1])
        if found.pop("failed"):
            raise RuntimeError(f"{self.method} {self.path} on port {port} was refused at times:\n{output}")
        return Measured(**found)


class _Client:
    def __init__(self, load: Load, port: int, key: str) -> None:
        self._load = load
        self._port = port
        self._key = key
        self._tokens = load.tokens.read_text().split()
        self._number = load.first
        self._latencies: list[float] = []

    async def run(self, seconds: float) -> Measured:
        began = time.perf_counter()
        await asyncio.gather(*(self._connection(began + seconds) for _ in range(CONNECTIONS)))
        cuts = quantiles(self._latencies, n=100)
        return Measured(len(self._latencies), time.perf_counter() - began, cuts[49] * 1000, cuts[98] * 1000)

    async def _connection(self, end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (began := time.perf_counter()) < end:
            writer.write(self._request())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if not head.split(b" ", 2)[1].startswith(b"2"):
                raise RuntimeError(f"{self._load.method} {self._load.path} was refused:\n{head.decode()}")
            self._latencies.append(time.perf_counter() - began)
        writer.close()

    def _request(self) -> bytes:
        load = self._load
        lines = [
            f"{load.method} {load.path} HTTP/1.1",
            "Host: localhost",
            f"X-Origin-Verify: {load.origin_verify}",
            f"Authorization: Bearer {self._tokens[self._number % len(self._tokens)]}",
        ]
        self._number += 1
        if load.body:
            lines += [
                f"Idempotency-Key: {self._key}-{self._number}",
                "Content-Type: application/json",
                f"Content-Length: {len(load.body)}",
            ]
        return ("\r\n".join(lines) + "\r\n\r\n" + load.body).encode()
