"""Mutants: the changes of a whole tree, each with a name that stays while its lines do."""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path

from mutants.changes import Change
from mutants.python import python_changes

_SOURCE = Path("src/tatemono")
#: Of each of these as many mutants are taken as of the others.
AREAS = {
    "domain": _SOURCE / "domain",
    "usecases": _SOURCE / "usecases",
    "postgres": _SOURCE / "adapters/postgres",
}
#: What a migration does was done, and a new one is tested by the schema that it makes.
_LEFT_OUT = (_SOURCE / "adapters/postgres/migrations",)
EQUIVALENT = Path("tests/mutants/equivalent.toml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    :ivar path: of the file, from the tree's root
    :ivar source: what is in the file
    :ivar id: the same as long as the lines that it changes are the same
    :ivar was: the lines that it changes, without what is before and behind
    :ivar became: what they are then
    """

    path: Path
    source: str = field(repr=False)
    change: Change
    line: int
    id: str
    was: str
    became: str

    @property
    def mutated(self) -> str:
        """What is in the file then."""
        return self.change.applied(self.source)

    def diff(self) -> str:
        """As `diff -u` shows it."""
        before, after = self.source.splitlines(), self.mutated.splitlines()
        return "\n".join(unified_diff(before, after, f"a/{self.path}", f"b/{self.path}", n=2, lineterm=""))


def mutants_of(root: Path, area: str) -> list[Mutant]:
    """Every mutant of an area that Python can read."""
    found: list[Mutant] = []
    for path in sorted((root / AREAS[area]).rglob("*.py")):
        short = path.relative_to(root)
        if not any(short.is_relative_to(folder) for folder in _LEFT_OUT):
            found += mutants_of_file(short, path.read_text(encoding="utf-8"), statements=area == "postgres")
    return found


def mutants_of_file(path: Path, source: str, *, statements: bool) -> list[Mutant]:
    same: Counter[str] = Counter()
    found = []
    for change in python_changes(source, statements=statements):
        if not _compiles(change.applied(source)):
            continue
        begin = source.rfind("\n", 0, change.start) + 1
        end = source.find("\n", change.end)
        end = len(source) if end < 0 else end
        was = source[begin:end].strip()
        became = (source[begin : change.start] + change.became + source[change.end : end]).strip()
        text = f"{path}\0{change.kind}\0{was}\0{became}"
        same[text] += 1
        id_ = sha256(f"{text}\0{same[text]}".encode()).hexdigest()[:8]
        found.append(Mutant(path, source, change, source.count("\n", 0, change.start) + 1, id_, was, became))
    return found


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def chosen(mutants: Iterable[Mutant], count: int, *, seed: int) -> list[Mutant]:
    """So many of them by chance. Another mutant more or less changes nothing about the choice among the others."""
    return sorted(mutants, key=lambda mutant: sha256(f"{seed}\0{mutant.id}".encode()).digest())[:count]


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A mutant that no test can tell from the code, and why."""

    path: Path
    was: str
    became: str
    reason: str

    def is_it(self, mutant: Mutant) -> bool:
        return (mutant.path, mutant.was, mutant.became) == (self.path, self.was, self.became)


def equivalents(root: Path) -> list[Equivalent]:
    listed = tomllib.loads((root / EQUIVALENT).read_text(encoding="utf-8"))["equivalent"]
    return [Equivalent(Path(each["file"]), each["was"], each["became"], each["reason"]) for each in listed]


def set_aside(mutants: Collection[Mutant], listed: Iterable[Equivalent]) -> tuple[list[Mutant], list[Equivalent]]:
    """:returns: the mutants that are not in the list; and the entries of the list that are no mutant any more"""
    stale = [each for each in listed if not any(each.is_it(mutant) for mutant in mutants)]
    known = {(each.path, each.was, each.became) for each in listed}
    return [each for each in mutants if (each.path, each.was, each.became) not in known], stale
