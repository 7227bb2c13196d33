"""How a shim takes its place."""

from collections.abc import Callable
from typing import Any


def give(owner: Any, **values: Any) -> None:
    """Give a module or class what it lacks, or something else than it has."""
    for name, value in values.items():
        setattr(owner, name, value)


def replace(owner: Any, name: str, by: Callable[..., Any]) -> None:
    """Call `by(old, …)` wherever `owner.name(…)` was called."""
    old = getattr(owner, name)

    def called(*words: Any, **more: Any) -> Any:
        return by(old, *words, **more)

    setattr(owner, name, called)
