"""Changes to Python code that leave it Python code."""

import ast

from mutants.changes import Change
from mutants.sql import is_statement, sql_changes

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}
#: What these say or keep of the program itself is nobody's behaviour.
_NOT_CALLED = ("_log.", "super().", "warnings.")


def python_changes(source: str, *, statements: bool) -> list[Change]:
    """All changes of one module, in the order of their places.

    :param statements: whether it may have statements of SQL
    """
    module = _Module(source, statements=statements)
    module.visit(ast.parse(source))
    return sorted(module.changes, key=lambda change: (change.start, change.end, change.became))


class _Module(ast.NodeVisitor):
    def __init__(self, source: str, *, statements: bool) -> None:
        self.changes: list[Change] = []
        self._source = source
        self._statements = statements
        # Offsets of the tree count bytes within a line.
        self._lines = source.splitlines(keepends=True)
        self._begins = [0]
        for line in self._lines:
            self._begins.append(self._begins[-1] + len(line))

    def _at(self, line: int, column: int) -> int:
        text = self._lines[line - 1]
        return self._begins[line - 1] + len(text.encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self._source[start:end]

    def _replace(self, kind: str, node: ast.expr | ast.stmt, became: str) -> None:
        self.changes.append(Change(kind, *self._span(node), became))

    def _between(self, kind: str, left: ast.expr, right: ast.expr, was: str, became: str) -> None:
        """Replace what stands between two expressions; not if it is not there, for instance within a comment."""
        start, end = self._span(left)[1], self._span(right)[0]
        found = self._source[start:end].find(was)
        if found >= 0:
            self.changes.append(Change(kind, start + found, start + found + len(was), became))

    # What is no behaviour.

    def visit_Import(self, node: ast.Import) -> None: ...

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None: ...

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
            self._body(node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.visit(node.args)
        self._body(node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit(node.args)
        self._body(node.body)

    def _body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit_Assert(self, node: ast.Assert) -> None: ...

    # What is changed.

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self._between("comparison", left, right, *_COMPARISONS[type(operator)])
            left = right
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between("and, or", left, right, word, other)
        if len(node.values) == 2:
            for value in node.values:
                self._replace("operand", node, f"({self._text(value)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace("negation", node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        body, test, orelse = self._text(node.body), self._text(node.test), self._text(node.orelse)
        self._replace("arms", node, f"({orelse}) if {test} else ({body})")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name | ast.Attribute | ast.Call | ast.Await | ast.BoolOp):
            self._replace("arms", node.test, f"not ({self._text(node.test)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if found := _ARITHMETIC.get(type(node.op)):
            self._between("arithmetic", node.left, node.right, *found)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(value, ast.Constant) or self._text(value).startswith(_NOT_CALLED):
            return
        if isinstance(value, ast.Call):
            self._replace("statement", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        if node.exc is not None:
            self._replace("statement", node, "pass")
        # What the error says is no behaviour; which one it is, is.
        if isinstance(node.exc, ast.IfExp | ast.BoolOp):
            self.visit(node.exc)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._replace("constant", node, str(not value))
        elif isinstance(value, int):
            self._replace("constant", node, str(value + 1))
            if value > 0:
                self._replace("constant", node, str(value - 1))
        elif isinstance(value, str):
            self._statement(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        # Python 3.11 does not say where within it its parts are.
        self._statement(node)

    def _statement(self, node: ast.Constant | ast.JoinedStr) -> None:
        if self._statements and is_statement(text := self._text(node)):
            self.changes += [change.within(self._span(node)[0]) for change in sql_changes(text)]
