"""`tatemono demo`: one phone that shows what happens, or many that measure it."""

import asyncio
import contextlib
import io
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused
from tatemono_tools.laptop.painter.painter import Painter
from tatemono_tools.laptop.process.readiness import wait_until_ready
from tatemono_tools.laptop.process.state import StateFolder

_TIMEOUT_SECONDS = 600
_PICTURE_COLUMNS = 60


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """What the phone asks for; the options are those of the API, None where the API shall choose."""

    prompt: str
    style: str | None = None
    size: str | None = None
    quality: str | None = None

    def request(self) -> dict[str, Any]:
        chosen = {"style": self.style, "size": self.size, "quality": self.quality}
        return {"prompt": self.prompt} | {name: value for name, value in chosen.items() if value is not None}


async def paint_one(phone: Phone, options: PictureOptions, output: Path, console: Console) -> int:
    """Sign in, ask for one picture, show it coming, save it. :returns: the exit code"""
    began = time.monotonic()
    with _reserved(output) as place:
        return await _paint(phone, options, place, began, console)


async def _paint(phone: Phone, options: PictureOptions, output: Path, began: float, console: Console) -> int:
    signed_in = await phone.sign_in()
    me = await phone.call("GET", "/v1/api/me")
    who = "a new guest" if signed_in["user"]["new"] else "the same guest as before"
    console.print(f"Signed in as {who}, with {me['credits']['available']} credits.")
    generation = await phone.submit(**options.request())
    asked = f"Asked for [italic]{escape(options.prompt)}[/italic]: {generation['price_credits']} credits."
    console.print(asked, highlight=False)
    final = await _watch(phone, generation["id"], began, console)
    if final["state"] != "succeeded":
        reason = (final.get("failure") or {}).get("text", final["state"])
        console.print(f"[red]No picture:[/red] {escape(reason)}")
        return 1
    picture = final["pictures"][0]
    data = await phone.download(picture["url"])
    await asyncio.to_thread(output.write_bytes, data)
    _show(data, console)
    size = f"{picture['width']}×{picture['height']}, {len(data) / 1000:.0f} kB"
    console.print(f"Saved [bold]{output}[/bold] ({size}) after {time.monotonic() - began:.1f} s.", highlight=False)
    return 0


_STEPS = {
    "queued": "queued",
    "started": "the painter has begun",
    "retrying": "the painter failed, it is asked again",
    "done": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}


async def _watch(phone: Phone, generation_id: str, began: float, console: Console) -> dict[str, Any]:
    """Show the events as they come; the generation in the end."""
    with console.status("") as waiting:
        async for event in phone.follow(generation_id):
            if event.name == "position":
                waiting.update(f"number {event.data['position']} in the queue")
                continue
            step = f"partial picture {event.data['index'] + 1}" if event.name == "partial" else _STEPS[event.name]
            console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {step}", highlight=False)
            waiting.update("painting")
    return await phone.call("GET", f"/v1/api/generations/{generation_id}")


@contextlib.contextmanager
def _reserved(output: Path) -> Iterator[Path]:
    """An empty file for the picture, before it is asked for: `output`, or with a number if there is one already.

    It is gone again if no picture came.

    :raises OSError: nothing can be written there
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        place = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
        with contextlib.suppress(FileExistsError):
            place.touch(exist_ok=False)
            break
    try:
        yield place
    finally:
        if place.stat().st_size == 0:
            place.unlink()


def _show(data: bytes, console: Console) -> None:
    """The picture itself, in the best way that this terminal has; nothing where there is none of a known size."""
    if not console.is_terminal or not os.get_terminal_size(console.file.fileno()).columns:
        return
    from PIL import Image as Pillow  # noqa: PLC0415 - only to show it
    from textual_image.renderable import Image  # noqa: PLC0415 - it asks the terminal what it can when imported

    with Pillow.open(io.BytesIO(data)) as picture:
        console.print(Image(picture, width=min(_PICTURE_COLUMNS, console.width - 2), height="auto"))


@dataclass
class Measures:
    """Seconds of each step of those that succeeded, and why the others did not."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)

    def took(self, step: str, began: float) -> None:
        self.seconds.setdefault(step, []).append(time.monotonic() - began)

    def failed(self, reason: str) -> None:
        self.failures[reason] = self.failures.get(reason, 0) + 1


