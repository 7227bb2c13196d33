"""Requests per second of the mobile API's two hot routes, against what they are made of and what others would make."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from statistics import median

from benchmarks.load import CONNECTIONS, WRK, Load, Measured
from benchmarks.pgbench import with_named, with_values
from benchmarks.place import facts
from benchmarks.stage import COLD_TOKENS, POOL_SIZE, USER_ID, USERS, Stage, stage
from benchmarks.table import Section, Table, number, ratio
from rich.console import Console

from tatemono.adapters.postgres.generations import queries
from tatemono.adapters.postgres.generations.submissions_sql import SUBMIT

ROUNDS = 3
SECONDS = 5
WARM_UP_SECONDS = 2
_FEW_GALLERIES = 100
_MANY_GALLERIES = 1_000

BODY = '{"prompt":"A lighthouse at dawn, seen from the sea","size":"1024x1024","quality":"medium"}'
_ITEM = '{"title":"A lighthouse at dawn","description":"Seen from the sea"}'
_SUBMITTED = {
    "user_id": USER_ID,
    "idempotency_key": ":key::text",
    "price": "8",
    "max_waiting": "100",
    "prompt": "'A lighthouse at dawn, seen from the sea'",
    "style": "null::text",
    "size": "'1024x1024'",
    "quality": "'medium'",
    "output_format": "'png'",
    "background": "'auto'",
    "n": "1",
    "fingerprint": r"'\x5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'::bytea",
    "seed": "null::bigint",
    "negative_prompt": "null::text",
    "reference_id": "null::uuid",
    "expected_micros": "58775::bigint",
    "reserved_micros": "176325::bigint",
    "daily_credits": "0",
    "shards": "array[mod(:key::bigint, 32)]::smallint[]",
    "rows": "32",
    "time_zone": "'Asia/Tokyo'",
    "user_day_micros": "1000000000000::bigint",
    "shard_micros": "3125000000000::bigint",
    "queue": "'image-jobs'",
}
#: The statements with these values, as `pgbench` takes them.
_SUBMIT = with_named(SUBMIT, _SUBMITTED)
_LIST = with_values(queries._PICTURES, [USER_ID, "null::uuid", "21"])  # noqa: SLF001 - the statement is what is measured

_TATEMONO = "tatemono mobile-api"
_PLAIN = "plain FastAPI + asyncpg, uvicorn"
_TEMPLATE = "template's create item, uvicorn"
_FLOOR = f"pgbench, same statement, {POOL_SIZE} connections (the pool's size)"
_FLOOR_WIDE = f"pgbench, same statement, {CONNECTIONS} connections"


@dataclass
class Result:
    """:ivar cpu_us: of the application, for each request; measured only where it is a server of ours"""

    runs: list[Measured] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return median(run.per_second for run in self.runs)

    def against(self, base: "Result") -> float:
        """The median of each round's own ratio: what slows the machine down for a while slows both."""
        return median(ours.per_second / theirs.per_second for ours, theirs in zip(self.runs, base.runs, strict=True))

    def row(self, name: str, base: "Result") -> list[str]:
        return [
            name,
            number(self.per_second),
            number(median(run.p50_ms for run in self.runs), 1),
            number(median(run.p99_ms for run in self.runs), 1),
            number(median(self.cpu_us)) if self.cpu_us else "",
            ratio(self.against(base)),
        ]


Step = Callable[[int, Result], Awaitable[None]]


async def measure(console: Console) -> Section:
    where = facts("fastapi", "granian", "uvicorn", "asyncpg", "pydantic")
    async with stage() as ready:
        race = _Race(ready, console)
        tables = [await race.posts_warm(), await race.posts_cold(), *await race.lists()]
        remark = f" {ready.cores.remark} {CONNECTIONS} connections from {'wrk' if WRK else 'our own client in Python'}."
    return Section("Requests", where + remark, [*race.template, *tables])


