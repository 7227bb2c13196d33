"""What it saves that connections stay on loan (docs/adr/0018): the mobile API so, and on asyncpg's pool alone."""

from collections.abc import Awaitable, Callable
from statistics import median

from benchmarks.load import CONNECTIONS, Load
from benchmarks.place import facts
from benchmarks.requests import BODY
from benchmarks.sign_in import Result, one_round
from benchmarks.stage import Contender, Stage, stage
from benchmarks.table import Section, Table, number, ratio
from rich.console import Console

ROUNDS = 7
SECONDS = 4
_GALLERIES = 100
_ON_LOAN, _POOL = "tatemono", "pool alone"

#: Puts a server under load; the processor time of a request, in µs, by route.
Run = Callable[[Contender], Awaitable[dict[str, float]]]
#: By route: that of each round on loan, and that of each on the pool alone.
Found = dict[str, tuple[list[float], list[float]]]


async def measure(console: Console) -> Section:
    where = facts("granian", "asyncpg")
    async with stage((_ON_LOAN, _POOL), cold_tokens=0) as ready:
        await ready.hang_pictures(_GALLERIES)
        few = ready.folder / "few-tokens"
        few.write_text("\n".join(ready.warm_tokens.read_text().split()[:_GALLERIES]))
        runs = [
            _load(ready, "GET me", Load("GET", "/v1/api/me", few, ready.origin_verify)),
            _load(ready, "GET pictures, 20 of them", Load("GET", "/v1/api/pictures", few, ready.origin_verify)),
            _load(ready, "GET generations, 20 of them", Load("GET", "/v1/api/generations", few, ready.origin_verify)),
            _sign_in(ready),
            _submit(ready),
        ]
        rows = [row for run in runs for row in (await _alternate(ready, run, console))]
        remark = ready.cores.remark
    remarks = (
        f"Processor time of a request in the application, median of {ROUNDS} rounds in which the two take turns; the "
        f"ratio is the median of the rounds' own ratios, with the least and the most. {CONNECTIONS} connections, "
        "10 connections to the database each. Sign-ins come from a client in Python, which is slower than the "
        "application; submissions share statements."
    )
    columns = ["", "on loan, µs", "pool alone, µs", "ratio", "least", "most"]
    return Section("Connections", f"{where} {remark}", [Table("Connections on loan", columns, rows, remarks)])


async def _alternate(ready: Stage, run: Run, console: Console) -> list[list[str]]:
    found: Found = {}
    # A B, B A, A B, …; the first round warms both up.
    for round_ in range(ROUNDS + 1):
        for name in (_ON_LOAN, _POOL)[:: -1 if round_ % 2 else 1]:
            for route, cpu_us in (await run(ready.contenders[name])).items():
                if round_:
                    found.setdefault(route, ([], []))[name == _POOL].append(cpu_us)
                    console.print(f"{route}: {name}: {cpu_us:,.0f} µs", style="dim")
    return [_row(route, *pair) for route, pair in found.items()]


def _row(route: str, on_loan: list[float], pool: list[float]) -> list[str]:
    ratios = [theirs / ours for ours, theirs in zip(on_loan, pool, strict=True)]
    values = number(median(on_loan)), number(median(pool))
    return [route, *values, ratio(median(ratios)), ratio(min(ratios)), ratio(max(ratios))]


def _load(ready: Stage, route: str, load: Load) -> Run:
    async def run(contender: Contender) -> dict[str, float]:
        before = contender.cpu_seconds()
        measured = await load.run(contender.port, SECONDS, ready.cores)
        return {route: (contender.cpu_seconds() - before) / measured.requests * 1e6}

    return run


def _submit(ready: Stage) -> Run:
    load = Load("POST", "/v1/api/generations", ready.warm_tokens, ready.origin_verify, BODY)
    run = _load(ready, "POST generations", load)

    async def submit(contender: Contender) -> dict[str, float]:
        await ready.clear()
        return await run(contender)

    return submit


def _sign_in(ready: Stage) -> Run:
    async def run(contender: Contender) -> dict[str, float]:
        results = {name: Result() for name in ("new device", "existing device", "refresh")}
        await one_round(contender.port, contender.pid, results, origin_verify=ready.origin_verify)
        return {f"sign-in, {name}": result.cpu_us[0] for name, result in results.items()}

    return run
