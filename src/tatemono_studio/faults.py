"""Misbehaviour on request: what to do wrong, how often, how many times.

A fault is written compactly (`429,retry_after=3,p=0.5,count=2`; several joined by `;`) or as JSON
(`{"fault": "429", "retry_after": 3, "p": 0.5, "count": 2}`, or a list of such objects).
"""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from random import Random

from tatemono_studio.latency import Latency, parse_latency, parse_seconds
from tatemono_studio.odd_answers import ODDITIES
from tatemono_studio.provider_errors import ERRORS
from tatemono_studio.word_filter import PICTURE_CATEGORIES

KINDS = ("latency", "429", "500", "hang", "cut", "garbage", "refuse", "size", "flag", "error", "late-error", "odd")
ENDPOINTS = ("images", "generations", "edits", "moderations", "all")
MARKER = re.compile(r"\[studio:([^\]]*)\]", re.IGNORECASE)
COUNTERS_KEPT = 4096


class FaultSyntaxError(ValueError):
    """A fault that cannot be understood; `field` names what to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


@dataclass(frozen=True)
class Fault:
    """One thing to do wrong.

    `value` belongs to the kind: a `Latency`, the seconds of a hang or of Retry-After, the share of the answer that is
    sent before a cut, the wrong size, the category under which moderation shall flag the picture, or the name of an
    error or an oddity.
    """

    kind: str
    value: Latency | float | str | tuple[int, int]
    probability: float = 1.0
    count: int | None = None
    on: str = "images"

    def applies_to(self, endpoint: str) -> bool:
        return self.on in ("all", endpoint) or (self.on == "images" and endpoint in ("generations", "edits"))

    def as_object(self) -> dict[str, object]:
        value = f"{self.value[0]}x{self.value[1]}" if isinstance(self.value, tuple) else self.value
        shown = str(value) if isinstance(value, Latency) else value
        return {"fault": self.kind, "value": shown, "p": self.probability, "count": self.count, "on": self.on}


def parse_faults(text: str) -> list[Fault]:
    """Compact form or JSON.

    :raises FaultSyntaxError: names the field that is wrong
    """
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        try:
            return faults_from_json(json.loads(stripped))
        except json.JSONDecodeError as error:
            raise FaultSyntaxError("faults", f"not valid JSON: {error}") from None
    return [_from_compact(part) for part in stripped.split(";") if part.strip()]


def faults_from_json(value: object) -> list[Fault]:
    """:raises FaultSyntaxError: names the field that is wrong"""
    items = value if isinstance(value, list) else [value]
    faults = []
    for item in items:
        if not isinstance(item, Mapping) or "fault" not in item:
            raise FaultSyntaxError("fault", f'each fault is an object like {{"fault": "429"}}, not {item!r}')
        fields = {str(name): str(content) for name, content in item.items() if content is not None}
        faults.append(_build(fields.pop("fault", ""), fields))
    return faults


def _from_compact(text: str) -> Fault:
    # A comma inside brackets belongs to a distribution.
    head, *rest = (part.strip() for part in re.split(r",(?![^(]*\))", text))
    kind, _, value = (part.strip() for part in head.partition("="))
    fields = {"value": value} if value else {}
    for part in rest:
        name, equals, content = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise FaultSyntaxError(name or "faults", "write options as name=value")
        fields[name] = content
    return _build(kind, fields)


def _build(kind: str, fields: dict[str, str]) -> Fault:
    if kind not in KINDS:
        raise FaultSyntaxError("fault", f"{kind!r} is none of {', '.join(KINDS)}")
    probability = _number(fields, "p", _number(fields, "probability", 1.0))
    if not 0 <= probability <= 1:
        raise FaultSyntaxError("p", "a probability lies between 0 and 1")
    count_text = fields.pop("count", None)
    if count_text is not None and not re.fullmatch(r"[1-9]\d{0,8}", count_text):
        raise FaultSyntaxError("count", f"{count_text!r} is no whole number above 0")
    on = fields.pop("on", "images")
    if on not in ENDPOINTS:
        raise FaultSyntaxError("on", f"{on!r} is none of {', '.join(ENDPOINTS)}")
    value = _value(kind, fields)
    if fields:
        name = next(iter(fields))
        raise FaultSyntaxError(name, f"the fault {kind} has no such option")
    return Fault(kind, value, probability, int(count_text) if count_text else None, on)


def _value(kind: str, fields: dict[str, str]) -> Latency | float | str | tuple[int, int]:
    own_name = {"429": "retry_after", "hang": "seconds", "cut": "after"}.get(kind, "value")
    text = fields.pop(own_name, None) or fields.pop("value", None)
    try:
        if kind not in _READERS:
            return _nothing(kind, text)
        read, default = _READERS[kind]
        return read(text or default)
    except ValueError as error:
        raise FaultSyntaxError(own_name if own_name != "value" else kind, str(error)) from None


def _nothing(kind: str, text: str | None) -> float:
    if text:
        raise ValueError(f"the fault {kind} takes no value")
    return 0.0


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is none of {', '.join(names)}")
        return text

    return read


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise ValueError("the share that is sent before the cut lies between 0 and 1")
    return share


def _wrong_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if not found or not 16 <= min(int(found[1]), int(found[2])) <= max(int(found[1]), int(found[2])) <= 2048:  # noqa: PLR2004 - the bounds are in the message
        raise ValueError(f"{text!r} is no size between 16x16 and 2048x2048")
    return int(found[1]), int(found[2])


# How the value of a fault is read, and its default.
_READERS: Mapping[str, tuple[Callable[[str], Latency | float | str | tuple[int, int]], str]] = {
    "latency": (parse_latency, ""),
    "429": (parse_seconds, "1"),
    "hang": (parse_seconds, "600"),
    "size": (_wrong_size, "512x512"),
    "flag": (_one_of(sorted(PICTURE_CATEGORIES)), "violence/graphic"),
    "error": (_one_of(ERRORS), ""),
    "late-error": (_one_of(ERRORS), ""),
    "odd": (_one_of(ODDITIES), ""),
    "cut": (_share, "0.5"),
}


def _number(fields: dict[str, str], name: str, default: float) -> float:
    text = fields.pop(name, None)
    try:
        return default if text is None else float(text)
    except ValueError:
        raise FaultSyntaxError(name, f"{text!r} is no number") from None


def split_prompt(prompt: str) -> tuple[str, str]:
    """The prompt without its `[studio:…]` markers, and what the markers said, joined by `;`."""
    markers = MARKER.findall(prompt)
    return " ".join(MARKER.sub(" ", prompt).split()) if markers else prompt, ";".join(markers)


@dataclass(frozen=True)
class Misbehaviour:
    """What to do wrong for one request: at most one latency and one other fault."""

    latency: Latency | None = None
    fault: Fault | None = None


class FaultInjector:
    """The configured faults and how often each was triggered.

    Randomness is seeded: the same seed and the same sequence of requests misbehave alike.
    """

    def __init__(self, configured: list[Fault], seed: int) -> None:
        self.configure(configured, seed)

    def configure(self, faults: list[Fault], seed: int) -> None:
        self._remaining = list(faults)
        self._times_triggered: OrderedDict[tuple[str, Fault], int] = OrderedDict()
        self.random = Random(seed)  # noqa: S311 - reproducible misbehaviour, no secret
        self.seed = seed

    def clear(self) -> None:
        """Forget every configured fault and every counter; the seed starts over."""
        self.configure([], self.seed)

    @property
    def configured(self) -> list[Fault]:
        return list(self._remaining)

    def choose(self, endpoint: str, requested: list[Fault], identity: str) -> Misbehaviour:
        """Requested faults come before configured ones; the first that is triggered wins.

        :param identity: what a requested fault's `count` counts: the same request, sent again
        """
        chosen = Misbehaviour()
        for fault in requested:
            chosen = self._consider(chosen, fault, endpoint, identity)
        for fault in self._remaining[:]:
            chosen = self._consider(chosen, fault, endpoint, None)
        return chosen

    def _consider(self, chosen: Misbehaviour, fault: Fault, endpoint: str, identity: str | None) -> Misbehaviour:
        taken = chosen.latency if fault.kind == "latency" else chosen.fault
        if taken is not None or (identity is None and not fault.applies_to(endpoint)):
            return chosen
        if not self._count_allows(fault, identity) or self.random.random() >= fault.probability:
            return chosen
        self._count(fault, identity)
        if isinstance(fault.value, Latency):
            return replace(chosen, latency=fault.value)
        return replace(chosen, fault=fault)

    def _count_allows(self, fault: Fault, identity: str | None) -> bool:
        return fault.count is None or identity is None or self._times_triggered.get((identity, fault), 0) < fault.count

    def _count(self, fault: Fault, identity: str | None) -> None:
        if fault.count is None:
            return
        if identity is None:
            at = self._remaining.index(fault)
            self._remaining[at : at + 1] = [replace(fault, count=fault.count - 1)] if fault.count > 1 else []
            return
        key = (identity, fault)
        self._times_triggered[key] = self._times_triggered.pop(key, 0) + 1
        while len(self._times_triggered) > COUNTERS_KEPT:
            self._times_triggered.popitem(last=False)
