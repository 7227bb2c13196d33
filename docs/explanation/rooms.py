# ruff: noqa: INP001 - a script beside the picture it draws
"""Draws rooms.svg and rooms.ja.svg from the tree and its imports: run `python docs/explanation/rooms.py` to redraw.

A cell is a folder or file that exists, an arrow an import that exists (found by `grimp`, as the import contracts are
checked). The same tree always gives the same bytes, and a test compares them with the files.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

SOURCE = Path(__file__).parents[2] / "src"
PACKAGES = ("tatemono", "tatemono_tools", "tatemono_studio")
SUBJECTS = ("identity", "generations", "pictures", "safety", "mail", "privacy", "operators")
#: The columns of production: where each subject has its place.
LAYERS = ("entrypoints.mobile_api", "entrypoints.admin_api", "usecases", "domain", "adapters.postgres")
TOOLS = ("cli", "terraform", "laptop", "release", "plan")

WIDTH, HEIGHT = 1300, 850
LEFT, TOP, COLUMN, ROW = 150, 236, 158, 46
TOOLS_LEFT, TOOLS_WIDTH, TOOLS_ROW = 1020, 122, 66
#: Between two lines that run side by side.
LANE = 11

STYLE = """
.card{fill:#fbf7ef}.block{fill:#f3ecdf;stroke:#d8cbb4}.room{fill:#fffdf9;stroke:#b9c6da}
.none{fill:none;stroke:#d8cbb4;stroke-dasharray:3 5}
.name{fill:#23242c}.text{fill:#3d3e48}.quiet{fill:#625d53}.import{stroke:#33598f}.tip{fill:#33598f}
@media (prefers-color-scheme:dark){
.card{fill:#15171d}.block{fill:#1c1f28;stroke:#454b59}.room{fill:#1a2232;stroke:#43557a}.none{stroke:#454b59}
.name{fill:#f4efe4}.text{fill:#d9d5cb}.quiet{fill:#a29d92}.import{stroke:#8fb4ee}.tip{fill:#8fb4ee}
}
text{font-family:system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP","Yu Gothic",
sans-serif;font-size:15px}
.name{font-size:18px;font-weight:650}.quiet{font-size:14px}.mid{text-anchor:middle}.code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:14px}
.import{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
"""


@dataclass(frozen=True)
class Words:
    lang: str
    title: str
    production: str
    tools: str
    studio: str
    others: str
    arrows: str


ENGLISH = Words(
    "en",
    "The rooms, and who imports whom",
    "tatemono: what runs in production",
    "tatemono_tools",
    "tatemono_studio: imports neither",
    "And beside the subjects:",
    "An arrow is an import that exists. Imports against the arrows are refused by the contracts in pyproject.toml.",
)
JAPANESE = Words(
    "ja",
    "部屋の一覧と import の向き",
    "tatemono：本番で動くもの",
    "tatemono_tools",
    "tatemono_studio：どちらも import しない",
    "主題のほかにあるもの：",
    "矢印は実際にある import。逆向きの import は pyproject.toml の契約が拒む。",
)


def text(x: float, y: float, content: str, classes: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{classes}">{escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str, *, radius: float = 8) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" class="{kind}"/>'


def tip(x: float, y: float, degrees: int) -> str:
    return f'<path d="M0 0L-9 -5L-9 5Z" transform="translate({x:g} {y:g}) rotate({degrees})" class="tip"/>'


def place(layer: str, subject: str) -> str | None:
    """How the subject's place in a layer is called; none if it has none there."""
    folder = SOURCE / PACKAGES[0] / layer.replace(".", "/")
    if (folder / subject).is_dir():
        return f"{subject}/"
    return f"{subject}.py" if (folder / f"{subject}.py").exists() else None


def imports(graph: grimp.ImportGraph, names: Sequence[str]) -> list[tuple[int, int]]:
    """Which of these packages import which, by their positions."""
    return [
        (at, to)
        for at, importer in enumerate(names)
        for to, imported in enumerate(names)
        if at != to and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    ]


def production(graph: grimp.ImportGraph, words: Words) -> Iterable[str]:
    bottom = TOP + ROW * len(SUBJECTS)
    yield box(30, 62, LEFT + COLUMN * len(LAYERS) - 10, HEIGHT - 120, "block", radius=16)
    yield text(50, 92, words.production, "name")
    for at, layer in enumerate(LAYERS):
        yield text(
            LEFT + COLUMN * (at + 0.5), TOP - 14, layer.replace(".", "/").removeprefix("entrypoints/"), "code text mid"
        )
    for row, subject in enumerate(SUBJECTS):
        y = TOP + ROW * row
        yield text(50, y + 27, subject, "text")
        for at, layer in enumerate(LAYERS):
            name = place(layer, subject)
            x = LEFT + COLUMN * at
            yield box(x + 8, y + 4, COLUMN - 16, ROW - 8, "room" if name else "none")
            if name:
                yield text(x + COLUMN / 2, y + 28, name, "code text mid")
    yield from lines_above(imports(graph, [f"{PACKAGES[0]}.{layer}" for layer in LAYERS]))
    folder = SOURCE / PACKAGES[0]
    yield text(50, bottom + 38, words.others, "quiet")
    for number, layer in enumerate(("entrypoints", "bootstrap", "adapters")):
        names = sorted(
            path.name.removesuffix(".py") + ("/" if path.is_dir() else "")
            for path in (folder / layer).iterdir()
            if path.name not in {"__init__.py", "__pycache__", "postgres", "mobile_api", "admin_api"}
            and (path.suffix == ".py" or (path / "__init__.py").exists())
        )
        yield text(50, bottom + 70 + 28 * number, layer, "text")
        for line, some in enumerate(folded(names, 92)):
            yield text(LEFT, bottom + 70 + 28 * number + 20 * line, some, "code quiet")


def lines_above(pairs: list[tuple[int, int]]) -> Iterable[str]:
    """From column to column, each on a lane of its own, the shortest way the lowest."""
    ends: Counter[int] = Counter()

    def port(column: int) -> float:
        ends[column] += 1
        return LEFT + COLUMN * (column + 0.5) + LANE * (ends[column] - 3)

    for lane, (at, to) in enumerate(sorted(pairs, key=lambda pair: (abs(pair[0] - pair[1]), pair))):
        start, end, y, base = port(at), port(to), TOP - 46 - LANE * lane, TOP - 32
        yield f'<path d="M{start:g} {base}L{start:g} {y}L{end:g} {y}L{end:g} {base - 8}" class="import"/>'
        yield tip(end, base, 90)


def lines_beside(pairs: list[tuple[int, int]]) -> Iterable[str]:
    """From row to row of the tools, as `lines_above`."""
    ends: Counter[int] = Counter()
    right = TOOLS_LEFT + TOOLS_WIDTH

    def port(row: int) -> float:
        ends[row] += 1
        return 112 + TOOLS_ROW * row + 8 * ends[row]

    for lane, (at, to) in enumerate(sorted(pairs, key=lambda pair: (abs(pair[0] - pair[1]), pair))):
        start, end, x = port(at), port(to), right + 18 + LANE * lane
        yield f'<path d="M{right + 1} {start:g}L{x} {start:g}L{x} {end:g}L{right + 9} {end:g}" class="import"/>'
        yield tip(right + 1, end, 180)


def folded(names: Iterable[str], width: int) -> list[str]:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {name}".strip()
    return lines


def tools(graph: grimp.ImportGraph, words: Words) -> Iterable[str]:
    yield box(TOOLS_LEFT - 30, 62, WIDTH - TOOLS_LEFT, TOOLS_ROW * len(TOOLS) + 60, "block", radius=16)
    yield text(TOOLS_LEFT - 10, 92, words.tools, "name")
    for row, name in enumerate(TOOLS):
        y = 112 + TOOLS_ROW * row
        yield box(TOOLS_LEFT, y, TOOLS_WIDTH, TOOLS_ROW - 22, "room")
        yield text(TOOLS_LEFT + TOOLS_WIDTH / 2, y + 26, f"{name}/", "code text mid")
    yield from lines_beside(imports(graph, [f"{PACKAGES[1]}.{name}" for name in TOOLS]))
    if (0, 1) in imports(graph, [PACKAGES[1], PACKAGES[0]]):
        y, end = 112 + TOOLS_ROW * 2 + 20, LEFT + COLUMN * len(LAYERS) + 22
        yield f'<path d="M{TOOLS_LEFT - 32} {y}L{end + 6} {y}" class="import"/>' + tip(end, y, 180)


def studio(graph: grimp.ImportGraph, words: Words) -> Iterable[str]:
    for other in (PACKAGES[0], PACKAGES[1]):
        if imports(graph, [PACKAGES[2], other]):
            raise SystemExit(f"{PACKAGES[2]} and {other} know each other: the picture says that they do not")
    y = 112 + TOOLS_ROW * len(TOOLS) + 60
    yield box(TOOLS_LEFT - 30, y, WIDTH - TOOLS_LEFT, 90, "block", radius=16)
    for line, some in enumerate(words.studio.replace("：", ":\n").replace(": ", ":\n").split("\n")):
        yield text(TOOLS_LEFT - 10, y + 38 + 26 * line, some.rstrip(":"), "text" if line else "name")


def draw(words: Words) -> str:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" lang="{words.lang}"',
        'role="img" aria-labelledby="title">',
        f'<title id="title">{escape(words.title)}</title>',
        f"<style>{STYLE}</style>",
        box(0, 0, WIDTH, HEIGHT, "card", radius=24),
        text(30, 42, words.title, "name"),
        *production(graph, words),
        *tools(graph, words),
        *studio(graph, words),
        text(30, HEIGHT - 26, words.arrows, "quiet"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


PICTURES = {"rooms.svg": ENGLISH, "rooms.ja.svg": JAPANESE}

if __name__ == "__main__":
    for name, spoken in PICTURES.items():
        (Path(__file__).parent / name).write_text(draw(spoken), encoding="utf-8")
