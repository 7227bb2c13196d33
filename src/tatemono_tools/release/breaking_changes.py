"""What a client written against one OpenAPI document would find broken by the next.

A client breaks when it may no longer say what it said, or is told what it was never told. So both directions are one
question, "does the receiver take all that the sender says?": for requests the old document describes the sender, for
responses the new one does. The kept comparers of OpenAPI documents are programs in Go, and this project asks for Python
alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Json = Mapping[str, Any]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# Here a receiver with a lower number takes less ...
_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
# ... and here one with a higher number.
_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
# Which of two takes less cannot be told: a receiver's other one counts as narrower.
_OPAQUE = ("pattern", "format", "multipleOf")


@dataclass(frozen=True)
class BreakingChange:
    """:ivar operation_id: as the old document has it"""

    operation_id: str
    what: str


def breaking_changes(old: Json, new: Json) -> list[BreakingChange]:
    """What breaks clients of `old`, operation by operation. A path and a method make an operation the same."""
    found = []
    for path, methods in old["paths"].items():
        for method in _METHODS:
            if method not in methods:
                continue
            was, now = methods[method], new["paths"].get(path, {}).get(method)
            gone = [f"{method.upper()} {path} is gone"]
            changes = dict.fromkeys(gone if now is None else _operation_changes(was, now, old, new))
            found += [BreakingChange(was["operationId"], what) for what in changes]
    return found


@dataclass(frozen=True)
class _Comparison:
    """Two documents, one for each side.

    :ivar direction: of a request the client is the sender, of a response the service
    :ivar seen: pairs of references that are being compared, so that recursive schemas end
    """

    direction: Literal["request", "response"]
    old: Json
    new: Json
    seen: frozenset[tuple[str, str]] = frozenset()

    def changes(self, was: Json, now: Json, where: str) -> list[str]:
        """What breaks when the schema `was` becomes `now`."""
        if self.direction == "request":
            return self.refused(was, now, where)
        return self.refused(now, was, where)

    def refused(self, sent: Json, taken: Json, where: str) -> list[str]:
        """What the sender may say that the receiver does not take."""
        pair = (sent.get("$ref", ""), taken.get("$ref", ""))
        if all(pair) and pair in self.seen:
            return []
        inner = replace(self, seen=self.seen | {pair})
        sender, receiver = (self.old, self.new) if self.direction == "request" else (self.new, self.old)
        found: list[str] = []
        for kind in _kinds(sent, sender):
            tried = [(inner.refused_kind(kind, taker, where), taker) for taker in _kinds(taken, receiver)]
            # Where none takes it, the reasons of the most similar one say most.
            found += min(tried, key=lambda each: (len(each[0]) > 0, _type(each[1]) != _type(kind), len(each[0])))[0]
        return found

    def refused_kind(self, sent: Json, taken: Json, where: str) -> list[str]:
        verb = "is no longer taken" if self.direction == "request" else "is new"
        said, known = _values(sent), _values(taken)
        if _type(taken) not in {_type(sent), "anything"} and (_type(sent), _type(taken)) != ("integer", "number"):
            return [f"{where}: type {_type(sent)} {verb}"]
        if known is not None:
            if said is None:
                return [f"{where}: a value that is none of {', '.join(known)} {verb}"]
            return [f"{where}: value {value} {verb}" for value in said if value not in known]
        found = [*self._bounds(sent, taken, where), *self._properties(sent, taken, where)]
        for keyword, inside in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", ".(name)")):
            if isinstance(taken.get(keyword), Mapping) and sent.get(keyword) is not False:
                found += self.refused(sent.get(keyword, {}), taken[keyword], where + inside)
        return found

    def _bounds(self, sent: Json, taken: Json, where: str) -> Iterator[str]:
        for keyword in (*_UPPER, *_LOWER, *_OPAQUE):
            said, bound = sent.get(keyword), taken.get(keyword)
            if bound is None or said == bound:
                continue
            within = said is not None and ((keyword in _UPPER and said < bound) or (keyword in _LOWER and said > bound))
            if not within:
                was, now = (said, bound) if self.direction == "request" else (bound, said)
                yield f"{where}: {keyword} was {_or_none(was)}, is {_or_none(now)}"

    def _properties(self, sent: Json, taken: Json, where: str) -> Iterator[str]:
        said, known = sent.get("properties", {}), taken.get("properties", {})
        old, new = (said, known) if self.direction == "request" else (known, said)
        gone = [name for name in old if name not in new]
        for name in gone:
            yield f"{where}: property `{name}` is gone"
        demanded = set(taken.get("required", ())) - set(sent.get("required", ())) - set(gone)
        for name in sorted(demanded):
            yield f"{where}: property `{name}` is {'required' if self.direction == 'request' else 'optional'} now"
        closed = [schema.get("additionalProperties") is False for schema in (sent, taken)]
        if self.direction == "request" and closed == [False, True]:
            yield f"{where}: other properties are no longer taken"
        for name in said:
            if name in known:
                yield from self.refused(said[name], known[name], f"{where}.{name}")


def _operation_changes(was: Json, now: Json, old: Json, new: Json) -> Iterator[str]:
    if was["operationId"] != now.get("operationId"):
        yield f"the operationId is now `{now.get('operationId')}`"
    if now.get("security") and not was.get("security"):
        yield "needs authority now"
    request = _Comparison("request", old, new)
    yield from _parameter_changes(was, now, request)
    before, after = was.get("requestBody"), now.get("requestBody")
    if after and after.get("required") and not (before and before.get("required")):
        yield "request: the body is required now"
    if before:
        yield from _content_changes(before, after or {}, request, "request")
    for status, response in was["responses"].items():
        where, answer = f"response {status}", now["responses"].get(status)
        if answer is None:
            yield f"{where} is gone"
            continue
        yield from _content_changes(response, answer, _Comparison("response", old, new), where)
        for header in response.get("headers", {}):
            if header not in answer.get("headers", {}):
                yield f"{where}: header `{header}` is gone"


def _parameter_changes(was: Json, now: Json, request: _Comparison) -> Iterator[str]:
    before, after = (
        {f"{each['in']} parameter `{each['name']}`": each for each in operation.get("parameters", [])}
        for operation in (was, now)
    )
    for name, parameter in before.items():
        if name in after:
            yield from request.changes(parameter["schema"], after[name]["schema"], name)
        else:
            yield f"{name} is gone"
    for name, parameter in after.items():
        if parameter.get("required") and not before.get(name, {}).get("required"):
            yield f"{name} is required now"


def _content_changes(was: Json, now: Json, comparison: _Comparison, where: str) -> Iterator[str]:
    for media_type, content in was.get("content", {}).items():
        after = now.get("content", {}).get(media_type)
        if after is None:
            yield f"{where}: {media_type} is gone"
        else:
            yield from comparison.changes(content.get("schema", {}), after.get("schema", {}), where)


def _kinds(schema: Json, document: Json) -> list[Json]:
    """The kinds of value that the schema describes: it without references and choices.

    :raises NotImplementedError: it has `allOf`, which none of our documents has
    """
    if "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _kinds(target, document)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return [kind for each in schema[keyword] for kind in _kinds(each, document)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    if "allOf" in schema:
        raise NotImplementedError("allOf: say in breaking_changes.py how it is compared")
    return [schema]


def _type(schema: Json) -> str:
    return str(schema.get("type", "anything"))


def _values(schema: Json) -> list[str] | None:
    """The only values there are, as text; none where there are others."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else [str(value) for value in values]


def _or_none(value: object) -> object:
    return "none" if value is None else value
