"""The tool that changes the code: what it changes, and that it is code again."""

from pathlib import Path

import pytest

from mutants.mutants import Equivalent, Mutant, chosen, mutants_of_file, set_aside
from mutants.near import files_near
from mutants.program import ROOT, main
from mutants.python import python_changes
from mutants.sql import is_statement, sql_changes


def changed(source: str, *, statements: bool = False) -> set[str]:
    return {change.applied(source) for change in python_changes(source, statements=statements)}


def changed_sql(statement: str) -> set[str]:
    return {change.applied(statement) for change in sql_changes(statement)}


def mutants(source: str) -> list[Mutant]:
    return mutants_of_file(Path("src/tatemono/domain/mail/x.py"), source, statements=False)


class TestPythonChanges:
    @pytest.mark.parametrize(
        ("source", "became"),
        [
            ("a < b", {"a <= b"}),
            ("a <= b < c", {"a < b < c", "a <= b <= c"}),
            ("a is not None", {"a is None"}),
            ("a not in b", {"a in b"}),
            ("a and b", {"a or b", "(a)", "(b)"}),
            ("not a", {"(a)"}),
            ("a if b else c", {"(c) if b else (a)"}),
            ("if a:\n    b", {"if not (a):\n    b"}),
            ("a + b", {"a - b"}),
            ("x = 3", {"x = 4", "x = 2"}),
            ("x = False", {"x = True"}),
            ("async def f():\n    await g()", {"async def f():\n    pass"}),
            ("if a == 'é':\n    raise E(1 + 2)", {"if a != 'é':\n    raise E(1 + 2)", "if a == 'é':\n    pass"}),
        ],
    )
    def test_are_these(self, source: str, became: set[str]) -> None:
        assert changed(source) == became

    @pytest.mark.parametrize(
        "source",
        [
            '"""Says 1 + 1."""',
            "import a",
            "def f(x: 'a or b') -> 'a and b': ...",
            "@dataclass(frozen=True)\nclass A: ...",
            "class A(Protocol):\n    def f(self, *, x: bool = True) -> None: ...",
            "_log.warning('away', attempt)",
            "assert 1 < 2",
            "x = 'select 1 where a = b'",
        ],
    )
    def test_leave_what_is_no_behaviour(self, source: str) -> None:
        assert changed(source) == set()

    def test_are_made_of_statements_where_there_are_some(self) -> None:
        source = 'X = f"""select {_A} from t where a < 3"""'
        assert changed(source, statements=True) == {source.replace("<", "<="), source.replace("3", "4")}


class TestSqlChanges:
    @pytest.mark.parametrize(
        ("statement", "became"),
        [
            ("where a <= $1", {"where a < $1"}),
            ("where a = 1 and b", {"where a <> 1 and b", "where a = 2 and b", "where b", "where a = 1"}),
            ("where a between $1 and $2 and b", {"where b", "where a between $1 and $2"}),
            ("update t set a = b where c = d", {"update t set a = b where c <> d"}),
            ("update t set a = case when b = c then d end, e = f", {
                "update t set a = case when b <> c then d end, e = f",
            }),
            ("on conflict (a) where b and c do update set d = e", {
                "on conflict (a) where c do update set d = e",
                "on conflict (a) where b do update set d = e",
            }),
            ("where a = any($1)", {"where a <> all($1)"}),
            ("where a is null", {"where a is not null"}),
            ("where a is not null", {"where a is null"}),
            ("where exists (select from t)", {"where not exists (select from t)"}),
            ("where not exists (select from t)", {"where exists (select from t)"}),
            ("set a = case when b then c else d end", {"set a = case when b then d else c end"}),
            ("select greatest(a, b - c)", {"select least(a, b - c)", "select greatest(a, b + c)"}),
            ("where a > now() - interval '7 days'", {
                "where a < now() - interval '7 days'",
                "where a > now() + interval '7 days'",
                "where a > now() - interval '8 days'",
            }),
            ("order by a desc limit $1", {"order by a limit $1", "order by a desc"}),
        ],
    )  # fmt: skip
    def test_are_these(self, statement: str, became: set[str]) -> None:
        assert changed_sql(statement) == became

    @pytest.mark.parametrize(
        "statement",
        [
            "select 1",
            "select a::int",
            "set a = $1, b = 'x = 1 and y'",
            "-- where a = 1",
            "select f(a => b)",
            "group by 1",
        ],
    )
    def test_leave_what_is_no_condition(self, statement: str) -> None:
        assert changed_sql(statement) == set()

    def test_drop_what_is_within_parentheses_as_a_whole(self) -> None:
        assert "where a" in changed_sql("where a and (b or (c and d))")
        assert "where a and (b or (c))" in changed_sql("where a and (b or (c and d))")

    @pytest.mark.parametrize(("text", "is_one"), [("'select a from t'", True), ("'A fox'", False), ("'where a'", True)])
    def test_are_looked_for_in_statements(self, text: str, is_one: bool) -> None:
        assert is_statement(text) == is_one


class TestMutants:
    def test_have_a_name_that_other_lines_do_not_change(self) -> None:
        (before,) = mutants("x = a < b")
        after = next(each for each in mutants("y = c > d\nx = a < b") if each.line == 2)
        assert (after.id, after.was, after.became) == (before.id, "x = a < b", "x = a <= b")

    def test_that_are_alike_have_names_of_their_own(self) -> None:
        found = mutants("x = a < b\nx = a < b")
        assert len({each.id for each in found}) == 2

    def test_are_chosen_by_the_seed_whatever_others_there_are(self) -> None:
        everything = mutants("\n".join(f"x{number} = a < b" for number in range(40)))
        choice = chosen(everything, 10, seed=1)
        assert choice != chosen(everything, 10, seed=2)
        rest = [each for each in everything if each not in choice[:3]]
        assert chosen(rest, 7, seed=1) == choice[3:]

    def test_are_set_aside_by_their_lines(self) -> None:
        path = Path("src/tatemono/domain/mail/x.py")
        listed = [Equivalent(path, "x = a < b", "x = a <= b", "a is never b"), Equivalent(path, "gone", "away", "")]
        left, stale = set_aside(mutants("x = a < b\ny = c > d"), listed)
        assert [each.line for each in left] == [2]
        assert stale == listed[1:]

    def test_of_the_tree_are_listed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--list", "--count", "9"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 9, "is there an entry of equivalent.toml that is no mutant any more?"
        assert ["/domain/" in line for line in lines] == [True] * 3 + [False] * 6

    @pytest.mark.parametrize(
        "path",
        ["adapters/postgres/privacy/deletions_sql.py", "domain/mail/message.py", "usecases/pictures/keep_pictures.py"],
    )
    def test_have_files_near_them(self, path: str) -> None:
        near = files_near(ROOT, Path("src/tatemono", path))
        assert all((ROOT / each).is_file() for each in near)
        assert len(near) == len(set(near)) > 3
        assert path.split("/")[-2] in str(near[0])