class _Race:
    def __init__(self, ready: Stage, console: Console) -> None:
        self._stage = ready
        self._console = console
        self.template: list[Table] = []

    async def posts_warm(self) -> Table:
        tokens = self._stage.warm_tokens
        found = await self._interleave(
            "POST generations, warm",
            {
                _TATEMONO: self._post("tatemono", Load("POST", "/v1/api/generations", tokens, self._secret, BODY)),
                _PLAIN: self._post("plain", Load("POST", "/v1/api/generations", tokens, self._secret, BODY)),
                _FLOOR: self._floor(_SUBMIT, POOL_SIZE, USERS),
                _FLOOR_WIDE: self._floor(_SUBMIT, CONNECTIONS, USERS),
                _TEMPLATE: self._serve("template", Load("POST", "/items/", self._stage.template_tokens, "", _ITEM)),
            },
        )
        other = found.pop(_TEMPLATE)
        rows = [found[_TATEMONO].row(_TATEMONO, other), other.row(_TEMPLATE, other)]
        remarks = "Wanted: tatemono ≥ 10×. It does far more for each request: the template inserts one row."
        self.template = [_table("POST generations against the template's create item", rows, remarks)]
        share = found[_TATEMONO].against(found[_FLOOR])
        return _table(
            f"POST generations, tokens seen before ({USERS:,} of them in turn)",
            [result.row(name, found[_PLAIN]) for name, result in found.items()],
            f"Wanted: tatemono ≥ 3× plain and ≥ 50 % of pgbench with as many connections; it reaches {share:.0%}.",
        )

    async def posts_cold(self) -> Table:
        path, tokens = "/v1/api/generations", self._stage.cold_tokens
        found = await self._interleave(
            "POST generations, cold",
            {
                _TATEMONO: self._post("tatemono", Load("POST", path, tokens, self._secret, BODY)),
                _PLAIN: self._post("plain", Load("POST", path, tokens, self._secret, BODY)),
            },
        )
        rows = [result.row(name, found[_PLAIN]) for name, result in found.items()]
        return _table("POST generations, each request with a token never seen", rows, "Wanted: tatemono ≥ 1.5×.")

    async def lists(self) -> list[Table]:
        tables = []
        for users, title, remarks in (
            (_FEW_GALLERIES, f"GET pictures, {_FEW_GALLERIES} galleries", "Tatemono remembers their signed URLs."),
            (
                _MANY_GALLERIES,
                f"GET pictures, {_MANY_GALLERIES:,} galleries in turn",
                "More URLs than tatemono remembers: like plain, it signs 40 for each answer.",
            ),
        ):
            await self._stage.hang_pictures(users)
            tokens = self._stage.folder / f"{users}-tokens"
            tokens.write_text("\n".join(self._stage.warm_tokens.read_text().split()[:users]))
            load = Load("GET", "/v1/api/pictures", tokens, self._secret)
            found = await self._interleave(
                title,
                {
                    _TATEMONO: self._serve("tatemono", load),
                    _PLAIN: self._serve("plain", load),
                    _FLOOR: self._floor(_LIST, POOL_SIZE, users),
                },
            )
            rows = [result.row(name, found[_PLAIN]) for name, result in found.items()]
            tables.append(_table(f"{title}, 20 pictures each", rows, remarks))
        return tables

    @property
    def _secret(self) -> str:
        return self._stage.origin_verify

    async def _interleave(self, what: str, steps: dict[str, Step]) -> dict[str, Result]:
        """A B C, A B C, …"""
        found = {name: Result() for name in steps}
        for round_ in range(ROUNDS):
            for name, step in steps.items():
                with self._console.status(f"{what}: round {round_ + 1} of {ROUNDS}, {name}"):
                    await step(round_, found[name])
                self._console.print(f"{what}: {name}: {found[name].runs[-1].per_second:,.0f}/s", style="dim")
        return found

    def _serve(self, name: str, load: Load) -> Step:
        contender = self._stage.contenders[name]

        async def step(round_: int, result: Result) -> None:
            first = round_ * COLD_TOKENS // ROUNDS
            begun = first
            # A slow machine needs longer to show each of the warm tokens once.
            while begun - first < USERS:
                warming = replace(load, first=begun)
                begun += (await warming.run(contender.port, WARM_UP_SECONDS, self._stage.cores)).requests
            counted = replace(load, first=begun)
            before = contender.cpu_seconds()
            measured = await counted.run(contender.port, SECONDS, self._stage.cores)
            result.runs.append(measured)
            result.cpu_us.append((contender.cpu_seconds() - before) / measured.requests * 1e6)

        return step

    def _post(self, name: str, load: Load) -> Step:
        serve = self._serve(name, load)

        async def step(round_: int, result: Result) -> None:
            await self._stage.clear()
            await serve(round_, result)
            await self._check(result.runs[-1].requests)

        return step

    def _floor(self, sql: str, clients: int, users: int) -> Step:
        async def step(_: int, result: Result) -> None:
            if sql == _SUBMIT:
                await self._stage.clear()
            result.runs.append(await self._stage.pgbench(sql, seconds=SECONDS, clients=clients, users=users))
            if sql == _SUBMIT:
                await self._check(result.runs[-1].requests)

        return step

    async def _check(self, least: int) -> None:
        """:raises RuntimeError: not everything was written that the answers promised"""
        generations, transfers, tickets = await self._stage.written()
        if not least <= generations == transfers == tickets:
            raise RuntimeError(
                f"{least} were accepted, but {generations} generations, {transfers} transfers and {tickets} tickets "
                "are in the database"
            )


def _table(title: str, rows: list[list[str]], remarks: str) -> Table:
    return Table(title, ["", "requests/s", "p50 ms", "p99 ms", "CPU µs/request", "ratio"], rows, remarks)
