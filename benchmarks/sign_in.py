"""Signing in and refreshing, per second on one core of the application, next to what they are made of."""

import asyncio
import json
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from benchmarks.pgbench import with_named
from benchmarks.place import Cores, cpu_seconds, execute, facts, free_port, listens, postgres, running, scratch
from benchmarks.table import Section, Table, number
from benchmarks.tokens import microseconds, our_steps, table
from rich.console import Console

from tatemono.adapters.postgres.identity import devices
from tatemono_tools.laptop import secret_values
from tatemono_tools.laptop.demo.device_key import DeviceKey
from tatemono_tools.laptop.postgres.database import binary
from tatemono_tools.laptop.postgres.database_roles import prepare_database
from tatemono_tools.plan.building import Plan, read_plan

CONNECTIONS = 32
ROUNDS = 3
#: Each request needs a proof of its own, which is made before the clock runs.
REQUESTS = 2_000
_PGBENCH_SECONDS = 4
_PUBLIC_URL = "https://localhost:8443"
_ORIGIN_VERIFY = "benchmark"
#: Nakama's device login on the machine of design/performance.md, per second and core: existing device, new device.
_NAKAMA = {"existing device": 4_103, "new device": 519}
_SEED = """
with people as (insert into users select from generate_series(1, 1000) returning id)
insert into devices (user_id, identifier_hash, key_thumbprint, platform)
select id, sha256(row_number() over ()::text::bytea), row_number() over ()::text, 'ios' from people
"""
_UNIQUE = "sha256((:unique)::text::bytea)"
_SIGN_IN = {
    "proof_digest": _UNIQUE,
    "identifier_hashes": "array[sha256((:device)::text::bytea)]",
    "key_thumbprint": "(:device)::text",
    "platform": "'ios'::platform",
    "refresh_hash": _UNIQUE,
    "lifetime": "'30 days'",
}


class Phone:
    """A device of the load. Its requests are made before the clock runs, but for the refresh token."""

    def __init__(self, origin_verify: str) -> None:
        self._origin_verify = origin_verify
        self._key = DeviceKey()
        self._identifier = secrets.token_hex(16)
        self._refresh_token = ""

    def prepare(self) -> None:
        self.first, self.again = self._sign_in(), self._sign_in()
        self._proof = self._prove("/v1/api/auth/refresh")

    def refresh(self) -> bytes:
        return self._request("/v1/api/auth/refresh", {"refresh_token": self._refresh_token}, self._proof)

    def keep(self, answer: bytes) -> None:
        self._refresh_token = json.loads(answer)["refresh_token"]

    def _prove(self, path: str) -> str:
        return self._key.proof("POST", _PUBLIC_URL + path, at=time.time())

    def _sign_in(self) -> bytes:
        path = "/v1/api/auth/device"
        body = {"platform": "ios", "device_identifier": self._identifier}
        return self._request(path, body, self._prove(path))

    def _request(self, path: str, content: dict[str, str], proof: str) -> bytes:
        body = json.dumps(content)
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            f"X-Origin-Verify: {self._origin_verify}",
            "Content-Type: application/json",
            f"DPoP: {proof}",
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass
class Result:
    """:ivar cpu_us: of the application, for each request"""

    per_second: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def row(self, name: str) -> list[str]:
        cuts = quantiles(self.latencies_ms, n=100)
        nakama = number(_NAKAMA[name]) if name in _NAKAMA else ""
        cpu = median(self.cpu_us)
        return [
            name,
            *map(number, (median(self.per_second), cpu, 1e6 / cpu)),
            *(number(cuts[n], 1) for n in (49, 98)),
            nakama,
        ]


#: One request: what to send, and what to do with the answer.
Exchange = tuple[Callable[[], bytes], Callable[[bytes], None]]


async def run(port: int, pid: int, exchanges: Sequence[Exchange], result: Result) -> None:
    """All of them over a few connections, as quickly as they go."""
    left = iter(exchanges)
    cpu, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(_connection(port, left, result) for _ in range(CONNECTIONS)))
    result.per_second.append(len(exchanges) / (time.perf_counter() - began))
    result.cpu_us.append((cpu_seconds(pid) - cpu) / len(exchanges) * 1e6)


