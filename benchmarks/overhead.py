"""What the building adds to a picture: from POST answered to `done` received, with a painter that takes no time."""

import asyncio
import os
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

import asyncpg
import httpx2
from benchmarks.building import Building, building
from benchmarks.light_phone import LightPhone
from benchmarks.place import cpu_seconds, facts, scratch
from benchmarks.table import Section, Table, number
from rich.console import Console
from rich.progress import track

from tatemono_tools.laptop.demo.phone import Phone

PHONES = 30
PICTURES_PER_SECOND = 5
SECONDS = 60
WARM_UP_SECONDS = 5
_PROMPTS = [f"A lighthouse at dawn, seen from the sea, number {number}" for number in range(4)]
_STEPS = {
    "accepted → claimed (outbox, SQS, worker)": ("accepted", "claimed"),
    "claimed → painter called": ("claimed", "called"),
    "painter's call (the studio's own time, streaming included)": ("called", "painted"),
    "painted → settled (inspect, thumbnail, S3, settle)": ("painted", "settled"),
    "settled → done received (NOTIFY, event stream, door)": ("settled", "done"),
    "accepted → done": ("accepted", "done"),
}


@dataclass(frozen=True)
class Picture:
    """:ivar accepted: when the answer to POST was there; :ivar done: when the event was; both seconds since 1970"""

    generation_id: str
    accepted: float
    done: float


async def measure(console: Console) -> Section:
    where = facts("ministack", "openai", "pillow")
    with scratch() as folder:
        async with building(folder / "state", {"STUDIO_LATENCY": "0"}) as up:
            status = await up.status()
            pictures, spent = await _ask(up, status, console)
            steps = await _steps(up, status, pictures)
    return Section("Overhead", where, [_table(steps), _cpu_table(spent)])


async def _ask(up: Building, status: dict[str, Any], console: Console) -> tuple[list[Picture], dict[str, float]]:
    """:returns: the pictures, and the milliseconds of processor time that each of them took of each process"""
    phones = await _phones(up)
    try:
        # The studio paints each prompt once, and remembers it.
        for prompt in _PROMPTS:
            await _picture(phones[0], prompt)
        await _at_a_pace(phones, WARM_UP_SECONDS * PICTURES_PER_SECOND, console, "warming up")
        before = _cpu_seconds(status)
        pictures = await _at_a_pace(phones, SECONDS * PICTURES_PER_SECOND, console, "measuring")
        after = _cpu_seconds(status)
        return pictures, {name: (after[name] - before[name]) / len(pictures) * 1000 for name in before}
    finally:
        for phone in phones:
            phone.close()


async def _phones(up: Building) -> list[LightPhone]:
    """Signed in by a phone as it is, then light, so that the load leaves the processor to what is measured."""
    trusting = ssl.create_default_context(cafile=str(up.authority))
    phones = []
    for _ in range(PHONES):
        async with Phone(up.address, up.authority) as phone:
            phones.append(LightPhone(up.port, trusting, (await phone.sign_in())["access_token"]))
    return phones


def _cpu_seconds(status: dict[str, Any]) -> dict[str, float]:
    parts = {part["name"]: cpu_seconds(part["pid"]) for part in status["parts"] if part["pid"]}
    # The building is a child of this process, which counts the phones only.
    return parts | {"the phones": time.process_time()}


async def _at_a_pace(phones: Sequence[LightPhone], count: int, console: Console, what: str) -> list[Picture]:
    """Each asks when its time has come, whether or not the ones before are done."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    asked = []
    for index in track(range(count), what, console=console):
        await asyncio.sleep(began + index / PICTURES_PER_SECOND - loop.time())
        phone, prompt = phones[index % len(phones)], _PROMPTS[index % len(_PROMPTS)]
        asked.append(asyncio.create_task(_picture(phone, prompt)))
    return await asyncio.gather(*asked)


async def _picture(phone: LightPhone, prompt: str) -> Picture:
    """:raises RuntimeError: it was not painted"""
    generation_id = await phone.submit(prompt=prompt, quality="low")
    accepted = time.time()
    if (end := await phone.until_end(generation_id)) != "done":
        raise RuntimeError(f"the generation {generation_id} came to no picture: {end}")
    return Picture(generation_id, accepted, time.time())


async def _steps(up: Building, status: dict[str, Any], pictures: Sequence[Picture]) -> dict[str, list[float]]:
    """The milliseconds of each step, from what the database and the studio noted; all clocks are this machine's."""
    rows = await _recorded(up.database_url(status), [picture.generation_id for picture in pictures])
    (studio,) = (part["address"] for part in status["parts"] if part["name"] == "studio")
    calls = await _calls(studio)
    found: dict[str, list[float]] = {step: [] for step in _STEPS}
    for picture in pictures:
        row, call = rows[picture.generation_id], calls[f"{picture.generation_id}-1"]
        called = datetime.fromisoformat(call["at"]).timestamp()
        moments = {
            "accepted": picture.accepted,
            "claimed": row["started_at"].timestamp(),
            "called": called,
            "painted": called + call["duration_seconds"],
            "settled": row["finished_at"].timestamp(),
            "done": picture.done,
        }
        for step, (begin, end) in _STEPS.items():
            found[step].append((moments[end] - moments[begin]) * 1000)
    return found


async def _recorded(url: str, ids: list[str]) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "select id::text, started_at, finished_at, fence from generations where id = any($1::uuid[])", ids
        )
    finally:
        await connection.close()
    if repeated := [row["id"] for row in rows if row["fence"] != 1]:
        raise RuntimeError(f"{len(repeated)} were attempted more than once")
    return {row["id"]: row for row in rows}


async def _calls(studio: str) -> dict[str, Any]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{studio}/studio/calls", params={"limit": 1000})
    return {call["client_request_id"]: call for call in answer.raise_for_status().json()["data"]}


def _table(steps: dict[str, list[float]]) -> Table:
    rows = []
    for name, times in steps.items():
        cuts = quantiles(times, n=100)
        rows.append([name, number(cuts[49], 1), number(cuts[89], 1), number(cuts[98], 1), number(max(times), 1)])
    title = f"Overhead of a picture, {PICTURES_PER_SECOND} a second for {SECONDS} s, milliseconds"
    remarks = (
        "1024x1024, low, PNG, one partial picture each, through the front door; nothing is pinned, and the phones run "
        "on the same machine, light ones (`light_phone.py`). A phone may open its stream when the picture is already "
        "claimed. Wanted: p50 ≤ 60 ms and p99 ≤ 250 ms for the last line."
    )
    return Table(title, ["", "p50", "p90", "p99", "most"], rows, remarks)


def _cpu_table(spent: dict[str, float]) -> Table:
    total = sum(spent.values())
    rows = [[name, number(milliseconds, 1)] for name, milliseconds in sorted(spent.items(), key=lambda item: -item[1])]
    rows.append(["all", number(total, 1)])
    remarks = (
        f"At {PICTURES_PER_SECOND} pictures a second this keeps {total * PICTURES_PER_SECOND / 1000:.1f} of "
        f"{os.cpu_count()} cores busy; when there are no more, pictures queue, and the table above measures that."
    )
    return Table("Processor time of a picture, milliseconds", ["", "CPU"], rows, remarks)
