"""The pages say what is true: links lead somewhere, commands and files exist, pictures are those of their source."""

import functools
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest
import typer

from tatemono_tools.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "src/**/*.md", "benchmarks/**/*.md")
    for path in ROOT.glob(pattern)
)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w./-]+\.(?:py|yaml|yml|j2|toml|txt|md|svg)|(?:src|tests|docs|infra|benchmarks)/[\w./-]*/")
_TEST_NAME = re.compile(r"(?:Test\w+)(?:\.test_\w+)?|test_\w+")
_STATUS = re.compile(r"Status: (?:accepted|superseded by \[[^\]]+\]\((?P<by>[^)]+)\)), (?P<day>\d{4}-\d{2}-\d{2})")
#: A name as programs have it, `submit_generation`, `LeaseKeeper.renew`, `PUBLIC_URL`; not a word, an option or a path.
_SYMBOL = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_PROGRAM_WORD = re.compile(r"\w*_\w*|[A-Z]\w*|\w*[a-z][A-Z]\w*")
_PLACE = re.compile(r"`([A-Z][A-Z_]+)`(?: and `([A-Z][A-Z_]+)`)? in\s+(?:`([\w./-]+\.py)`|\[[^\]]*\]\(([^)\s]+\.py)\))")
_CONTRACT = re.compile(r'"([A-Z][^"]+?)"')
#: What the pages name of others: of AWS, of libraries, of standards.
_OF_OTHERS = {
    "BaseHTTPMiddleware",
    "CAA",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_SETPCAP",
    "DigitalSourceType",
    "InitiateAuth",
    "Lifeline",
    "Oban",
    "PIP_INDEX_URL",
    "PGSSLROOTCERT",
    "Plugins",
    "RenewalSummary",
}
#: A block of code below the name of the file that it is from.
_EXCERPT = re.compile(r"^`((?:src|tests|infra)/[\w./-]+)`:\n\n```(\w+)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s`(])(?:\./|uv run )tatemono ((?:-{0,2}[a-z]).*?)(?=`|$|#)", re.MULTILINE)


def read(page: str | Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str | Path) -> str:
    return _FENCED.sub("", read(page))


