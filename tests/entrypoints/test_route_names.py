"""A route is called as its use case, with the prefix `route_`, and imports the use case by its own name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tatemono
from tatemono.entrypoints.http.direct_route import operation_id_of

ENTRYPOINTS = Path(tatemono.__file__).parent / "entrypoints"
USE_CASES = "tatemono.usecases"
SOURCES = sorted(ENTRYPOINTS.rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(), source.name)


def use_cases(module: ast.Module) -> Iterator[tuple[str, ast.alias]]:
    """Module of the use cases, and what is imported from it."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(USE_CASES):
            yield from ((node.module or "", name) for name in node.names)
        elif isinstance(node, ast.Import):
            yield from ((name.name, name) for name in node.names if name.name.startswith(USE_CASES))


def is_module(name: str) -> bool:
    path = Path(tatemono.__file__).parents[1].joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def declared(module: ast.Module) -> Iterator[Function]:
    """The functions below `@routes.get(…)` and its like."""
    for node in ast.walk(module):
        if isinstance(node, Function):
            calls = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
            owners = [each.value for each in calls if isinstance(each, ast.Attribute)]
            if any(isinstance(owner, ast.Name) and owner.id == "routes" for owner in owners):
                yield node


def endpoints(module: ast.Module) -> Iterator[str]:
    """The second arguments of `Route(…)`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Route":
            yield ast.unparse(node.args[1])


class TestUseCasesAreImported:
    @pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ENTRYPOINTS)))
    def test_by_their_own_names(self, source: Path) -> None:
        for module, imported in use_cases(parsed(source)):
            if imported.name.isupper():  # a constant: several modules may have a `BATCH`
                continue
            assert imported.asname is None, f"{imported.name} as {imported.asname}"
            assert not is_module(f"{module}.{imported.name}"), f"{imported.name} is a module: import its function"


class TestRoutes:
    def test_are_called_route_and_their_operation(self) -> None:
        names = [function.name for source in SOURCES for function in declared(parsed(source))]
        assert len(names) > 80
        names += [name for source in SOURCES for name in endpoints(parsed(source))]
        assert [name for name in names if not name.startswith("route_")] == []

    def test_are_called_as_the_use_case_that_they_serve(self) -> None:
        served = {}
        for source in SOURCES:
            module = parsed(source)
            functions = {imported.name for _, imported in use_cases(module) if imported.name.islower()}
            for route in declared(module):
                called = functions & {node.id for node in ast.walk(route) if isinstance(node, ast.Name)}
                if len(called) == 1:
                    served[route.name] = called.pop()
        assert len(served) > 40
        assert {route: f"route_{use_case}" for route, use_case in served.items()} == {route: route for route in served}

    def test_cannot_be_made_of_a_function_with_another_name(self) -> None:
        async def submit_generation() -> None: ...

        with pytest.raises(ValueError, match="submit_generation"):
            operation_id_of(submit_generation)
