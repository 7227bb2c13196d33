# ruff: noqa: INP001 - a script beside the picture it draws
"""Draws architecture.svg and architecture.ja.svg: run `python docs/explanation/architecture.py` after a change.

The same words always give the same bytes, and a test compares them with the files. Colours follow the reader's light or
dark theme; the picture brings its own background, so it can be read on any page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 1300, 818
TOP = 30

STYLE = """
.card{fill:#fbf7ef}.sky{fill:#f3ecdf}.wall{fill:#e9dfcd}.room{fill:#fffdf9;stroke:#d8cbb4}
.vault{fill:#eef2f8;stroke:#b9c6da}.roof{fill:#33415c}.ridge{fill:#26314a}.ground{stroke:#b7a98f}
.name{fill:#23242c}.text{fill:#3d3e48}.quiet{fill:#625d53}.sign{fill:#f6efe2}
.ask{stroke:#33598f}.ask-tip{fill:#33598f}.live{stroke:#18776a}.live-tip{fill:#18776a}
.keep{stroke:#a86f13}.keep-tip{fill:#a86f13}
.dot{fill:#c63f22}.dot-text{fill:#fff}.body{fill:#2b2d36}.screen{fill:#fdf9f1}
.p1{fill:#3d4f86}.p2{fill:#d98a93}.p3{fill:#f4e3b4}.p4{fill:#c9503a}.p5{fill:#5f8f7b}.p6{fill:#8fb3cf}.frame{fill:none;stroke:#b98a3c}
@media (prefers-color-scheme:dark){
.card{fill:#15171d}.sky{fill:#1c1f28}.wall{fill:#2c3039}.room{fill:#1d2029;stroke:#454b59}
.vault{fill:#1a2232;stroke:#43557a}.roof{fill:#495b80}.ridge{fill:#37476a}.ground{stroke:#5b5f6b}
.name{fill:#f4efe4}.text{fill:#d9d5cb}.quiet{fill:#a29d92}.sign{fill:#f6efe2}
.ask{stroke:#8fb4ee}.ask-tip{fill:#8fb4ee}.live{stroke:#5fd0bb}.live-tip{fill:#5fd0bb}
.keep{stroke:#e5b45c}.keep-tip{fill:#e5b45c}
.dot{fill:#d9522f}.body{fill:#4a4e5c}.screen{fill:#242832}.frame{stroke:#d0a552}
}
text{font-family:system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP","Yu Gothic",
sans-serif;font-size:15px}
.step{font-size:17.5px}.name{font-size:18px;font-weight:650}.quiet{font-size:14px}.sign{font-size:17px;letter-spacing:.18em}
.dot-text{font-size:13px;font-weight:700;text-anchor:middle}.mid{text-anchor:middle}.end{text-anchor:end}
.ask,.live,.keep{fill:none;stroke-width:2.6;stroke-linecap:round}.live{stroke-dasharray:2 7}
.room,.vault{stroke-width:1.4}.frame{stroke-width:3}
"""


@dataclass(frozen=True)
class Words:
    """Everything the picture says in one language; `steps` are the numbered captions, each in one or two lines."""

    lang: str
    title: str
    laptop: str
    phone: str
    door: str
    services: str
    api: str
    relay: str
    worker: str
    tickets: str
    pictures: str
    database: str
    holds: str
    painter: str
    painter_laptop: str
    steps: tuple[tuple[str, ...], ...]


ENGLISH = Words(
    lang="en",
    title="How a picture is made",
    laptop="laptop",
    phone="Phone",
    door="Front door",
    services="services: one process each on the laptop, Fargate tasks on AWS",
    api="Mobile API",
    relay="Relay",
    worker="Worker",
    tickets="Tickets",
    pictures="Pictures",
    database="Database",
    holds="accounts and credits · generations · outbox · events",
    painter="Painter",
    painter_laptop="the studio",
    steps=(
        ("The phone asks for a picture.",),
        ("One statement holds the credits,", "writes the job and its ticket."),
        ("The relay sends the ticket to SQS.",),
        ("A worker takes a ticket;", "PostgreSQL says whose turn it is."),
        ("The painter paints, and shows", "unfinished pictures on the way."),
        ("The bytes are checked,", "then kept in S3."),
        ("One statement records the pictures", "and settles the credits."),
        ("Each step reaches the phone", "as a live event."),
        ("The gallery loads the picture", "from a signed address."),
    ),
)

JAPANESE = Words(
    lang="ja",
    title="1 枚の絵ができるまで",
    laptop="手元",
    phone="スマートフォン",
    door="玄関",
    services="サービス：手元では 1 つ 1 プロセス、AWS では Fargate タスク",
    api="モバイル API",
    relay="リレー",
    worker="ワーカー",
    tickets="チケット",
    pictures="絵の保管庫",
    database="データベース",
    holds="アカウントとクレジット・生成・アウトボックス・イベント",
    painter="絵師",
    painter_laptop="スタジオ",
    steps=(
        ("スマートフォンが絵を頼む。",),
        ("1 つの SQL 文でクレジットを", "押さえ、仕事とチケットを書く。"),
        ("リレーがチケットを SQS に送る。",),
        ("ワーカーがチケットを取り、", "誰の番かは PostgreSQL が決める。"),
        ("絵師が描き、途中の絵も", "見せる。"),
        ("バイト列を検査してから", "S3 に保管する。"),
        ("1 つの SQL 文で絵を記録し、", "クレジットを精算する。"),
        ("どの段階もライブイベントで", "スマートフォンに届く。"),
        ("ギャラリーは署名付き URL から", "絵を読み込む。"),
    ),
)


def text(x: float, y: float, content: str, classes: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{classes}">{escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str, *, radius: float = 8) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" class="{kind}"/>'


def number(x: float, y: float, value: int) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="11.5" class="dot"/>' + text(x, y + 4.6, str(value), "dot-text")


def arrow(points: str, tip: tuple[float, float], direction: str, kind: str) -> str:
    """A line along an SVG path, with its tip at `tip` pointing `left`, `right`, `up` or `down`."""
    degrees = {"right": 0, "down": 90, "left": 180, "up": 270}[direction]
    head = f'<path d="M0 0L-11 -6L-11 6Z" transform="translate({tip[0]:g} {tip[1]:g}) rotate({degrees})"'
    return f'<path d="{points}" class="{kind}"/>{head} class="{kind}-tip"/>'


def straight(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    if y1 == y2:
        direction = "right" if x2 > x1 else "left"
        x_end, y_end = (x2 - 9 if x2 > x1 else x2 + 9), y2
    else:
        direction = "down" if y2 > y1 else "up"
        x_end, y_end = x2, (y2 - 9 if y2 > y1 else y2 + 9)
    return arrow(f"M{x1:g} {y1:g}L{x_end:g} {y_end:g}", (x2, y2), direction, kind)


def painting(x: float, y: float, width: float, height: float) -> str:
    """A small lighthouse by the sea, as the studio likes to paint it."""

    def at(left: float, top: float, wide: float, high: float, kind: str) -> str:
        return box(x + width * left, y + height * top, width * wide, height * high, kind, radius=0)

    sun = f'<circle cx="{x + width * 0.74:g}" cy="{y + height * 0.26:g}" r="{height * 0.1:g}" class="p3"/>'
    bands = at(0, 0, 1, 0.42, "p1") + at(0, 0.42, 1, 0.2, "p2") + at(0, 0.6, 1, 0.22, "p6") + at(0, 0.82, 1, 0.18, "p5")
    tower = at(0.24, 0.3, 0.18, 0.54, "p3") + at(0.24, 0.42, 0.18, 0.12, "p4") + at(0.24, 0.64, 0.18, 0.12, "p4")
    return bands + sun + tower + at(0.21, 0.22, 0.24, 0.09, "p4")


def framed(x: float, y: float, width: float, height: float) -> str:
    return painting(x, y, width, height) + box(x, y, width, height, "frame", radius=2)


def house() -> str:
    roof = "M205 152Q318 134 372 70L968 70Q1022 134 1135 152L1135 162L205 162Z"
    return "".join(
        (
            f'<path d="{roof}" class="roof"/>',
            '<path d="M352 62L988 62L976 78L364 78Z" class="ridge"/>',
            box(245, 162, 850, 446, "wall", radius=0),
            text(670, 126, "建 物", "sign mid"),
            '<path d="M24 608L1276 608" class="ground" stroke-width="2"/>',
        )
    )


def phone(words: Words) -> str:
    rows = "".join(framed(x, y, 40, 30) for y in (286, 330, 374) for x in (69, 121))
    return "".join(
        (
            box(50, 238, 130, 232, "body", radius=20),
            box(58, 258, 114, 192, "screen", radius=8),
            rows,
            box(69, 420, 92, 18, "vault", radius=9),
            box(98, 246, 34, 4, "quiet", radius=2),
            text(115, 498, words.phone, "name mid"),
        )
    )


def door(words: Words) -> str:
    lines = [(words.door, "name", 448), (words.laptop, "quiet", 478), ("nginx", "text", 498)]
    lines += [("AWS", "quiet", 532), ("CloudFront", "text", 552), ("WAF, ALB", "text", 571)]
    arch = "M265 588L265 222Q265 178 325 178Q385 178 385 222L385 588Z"
    drawn = "".join(text(325, y, line, f"{kind} mid") for line, kind, y in lines)
    return f'<path d="{arch}" class="room"/>{drawn}'


def rooms(words: Words) -> str:
    drawn = [
        box(425, 178, 650, 78, "room"),
        text(445, 212, words.pictures, "name"),
        text(445, 238, f"{words.laptop}: MiniStack · AWS: S3", "text"),
        *(framed(x, 192, 68, 50) for x in (800, 888, 976)),
        text(425, 290, words.services, "quiet"),
        box(425, 304, 155, 122, "room"),
        text(502, 362, words.api, "name mid"),
        text(502, 386, "mobile-api", "quiet mid"),
        box(622, 304, 135, 122, "room"),
        text(689, 362, words.relay, "name mid"),
        text(689, 386, "outbox-relay", "quiet mid"),
        box(799, 304, 108, 122, "vault"),
        text(853, 335, words.tickets, "name mid"),
        text(853, 360, words.laptop, "quiet mid"),
        text(853, 378, "MiniStack", "text mid"),
        text(853, 408, "AWS: SQS", "text mid"),
        box(949, 304, 126, 122, "room"),
        text(1012, 362, words.worker, "name mid"),
        text(1012, 386, "image-worker", "quiet mid"),
        box(425, 494, 650, 94, "vault"),
        text(445, 526, words.database, "name"),
        text(445, 550, f"{words.laptop}: PostgreSQL 18 (wheel) · AWS: RDS PostgreSQL, Multi-AZ", "text"),
        text(445, 574, words.holds, "quiet"),
    ]
    return "".join(drawn)


def painter(words: Words) -> str:
    legs = '<path d="M1194 412L1172 500M1236 412L1258 500M1215 412L1215 484" class="ground" stroke-width="5"/>'
    return "".join(
        (
            legs,
            box(1156, 308, 118, 112, "room", radius=3),
            framed(1164, 316, 102, 96),
            text(1215, 526, words.painter, "name mid"),
            text(1215, 550, f"{words.laptop}: {words.painter_laptop}", "text mid"),
            text(1215, 572, "AWS: OpenAI", "text mid"),
        )
    )


def flow() -> str:
    return "".join(
        (
            straight(184, 345, 263, 345, "ask") + number(224, 345, 1),
            straight(386, 345, 424, 345, "ask"),
            straight(535, 428, 535, 492, "ask") + number(535, 458, 2),
            straight(689, 492, 689, 428, "ask") + number(689, 460, 3),
            straight(758, 365, 798, 365, "ask"),
            straight(908, 365, 948, 365, "ask"),
            straight(985, 492, 985, 428, "ask") + number(985, 460, 4),
            straight(1077, 352, 1153, 352, "ask") + number(1124, 352, 5),
            straight(1153, 382, 1077, 382, "live"),
            straight(1012, 302, 1012, 258, "keep") + number(1012, 282, 6),
            straight(1044, 428, 1044, 492, "ask") + number(1044, 458, 7),
            straight(465, 492, 465, 428, "live") + number(465, 460, 8),
            straight(423, 395, 387, 395, "live"),
            straight(263, 395, 184, 395, "live") + number(224, 395, 8),
            straight(423, 217, 384, 217, "keep"),
            straight(263, 295, 184, 295, "keep") + number(224, 295, 9),
        )
    )


def captions(steps: Iterable[tuple[str, ...]]) -> str:
    drawn = []
    for at, lines in enumerate(steps):
        x, y = 60 + 418 * (at // 3), 654 + 62 * (at % 3)
        drawn.append(number(x, y, at + 1))
        drawn += [text(x + 24, y + 6 + 22 * line, content, "text step") for line, content in enumerate(lines)]
    return "".join(drawn)


def draw(words: Words) -> str:
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {TOP} {WIDTH} {HEIGHT}" lang="{words.lang}"',
        'role="img" aria-labelledby="title">',
        f'<title id="title">{escape(words.title)}</title>',
        f"<style>{STYLE}</style>",
        box(0, TOP, WIDTH, HEIGHT, "card", radius=24),
        house(),
        phone(words),
        door(words),
        rooms(words),
        painter(words),
        flow(),
        captions(words.steps),
        "</svg>",
    )
    return "\n".join(parts) + "\n"


PICTURES = {"architecture.svg": ENGLISH, "architecture.ja.svg": JAPANESE}

if __name__ == "__main__":
    for name, spoken in PICTURES.items():
        (Path(__file__).parent / name).write_text(draw(spoken), encoding="utf-8")
