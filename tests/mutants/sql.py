"""Changes to the text of a SQL statement, each of which is a statement again.

The statement is cut into words and looked at level by level of its parentheses: what belongs to a `where` and what to a
`set` is told by the last clause that began on the same level. It is the source text in Python: quotes around it, other
literals beside it and the braces of an f-string may stand in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mutants.changes import Change

_STATEMENT = re.compile(
    r"\b(?:select|insert\s+into|update\s+\w+(?:\s+set)?|delete\s+from|where|coalesce\(|case\s+when|order\s+by)\b",
    re.IGNORECASE,
)
_WORD = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*)
    | (?P<literal>'(?:[^'\n]|'')*')
    | (?P<quote>\"{3}|\")
    | (?P<braces>\{(?:[^{}]|\{[^{}]*\})*\})
    | (?P<opaque>\$\d+|::\w+(?:\[\])?|:\w+|=>|->>?|\^@|@>|<@|\|\|)
    | (?P<operator><=|>=|<>|=|<|>)
    | (?P<number>\d+(?:\.\d+)?\b)
    | (?P<name>[A-Za-z_][\w.]*)
    | (?P<open>[(\[]) | (?P<close>[)\]])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "=": "<>", "<>": "="}
_REVERSED = _OPERATORS | {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CLOCKS = frozenset({"now", "clock_timestamp"})
_NAMES = {"greatest": "least", "least": "greatest", "true": "false", "false": "true"}
#: A predicate ends before one of these, or with its level.
_ENDS = frozenset({
    *("and", "or", "order", "group", "limit", "returning", "for", "union", "on", "having", "where", "join", "left"),
    *("cross", "from", "window", "then", "else", "end", "when", "do"),
})  # fmt: skip
_CLAUSES = frozenset({
    *("select", "set", "where", "on", "having", "case", "when", "returning", "from", "values", "filter", "join"),
    *("by", "limit", "as", "with"),
})  # fmt: skip
_INTERVAL = re.compile(r"'(\d+)( \w+)'")


def is_statement(text: str) -> bool:
    """Whether the text is SQL, or a piece of it."""
    return _STATEMENT.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Level:
    """What stands between two parentheses, with the levels within as one word each."""

    words: list[_Word] = field(default_factory=list)


def sql_changes(text: str) -> Iterator[Change]:
    """All of a statement's changes, in no order."""
    for level in _levels(text):
        yield from _comparisons(level.words)
        yield from _numbers(level.words)
        yield from _predicates(level.words, text)
        yield from _arms(level.words, text)
        yield from _negations(level.words)
        yield from _orders(level.words, text)


def _levels(text: str) -> list[_Level]:
    done: list[_Level] = []
    stack, begins = [_Level()], [0]
    for found in _WORD.finditer(text):
        word = _Word(found.lastgroup or "other", found[0], found.start(), found.end())
        if word.kind == "open":
            stack.append(_Level())
            begins.append(word.start)
        elif word.kind == "close" and len(stack) > 1:
            done.append(stack.pop())
            stack[-1].words.append(_Word("group", text[begins[-1] : word.end], begins.pop(), word.end))
        elif word.kind not in {"space", "comment"}:
            stack[-1].words.append(word)
    return [*done, *stack]


def _lower(word: _Word) -> str:
    return word.text.lower() if word.kind == "name" else ""


def _comparisons(words: list[_Word]) -> Iterator[Change]:
    clauses = [""]
    for at, word in enumerate(words):
        name = _lower(word)
        following = _lower(words[at + 1]) if at + 1 < len(words) else ""
        if name == "case":
            clauses.append(name)
        elif name == "end" and len(clauses) > 1:
            clauses.pop()
        elif name in _CLAUSES:
            clauses[-1] = name
        if word.kind != "operator":
            if other := _NAMES.get(name):
                yield Change("comparison", word.start, word.end, other)
        elif word.text == "=" and clauses[-1] == "set":
            continue
        elif following in {"any", "all"}:
            opposite = "all" if following == "any" else "any"
            yield Change("comparison", word.start, words[at + 1].end, f"{_OPERATORS[word.text]} {opposite}")
        else:
            # No test meets a moment of the clock exactly, so one later or one earlier is the same.
            operators = _REVERSED if following in _CLOCKS else _OPERATORS
            yield Change("comparison", word.start, word.end, operators[word.text])


