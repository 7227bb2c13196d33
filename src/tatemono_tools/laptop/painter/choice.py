"""Which painter `tatemono up` takes: what the options say, what was remembered, and the key that belongs to it."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from tatemono.adapters.model_registry import read_registry
from tatemono_tools.invocation import typed
from tatemono_tools.laptop.painter.painter import (
    OPENAI,
    STUDIO,
    Painter,
    PainterRefused,
    WrongPainter,
    checked_key,
    environment_variable_of,
    is_open_to_listeners,
    place_of,
    unused_keys,
)
from tatemono_tools.laptop.painter.preflight import Findings, Preflight, price_is_known
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.laptop.secret_values import OFFLINE_API_KEY
from tatemono_tools.plan.building import Plan

#: What may be spent in a day, unless the person says otherwise.
BUDGET_DOLLARS = "2"
#: In place of a key: the SDK wants one, and a server without keys takes any.
_NO_KEY = "no-key"

_MARKS = {"good": ("✓", "green"), "notice": ("!", "yellow"), "unknown": ("?", "yellow")}


@dataclass(frozen=True, kw_only=True)
class PainterOptions:
    """The options of `up` that are about the painter; what is None was not said.

    :ivar ask_key: ask for the key, though one is known
    :ivar trial: have it paint a picture first
    """

    painter: str | None = None
    model: str | None = None
    budget_dollars: str | None = None
    ask_key: bool = False
    trial: bool = False


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """:ivar ask: asks the person on the terminal, without an echo; None: there is no terminal"""

    plan: Plan
    state: StateFolder
    console: Console
    ask: Callable[[str], str] | None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def choose(self, options: PainterOptions) -> "ChosenPainter":
        """The painter, looked at as far as its key is at hand, and remembered.

        :raises WrongPainter: the options do not go together
        :raises PainterRefused: it cannot be had
        """
        before = Painter.read(self.state)
        painter = self._painter(options, before)
        for name in unused_keys(painter, self.environment):
            self._say_that_it_is_unused(name, painter)
        if painter.is_studio:
            # A key of the painter before goes with it.
            painter.remember(self.state)
            return ChosenPainter(painter, OFFLINE_API_KEY)
        if reason := price_is_known(read_registry(), painter.model, datetime.now(UTC).date()):
            raise PainterRefused(f"{reason}: `{typed()} models check` says more (docs/how-to/change-the-model.md)")
        key = self._key(painter, before, ask=options.ask_key)
        self.console.print(Text.assemble("Painter: ", (painter.url, "bold"), f", {painter.model_name}"))
        if is_open_to_listeners(painter.url):
            self._print("notice", "what goes there, prompts and a key, is not encrypted on its way (http)")
        if key is None:
            # It is in the cloud, which does not run yet: the painter is looked at as soon as it does.
            painter.remember(self.state)
            return ChosenPainter(painter, None, examine=lambda kept: self._preflight(painter, kept).run_again())
        painter = replace(painter, keyless=key == _NO_KEY)
        findings = asyncio.run(self._preflight(painter, key).run(trial=options.trial))
        self._show(findings)
        painter = replace(painter, judges=findings.judges).with_key(key)
        painter.remember(self.state)
        return ChosenPainter(painter, key)

    def _painter(self, options: PainterOptions, before: Painter) -> Painter:
        place = before.place if options.painter is None else place_of(options.painter)
        if place == STUDIO:
            if options.model or options.budget_dollars or options.ask_key or options.trial:
                raise WrongPainter("the studio takes no other model, budget, key or trial: add --painter openai or URL")
            return Painter()
        known = before if place == before.place else Painter(place=place)
        model, called = self._model(options.model, known)
        budget = options.budget_dollars or known.budget_dollars or BUDGET_DOLLARS
        return replace(known, model=model, called=called, budget_dollars=budget)

    def _model(self, asked: str | None, known: Painter) -> tuple[str, str]:
        """As the registry calls it, and as the painter does if that is another name."""
        usual = self.plan.parameters["image-model"].value or ""
        if asked is None:
            return known.model or usual, known.called
        if asked in read_registry().models:
            return asked, ""
        if known.place == OPENAI:
            raise PainterRefused(
                f"no price of {asked} is known (src/tatemono/models.yaml), so no budget could hold: "
                "see docs/how-to/change-the-model.md"
            )
        return usual, asked

    def _key(self, painter: Painter, before: Painter, *, ask: bool) -> str | None:
        """None: the one that is kept.

        :raises PainterRefused: there is none, and it cannot be asked for
        """
        variable = environment_variable_of(painter.place)
        if given := self.environment.get(variable):
            if not ask:
                return checked_key(given)
        elif not ask and painter.place == before.place:
            return _NO_KEY if before.keyless else None
        elif not ask and painter.place != OPENAI:
            return _NO_KEY
        if self.ask is None:
            raise PainterRefused(
                f"there is no key: put it into {variable}, or call this on a terminal, which asks for it"
            )
        return checked_key(self.ask(f"Key for {painter.url}"))

    def _preflight(self, painter: Painter, key: str) -> Preflight:
        return Preflight(
            painter=painter,
            key=key,
            registry=read_registry(),
            moderation_model=self.plan.parameters["moderation-model"].value or "",
            today=datetime.now(UTC).date(),
        )

    def _say_that_it_is_unused(self, name: str, painter: Painter) -> None:
        how = "openai" if name == "OPENAI_API_KEY" else "URL"
        text = f" · {name} is set and not used: {painter.said} paints. To use it: {typed()} up --painter {how}"
        self.console.print(Text(text, "dim"), soft_wrap=True)

    def _show(self, findings: Findings) -> None:
        for mark, text in findings.lines:
            self._print(mark, text)

    def _print(self, mark: str, text: str) -> None:
        sign, style = _MARKS[mark]
        self.console.print(Text.assemble("  ", (sign, style), f" {text}"), soft_wrap=True)


@dataclass(frozen=True)
class ChosenPainter:
    """
    :ivar key: to be put into Secrets Manager; None: the one there stays
    :ivar examine: what is left to do with the one there before services start
    """

    painter: Painter = field(default_factory=Painter)
    key: str | None = field(default=OFFLINE_API_KEY, repr=False)
    examine: Callable[[str], Any] | None = None

    def secrets(self) -> dict[str, str]:
        return {} if self.key is None else {"openai-api-key": self.key}

    async def check(self, kept: str) -> None:
        """Before a service may use the key that is kept.

        :raises PainterRefused: it is not this painter's, or the painter does not take it
        """
        if self.examine is None:
            return
        if not self.painter.has_key(kept):
            raise PainterRefused(
                f"its key is lost: `{typed()} up --painter {self.painter.place} --painter-key` asks for it again"
            )
        await self.examine(kept)