async def _connection(port: int, left: Iterator[Exchange], result: Result) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request, take in left:
        content = request()
        began = time.perf_counter()
        writer.write(content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        if b" 200 " not in head[:20]:
            raise RuntimeError(f"refused:\n{head.decode()}{body.decode()}")
        result.latencies_ms.append((time.perf_counter() - began) * 1000)
        take(body)
    writer.close()


def _environment(plan: Plan, database_url: str) -> dict[str, str]:
    """What the plan tells the service, without limits."""
    known = {
        "DATABASE_URL": database_url,
        "ORIGIN_VERIFY": _ORIGIN_VERIFY,
        "PUBLIC_URL": _PUBLIC_URL,
        "LOG_LEVEL": "warning",
    }
    known |= {"LIMITS": json.dumps({name: [] for name in plan.limits}), "TOKEN_SIGNING_KEYS_ARN": ""}
    known |= {"UPLOADS_URL": f"{_PUBLIC_URL}/uploads/"}
    made = {"ec-p256-jwks": secret_values.signing_keys, "ec-p256-pem": secret_values.private_key_pem}
    for variable, source in plan.services["mobile-api"].environment.items():
        if source.secret is not None:
            value = made.get(plan.secrets[source.secret].generate, secret_values.random_value)()
        elif source.parameter is not None:
            value = plan.parameters[source.parameter].value or "none"
        else:
            value = source.value or ""
        known.setdefault(variable, value)
    return known | {"SERVICE_NAME": "mobile-api"}


async def _pgbench(statement: str, url: str, cores: Cores, folder: Path) -> list[str]:
    """The statement by itself: per second, p50, p99."""
    script = folder / "script.sql"
    script.write_text(f"\\set device random(1, 1000)\n\\set unique random(1, 9000000000000000000)\n{statement};\n")
    options = ["-n", "-M", "prepared", "-c", "10", "-j", "1", "-T", str(_PGBENCH_SECONDS), "-f", str(script)]
    argv = cores.application([str(binary("pgbench")), *options, "-l", f"--log-prefix={folder / 'pgbench'}", url])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdout=pipe, stderr=pipe)
    output, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"pgbench: {errors.decode()}")
    (per_second,) = map(float, re.findall(rb"tps = ([\d.]+)", output))
    cuts = quantiles(_latencies_ms(folder), n=100)
    return [number(per_second), "", "", number(cuts[49], 1), number(cuts[98], 1), ""]


def _latencies_ms(folder: Path) -> list[float]:
    (log,) = folder.glob("pgbench.*")
    return [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]


async def measure(_console: Console) -> Section:
    measured_at, cores, plan = facts("granian", "cryptography"), Cores(), read_plan()
    results = {name: Result() for name in ("new device", "existing device", "refresh")}
    with scratch() as folder:
        async with postgres(folder, cores) as cluster:
            database, address = plan.database, f"127.0.0.1:{cluster.port}"
            urls = {role: secret_values.database_url(role, address, database.name, None) for role in database.roles}
            await prepare_database(database, cluster.dsn(), urls)
            await execute(cluster.dsn(database.name), _SEED)
            port = free_port()
            argv = cores.application([sys.executable, "-m", *plan.services["mobile-api"].command[2:]])
            told = _environment(plan, urls["mobile-api"]) | {"PORT": str(port)}
            async with running(argv, listens(port), log=folder / "log", environment=told) as process:
                for _ in range(ROUNDS):
                    await one_round(port, process.pid, results, origin_verify=_ORIGIN_VERIFY)
            floor = await _pgbench(with_named(devices.SIGN_IN, _SIGN_IN), urls["mobile-api"], cores, folder)
    columns = ["", "per second", "CPU µs", "per second and core", "p50 ms", "p99 ms", "Nakama, per second and core"]
    rows = [result.row(name) for name, result in results.items()]
    rows.append(["pgbench, the statement of an existing device, 10 connections", *floor])
    remarks = (
        f"{cores.remark} {CONNECTIONS} connections of a client in Python take their share of the other core: what one "
        "core of the application can do is what its CPU time says. Every request verifies a new proof of the key, "
        "remembers it, stores a new refresh token, and signs two tokens with ES256; Nakama's device login does none of "
        "these."
    )
    tables = [Table("Sign-in", columns, rows, remarks), table("What it is made of", microseconds(our_steps()))]
    return Section("Sign-in", measured_at, tables)


async def one_round(port: int, pid: int, results: dict[str, Result], *, origin_verify: str) -> None:
    """Sign in new devices, then the same again, then refresh: each kind adds its figures to its result."""
    phones = [Phone(origin_verify) for _ in range(REQUESTS)]
    for phone in phones:
        phone.prepare()
    for name, requests in (
        ("new device", [(lambda phone=phone: phone.first) for phone in phones]),
        ("existing device", [(lambda phone=phone: phone.again) for phone in phones]),
        ("refresh", [phone.refresh for phone in phones]),
    ):
        exchanges = [(request, phone.keep) for request, phone in zip(requests, phones, strict=True)]
        await run(port, pid, exchanges, results[name])