def _numbers(words: list[_Word]) -> Iterator[Change]:
    for before, word in zip([None, *words], words, strict=False):
        if word.kind == "number" and "." not in word.text:
            # `group by 1` names a column, and `select 1` a row.
            if before is not None and _lower(before) in {"by", "select"}:
                continue
            yield Change("constant", word.start, word.end, str(int(word.text) + 1))
        elif word.kind == "literal" and before is not None and _lower(before) == "interval":
            if found := _INTERVAL.fullmatch(word.text):
                yield Change("constant", word.start, word.end, f"'{int(found[1]) + 1}{found[2]}'")
        elif word.kind == "other" and word.text in {"+", "-"}:
            yield Change("arithmetic", word.start, word.end, "-" if word.text == "+" else "+")


def _predicates(words: list[_Word], text: str) -> Iterator[Change]:
    """Each predicate of a conjunction, dropped."""
    for at, word in enumerate(words):
        name = _lower(word)
        if name not in {"and", "where", "on"} or (name == "and" and _closes_between(words, at)):
            continue
        end = _end_of_predicate(words, at + 1)
        if end == at + 1:
            continue
        if name == "and":
            yield Change("predicate", _before(word, text), words[end - 1].end, "")
        elif end < len(words) and _lower(words[end]) == "and":
            yield Change("predicate", words[at + 1].start, words[end + 1].start, "")


def _closes_between(words: list[_Word], at: int) -> bool:
    for word in reversed(words[:at]):
        if _lower(word) in {"and", "where", "or", "on", "when"}:
            return False
        if _lower(word) == "between":
            return True
    return False


def _end_of_predicate(words: list[_Word], at: int) -> int:
    between = False
    while at < len(words):
        name = _lower(words[at])
        between = between or name == "between"
        if name == "and" and between:
            between = False
        elif _ends(words, at):
            break
        at += 1
    return at


def _ends(words: list[_Word], at: int) -> bool:
    if words[at].kind in {"quote", "braces"} or words[at].text in {",", ";"}:
        return True
    name = _lower(words[at])
    return name in _ENDS and not (name == "from" and _lower(words[at - 1]) == "distinct")


def _before(word: _Word, text: str) -> int:
    """Where the space before a word begins."""
    return len(text[: word.start].rstrip(" ")) if text[: word.start].rstrip(" ")[-1:] != '"' else word.start


def _arms(words: list[_Word], text: str) -> Iterator[Change]:
    """`case when … then a else b end` with a and b changed for each other."""
    names = [_lower(word) for word in words]
    for at, name in enumerate(names):
        if name != "case":
            continue
        here = {key: names.index(key, at) for key in ("then", "else", "end") if key in names[at:]}
        if len(here) < 3 or "when" in names[here["then"] : here["end"]] or not at < here["then"] < here["else"]:
            continue
        then, otherwise, end = here["then"], here["else"], here["end"]
        first = text[words[then + 1].start : words[otherwise - 1].end]
        second = text[words[otherwise + 1].start : words[end - 1].end]
        between = text[words[otherwise - 1].end : words[otherwise + 1].start]
        yield Change("arms", words[then + 1].start, words[end - 1].end, second + between + first)


def _negations(words: list[_Word]) -> Iterator[Change]:
    for at, word in enumerate(words):
        name = _lower(word)
        following = words[at + 1] if at + 1 < len(words) else None
        if name == "not" and following is not None:
            yield Change("negation", word.start, following.start, "")
        elif name == "is" and following is not None and _lower(following) in {"null", "distinct"}:
            yield Change("negation", word.end, word.end, " not")
        elif name in {"exists", "in"} and following is not None and following.kind == "group":
            before = _lower(words[at - 1]) if at else ""
            if before not in {"not", "if"}:
                yield Change("negation", word.start, word.start, "not ")


def _orders(words: list[_Word], text: str) -> Iterator[Change]:
    for at, word in enumerate(words):
        name = _lower(word)
        if name == "desc":
            yield Change("order", _before(word, text), word.end, "")
        elif name == "limit" and at + 1 < len(words) and words[at + 1].kind in {"opaque", "number"}:
            yield Change("limit", _before(word, text), words[at + 1].end, "")