def slug(heading: str) -> str:
    """How GitHub names a heading's anchor."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands(page: str) -> Iterator[list[str]]:
    """The words after `./tatemono` or `uv run tatemono`, without what stands in quotes."""
    for found in _COMMAND.finditer(read(page)):
        yield re.sub(r'"[^"]*"', "WORDS", found[1]).split()


def script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A data class looks its module up.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class TestLinks:
    @pytest.mark.parametrize("page", PAGES)
    def test_lead_to_a_file_and_a_heading_that_exist(self, page: str) -> None:
        broken = []
        for target in _LINK.findall(prose(page)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = unquote(target).partition("#")
            path = (ROOT / page).parent / file if file else ROOT / page
            if not path.exists() or (anchor and anchor not in map(slug, (h for _, h in _HEADING.findall(prose(path))))):
                broken.append(target)
        assert broken == []


class TestNamedFiles:
    @pytest.mark.parametrize("page", PAGES)
    def test_exist(self, page: str) -> None:
        def exists(name: str) -> bool:
            near = (ROOT, ROOT / "src", ROOT / "src" / "tatemono", (ROOT / page).parent)
            return any((folder / name).exists() for folder in near) or (
                "/" not in name and any((ROOT / "src").rglob(name))
            )

        named = [span for span in _SPAN.findall(prose(page)) if _FILE.fullmatch(span)]
        assert [name for name in named if not exists(name)] == []


@functools.cache
def program_words() -> frozenset[str]:
    """Every word of the code, the plan, Terraform and the tests; variables of the environment as settings name them."""
    words = {path.name for path in ROOT.iterdir()} | set(re.findall(r"[A-Za-z_]\w*", read("pyproject.toml")))
    for folder in ("src", "infra", "tests", "benchmarks", ".github"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".tf", ".hcl", ".yaml", ".yml", ".j2", ".html", ".json", ".toml", ".tfvars"}:
                words |= set(re.findall(r"[A-Za-z_]\w*", path.read_text(encoding="utf-8")))
    return frozenset(words | {word.upper() for word in words if "_" in word})


class TestNamedSymbols:
    @pytest.mark.parametrize("page", [page for page in PAGES if "CHANGELOG" not in page and "RESULTS" not in page])
    def test_exist(self, page: str) -> None:
        symbols = (span for span in _SPAN.findall(prose(page)) if _SYMBOL.fullmatch(span) and not _FILE.fullmatch(span))
        words = {
            word for span in symbols for word in span.removesuffix("()").split(".") if _PROGRAM_WORD.fullmatch(word)
        }
        assert sorted(words - program_words() - _OF_OTHERS) == []

    @pytest.mark.parametrize("page", PAGES)
    def test_are_in_the_file_where_they_are_said_to_be(self, page: str) -> None:
        wrong = []
        for one, other, span, link in _PLACE.findall(prose(page)):
            near = (ROOT, ROOT / "src", ROOT / "src" / "tatemono", (ROOT / page).parent)
            named = [folder / (span or link) for folder in near if (folder / (span or link)).exists()]
            files = named or list((ROOT / "src").rglob(span))
            text = "\n".join(path.read_text(encoding="utf-8") for path in files)
            wrong += [name for name in (one, other) if name and not re.search(rf"\b{name}\b", text)]
        assert wrong == []

    @pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
    def test_of_import_contracts_are_those_of_the_configuration(self, path: Path) -> None:
        contracts = {each["name"] for each in PYPROJECT["tool"]["importlinter"]["contracts"]}
        sentences = [part for part in re.split(r";|\.\s", prose(path).replace("\n", " ")) if "import contract" in part]
        named = [name for part in sentences for name in _CONTRACT.findall(part)]
        assert [name for name in named if name not in contracts] == []


class TestExcerpts:
    @pytest.mark.parametrize("page", PAGES)
    def test_are_what_their_files_hold(self, page: str) -> None:
        changed = []
        for file, _, content in _EXCERPT.findall(read(page)):
            lines = [line.strip() for line in read(file).splitlines()]
            wanted = [line.strip() for line in content.splitlines()]
            if not any(lines[at : at + len(wanted)] == wanted for at in range(len(lines))):
                changed.append(f"{file}: {wanted[0]}")
        assert changed == []

    def test_stand_on_the_page_that_walks_through_the_rooms(self) -> None:
        assert len(_EXCERPT.findall(read("docs/how-to/add-a-use-case.md"))) >= 7


class TestCommands:
    @pytest.mark.parametrize("page", PAGES)
    def test_exist_with_their_options(self, page: str) -> None:
        known = typer.main.get_command(app)
        assert isinstance(known, typer.core.TyperGroup)
        unknown = []
        for name, *words in commands(page):
            if name in {"--help", "…"}:
                continue
            command = known.commands.get(name)
            if command is None:
                unknown.append(name)
                continue
            while isinstance(command, typer.core.TyperGroup) and words and words[0] in command.commands:
                command = command.commands[words.pop(0)]
            if command.context_settings.get("ignore_unknown_options"):
                continue
            options = {"--help", *(option for parameter in command.params for option in parameter.opts)}
            unknown += [f"{name} {word}" for word in words if word.startswith("-") and word not in options]
        assert unknown == []

    def test_are_found_on_the_first_page(self) -> None:
        assert {"up", "test", "demo", "doctor", "--help"} <= {words[0] for words in commands("README.md")}


class TestReadme:
    def test_has_the_same_headings_in_both_languages(self) -> None:
        levels = [[level for level, _ in _HEADING.findall(prose(page))] for page in ("README.md", "README.ja.md")]
        assert levels[0] == levels[1]

    def test_has_the_same_code_in_both_languages(self) -> None:
        english, japanese = (_FENCED.findall(read(page)) for page in ("README.md", "README.ja.md"))
        assert english
        assert english == japanese

    def test_leads_to_the_same_places_in_both_languages(self) -> None:
        english, japanese = (
            {target.replace(".ja.", ".") for target in _LINK.findall(prose(page))}
            for page in ("README.md", "README.ja.md")
        )
        assert english == japanese


class TestDecisions:
    def test_are_numbered_without_a_gap(self) -> None:
        numbers = [int(path.name[:4]) for path in DECISIONS]
        assert numbers == list(range(1, len(numbers) + 1))

    @pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
    def test_have_the_four_parts_and_a_place_in_the_index(self, path: Path) -> None:
        (_, title), *parts = _HEADING.findall(prose(path))
        assert [heading for _, heading in parts] == ["Context", "Decision", "Consequences", "Enforced by"]
        number, _, words = title.partition(". ")
        assert int(number) == int(path.name[:4])
        assert f"| {number} | [{words}]({path.name}) |" in read("docs/adr/README.md")

    @pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
    def test_have_a_status_and_its_date(self, path: Path) -> None:
        _, _, status = path.read_text(encoding="utf-8").split("\n")[:3]
        found = _STATUS.fullmatch(status)
        assert found is not None, f"{path.name}: its third line says Status: accepted, YYYY-MM-DD"
        assert date.fromisoformat(found["day"]) >= date(2026, 11, 23)
        assert found["by"] is None or (path.parent / found["by"]).exists()

    def test_name_tests_that_exist(self) -> None:
        tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
        named = {
            word
            for path in DECISIONS
            for span in _SPAN.findall(prose(path))
            if _TEST_NAME.fullmatch(span)
            for word in span.split(".")
        }
        assert named
        assert [word for word in sorted(named) if not re.search(rf"(?:class|def) {word}\b", tests)] == []


class TestWords:
    def test_are_at_most_twenty_each_in_both_languages(self) -> None:
        rows = [line.split("|")[1:-1] for line in read("docs/reference/words.md").splitlines() if line.startswith("| ")]
        (english, japanese, *_), *words = [[cell.strip() for cell in row] for row in rows]
        assert (english, japanese) == ("word", "日本語")
        assert 10 <= len(words) <= 20
        assert all(cell for row in words for cell in row)
        assert len({row[0] for row in words}) == len(words)


class TestPictures:
    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("architecture.py", "architecture.svg"),
            ("architecture.py", "architecture.ja.svg"),
            ("rooms.py", "rooms.svg"),
            ("rooms.py", "rooms.ja.svg"),
        ],
    )
    def test_are_what_their_sources_draw(self, source: str, name: str) -> None:
        folder = ROOT / "docs" / "explanation"
        module = script(folder / source)
        drawn: str = module.draw(module.PICTURES[name])
        assert (folder / name).read_text(encoding="utf-8") == drawn, f"run python docs/explanation/{source}"


class TestImageModel:
    def test_is_named_by_the_plan_and_by_the_painters_stand_in_only(self) -> None:
        code = [path for package in ("tatemono", "tatemono_tools") for path in (ROOT / "src" / package).rglob("*.py")]
        assert [path for path in code if "gpt-image" in path.read_text(encoding="utf-8")] == []
