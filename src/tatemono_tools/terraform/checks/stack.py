"""What stands, or would stand: the resources of a state, of a plan, or of a plan with mocked providers."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """:ivar index: its key in `for_each`, or its number in `count`"""

    address: str
    type: str
    name: str
    index: str | int | None
    values: Json

    def get(self, *path: str | int) -> Any:
        """A value within; None where there is none. Blocks are lists, as in Terraform's JSON."""
        here: Any = self.values
        for step in path:
            if isinstance(here, list) and isinstance(step, int):
                here = here[step] if step < len(here) else None
            elif isinstance(here, dict):
                here = here.get(str(step))
            else:
                return None
        return here

    def text(self, *path: str | int) -> str:
        """As `get`, for what is a string; empty where there is none."""
        found = self.get(*path)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a check does not allow.

    :ivar check: which check
    :ivar where: the address of what is wrong, or a path that is requested
    """

    check: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.what}"


class Stack:
    """All resources of one environment.

    :ivar applied: whether they stand, or would
    """

    def __init__(self, resources: Iterable[Resource], *, applied: bool = False) -> None:
        self.resources = tuple(resources)
        self.applied = applied

    @classmethod
    def read(cls, document: Json) -> "Stack":
        """:param document: `terraform show -json` of a state or of a plan, or what `terraform test -verbose` prints

        :raises ValueError: it is none of these
        """
        if "planned_values" in document:
            # What Terraform reads stands in the state that the plan began with.
            before = document.get("prior_state", {}).get("values", {}).get("root_module", {})
            data = [resource for resource in _modules(before) if resource.get("mode") == "data"]
            return cls(_read([*_modules(document["planned_values"]["root_module"]), *data]))
        if "values" in document:
            return cls(_read(_modules(document["values"]["root_module"])), applied=True)
        if "resource_changes" in document:
            changes = document["resource_changes"]
            return cls(
                _read(change | {"values": change["change"]["after"]} for change in changes if change["change"]["after"])
            )
        raise ValueError("this is neither a state nor a plan of Terraform")

    def all(self, *types: str) -> list[Resource]:
        """All of these types."""
        return [resource for type_ in types for resource in self._by_type.get(type_, ())]

    def one(self, type_: str, name: str | None = None, index: str | int | None = None) -> Resource:
        """:raises LookupError: there is none, or more than one"""
        found = [
            resource
            for resource in self.all(type_)
            if name in {None, resource.name} and index in {None, resource.index}
        ]
        if len(found) != 1:
            raise LookupError(f"{len(found)} of {type_} {name or ''} {index or ''}")
        return found[0]

    def by(self, type_: str, *path: str) -> dict[str, Resource]:
        """Resources of a type, by one of their values."""
        return {str(resource.get(*path)): resource for resource in self.all(type_)}

    @cached_property
    def _by_type(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found


def json_of(text: Any) -> Any:
    """What a JSON string says; None for what is no JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def as_list(value: Any) -> list[Any]:
    """AWS writes one of something without a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def strings(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string in a value, with where it stands. JSON in strings is looked into."""
    if isinstance(value, dict):
        for key, within in value.items():
            yield from strings(within, (*path, str(key)))
    elif isinstance(value, list):
        for number, within in enumerate(value):
            yield from strings(within, (*path, str(number)))
    elif isinstance(value, str):
        inner = json_of(value) if value[:1] in {"{", "["} else None
        if isinstance(inner, (dict, list)):
            yield from strings(inner, path)
        else:
            yield path, value


def _modules(module: Json) -> Iterator[Json]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _modules(child)


def _read(resources: Iterable[Json]) -> Iterator[Resource]:
    for resource in resources:
        type_ = resource["type"]
        yield Resource(
            address=resource["address"],
            type=f"data.{type_}" if resource.get("mode") == "data" else type_,
            name=resource["name"],
            index=resource.get("index"),
            values=resource["values"],
        )