async def paint_many(
    phones: Callable[[], Phone], options: PictureOptions, *, users: int, pictures: int, console: Console
) -> int:
    """`users` phones at once, each asking for `pictures` one after the other. :returns: the exit code"""
    measures = Measures()
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Pictures", total=users * pictures)
        await asyncio.gather(
            *(_one_user(phones, options, pictures, measures, lambda: progress.advance(task)) for _ in range(users))
        )
    elapsed = time.monotonic() - began
    console.print(_table(measures, users))
    done = len(measures.seconds.get("picture done", []))
    console.print(f"{done} of {users * pictures} pictures in {elapsed:.1f} s: {done / elapsed:.1f} a second.")
    for reason, count in sorted(measures.failures.items(), key=lambda entry: -entry[1]):
        console.print(f"[red]{count} failed:[/red] {escape(reason)}")
    return 1 if measures.failures else 0


async def _one_user(
    phones: Callable[[], Phone], options: PictureOptions, pictures: int, measures: Measures, advance: Callable[[], None]
) -> None:
    async with phones() as phone:
        try:
            began = time.monotonic()
            await phone.sign_in()
            measures.took("signed in", began)
        except (PhoneRefused, httpx2.HTTPError) as error:
            for _ in range(pictures):
                measures.failed(_reason(error))
                advance()
            return
        for number in range(pictures):
            try:
                await _one_picture(phone, options, number, measures)
            except (PhoneRefused, httpx2.HTTPError, TimeoutError) as error:
                measures.failed(_reason(error))
            advance()


async def _one_picture(phone: Phone, options: PictureOptions, number: int, measures: Measures) -> None:
    began = time.monotonic()
    # Each prompt is another one, or the studio would paint only one picture.
    generation = await phone.submit(
        **options.request() | {"prompt": f"{options.prompt} ({phone.identifier[-4:]}-{number})"}
    )
    measures.took("request accepted", began)
    final: dict[str, Any] = {}
    partial = False
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        async for event in phone.follow(generation["id"]):
            if event.name == "partial" and not partial:
                partial = True
                measures.took("first partial picture", began)
            final = event.data
    if final.get("state") != "succeeded":
        measures.failed((final.get("failure") or {}).get("text", "no picture"))
        return
    measures.took("picture done", began)
    downloading = time.monotonic()
    await phone.download(final["pictures"][0]["url"])
    measures.took("downloaded", downloading)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _table(measures: Measures, users: int) -> Table:
    table = Table(title=f"{users} phones, seconds")
    table.add_column("step")
    for name in ("count", "p50", "p90", "p99", "longest"):
        table.add_column(name, justify="right")
    for step, seconds in measures.seconds.items():
        ranks = [sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)] for share in (0.5, 0.9, 0.99, 1)]
        table.add_row(step, str(len(seconds)), *(f"{value:.2f}" for value in ranks))
    return table


def front_door(state: StateFolder, say: Callable[[str], None]) -> tuple[str, Path]:
    """Wait for a building that is starting.

    :returns: its address, and the certificate of the authority that it is trusted by
    :raises NotRunning: no building is up in this folder
    """
    wait_until_ready(state, say)
    ports, authority = state.read_json("ports.json"), state.certificates / "authority.pem"
    return f"https://localhost:{ports['https']}", authority


def run(
    options: PictureOptions, *, state: StateFolder, output: Path, users: int | None, pictures: int, console: Console
) -> int:
    """What the command does.

    :returns: the exit code
    :raises NotRunning: no building is up in this folder
    """
    base_url, authority = front_door(state, console.print)
    console.print(f"Painter: {Painter.read(state).said}.", highlight=False, markup=False, soft_wrap=True)

    async def one() -> int:
        async with Phone.kept(state.path / "demo-phone.json", base_url, authority) as phone:
            return await paint_one(phone, options, output, console)

    work: Awaitable[int] = (
        one()
        if users is None
        else paint_many(lambda: Phone(base_url, authority), options, users=users, pictures=pictures, console=console)
    )
    try:
        return asyncio.run(_awaited(work))
    except (PhoneRefused, httpx2.TransportError, TimeoutError) as error:
        console.print(f"[red]{escape(_reason(error))}[/red]")
        return 1


async def _awaited(work: Awaitable[int]) -> int:
    return await work
