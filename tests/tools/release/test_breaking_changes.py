"""Which changes of an OpenAPI document break its callers, on documents of one or two operations."""

from copy import deepcopy
from typing import Any

import pytest

from tatemono_tools.release.breaking_changes import breaking_changes

REFERENCE = {"$ref": "#/components/schemas/Thing"}


def document(
    *, sent: dict[str, Any] | None = None, answered: dict[str, Any] | None = None, **operation: Any
) -> dict[str, Any]:
    """One operation, `put_thing`; `sent` and `answered` are its schemas."""
    described: dict[str, Any] = {"operationId": "put_thing", "responses": {"200": {"description": "Done."}}}
    if sent is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": sent}}}
    if answered is not None:
        described["responses"]["200"]["content"] = {"application/json": {"schema": answered}}
    return {"paths": {"/things": {"put": described | operation}}, "components": {"schemas": {}}}


def parameters(*described: dict[str, Any]) -> dict[str, Any]:
    return document(parameters=[{"in": "query", "schema": {"type": "string"}} | each for each in described])


def thing(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def found(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    changes = breaking_changes(old, new)
    assert {change.operation_id for change in changes} <= {"put_thing"}
    return [change.what for change in changes]


TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
NOTHING = {"type": "null"}


class TestOperations:
    def test_that_are_the_same_break_nothing(self) -> None:
        same = document(sent=thing("a", a=TEXT), answered=thing("b", b={"anyOf": [NUMBER, NOTHING]}))
        assert breaking_changes(same, deepcopy(same)) == []

    def test_that_come_break_nothing(self) -> None:
        old, new = document(), document()
        new["paths"]["/others"] = new["paths"]["/things"]
        assert breaking_changes(old, new) == []

    def test_that_go_break_their_callers(self) -> None:
        assert found(document(), {"paths": {}}) == ["PUT /things is gone"]
        assert found(document(), {"paths": {"/things": {"post": {}}}}) == ["PUT /things is gone"]

    def test_with_another_name_break_generated_clients(self) -> None:
        assert found(document(), document(operationId="set_thing")) == ["the operationId is now `set_thing`"]

    def test_that_ask_for_authority_break_their_callers(self) -> None:
        guarded = document(security=[{"access_token": []}])
        assert found(document(), guarded) == ["needs authority now"]
        assert found(guarded, document()) == []

    def test_without_an_answer_that_was_there_break_their_callers(self) -> None:
        answers: dict[str, dict[str, Any]] = {"200": {"headers": {"etag": {}}, "content": {"text/html": {}}}, "202": {}}
        old = document(responses=answers)
        assert found(old, document(responses={"200": answers["200"]})) == ["response 202 is gone"]
        assert found(old, document(responses={"200": {}, "202": {}})) == [
            "response 200: text/html is gone",
            "response 200: header `etag` is gone",
        ]
        assert found(old, document(responses=answers | {"409": {}})) == []


class TestParameters:
    def test_that_may_be_left_out_break_nothing(self) -> None:
        assert found(document(), parameters({"name": "limit"})) == []

    def test_that_are_required_break_callers_without_them(self) -> None:
        required = parameters({"name": "limit", "required": True})
        assert found(document(), required) == ["query parameter `limit` is required now"]
        assert found(parameters({"name": "limit"}), required) == ["query parameter `limit` is required now"]
        assert found(required, parameters({"name": "limit"})) == []

    def test_that_go_break_callers_with_them(self) -> None:
        assert found(parameters({"name": "limit"}), document()) == ["query parameter `limit` is gone"]

    def test_that_take_less_break_callers_who_send_more(self) -> None:
        old, new = (parameters({"name": "limit", "schema": {"type": "integer", "maximum": most}}) for most in (100, 50))
        assert found(old, new) == ["query parameter `limit`: maximum was 100, is 50"]
        assert found(new, old) == []


class TestBodies:
    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (thing(a=TEXT), thing(), "request: property `a` is gone"),
            (thing(a=TEXT), thing("a", a=TEXT), "request: property `a` is required now"),
            (thing(), thing("a", a=TEXT), "request: property `a` is required now"),
            (thing(a=TEXT), thing(a=NUMBER), "request.a: type string is no longer taken"),
            (thing(a={"type": "number"}), thing(a=NUMBER), "request.a: type number is no longer taken"),
            (thing(a={}), thing(a=TEXT), "request.a: type anything is no longer taken"),
            (
                thing(a={"anyOf": [TEXT, NOTHING]}),
                thing(a=TEXT),
                "request.a: type null is no longer taken",
            ),
            (thing(a={"type": ["string", "null"]}), thing(a=TEXT), "request.a: type null is no longer taken"),
            (thing(a={"enum": [1, 2]}), thing(a={"enum": [2, 3]}), "request.a: value 1 is no longer taken"),
            (thing(a={"enum": [1, 2]}), thing(a={"const": 2}), "request.a: value 1 is no longer taken"),
            (thing(a=TEXT), thing(a=TEXT | {"enum": ["x"]}), "request.a: a value that is none of x is no longer taken"),
            (thing(a=TEXT), thing(a=TEXT | {"maxLength": 9}), "request.a: maxLength was none, is 9"),
            (
                thing(a=TEXT | {"minLength": 1}),
                thing(a=TEXT | {"minLength": 2}),
                "request.a: minLength was 1, is 2",
            ),
            (
                thing(a=TEXT | {"pattern": "x"}),
                thing(a=TEXT | {"pattern": "y"}),
                "request.a: pattern was x, is y",
            ),
            (
                thing(a={"type": "array", "items": TEXT}),
                thing(a={"type": "array", "items": NUMBER}),
                "request.a[]: type string is no longer taken",
            ),
            (thing(), thing() | {"additionalProperties": False}, "request: other properties are no longer taken"),
        ],
    )
    def test_that_take_less_break_their_callers(self, old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
        assert found(document(sent=old), document(sent=new)) == [expected]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (thing(), thing(a=TEXT)),
            (thing("a", a=TEXT), thing(a=TEXT)),
            (thing(a=NUMBER), thing(a={"type": "number"})),
            (thing(a=TEXT), thing(a={})),
            (thing(a=TEXT), thing(a={"anyOf": [NUMBER, TEXT]})),
            (thing(a={"enum": [1]}), thing(a={"enum": [1, 2]})),
            (thing(a=TEXT | {"maxLength": 9}), thing(a=TEXT | {"maxLength": 10})),
            (thing(a=TEXT | {"pattern": "x"}), thing(a=TEXT)),
            (thing(a=TEXT), thing(a=TEXT | {"description": "In another word.", "examples": ["x"]})),
        ],
    )
    def test_that_take_more_break_nothing(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        assert found(document(sent=old), document(sent=new)) == []

    def test_that_are_asked_for_break_callers_without_one(self) -> None:
        assert found(document(), document(sent=thing())) == ["request: the body is required now"]

    def test_that_are_no_longer_taken_break_callers_with_one(self) -> None:
        assert found(document(sent=thing()), document()) == ["request: application/json is gone"]


class TestAnswers:
    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (thing("a", a=TEXT), thing(), "response 200: property `a` is gone"),
            (thing("a", a=TEXT), thing(a=TEXT), "response 200: property `a` is optional now"),
            (thing(a=TEXT), thing(a=NUMBER), "response 200.a: type integer is new"),
            (thing(a=TEXT), thing(a={"anyOf": [TEXT, NOTHING]}), "response 200.a: type null is new"),
            (thing(a={"enum": [1]}), thing(a={"enum": [1, 2]}), "response 200.a: value 2 is new"),
            (
                thing(a={"type": "object", "additionalProperties": TEXT}),
                thing(a={"type": "object", "additionalProperties": NUMBER}),
                "response 200.a.*: type integer is new",
            ),
            (
                thing(a=TEXT | {"maxLength": 9}),
                thing(a=TEXT | {"maxLength": 10}),
                "response 200.a: maxLength was 9, is 10",
            ),
        ],
    )
    def test_that_say_more_break_their_callers(self, old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
        assert found(document(answered=old), document(answered=new)) == [expected]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (thing(), thing("a", a=TEXT)),
            (thing() | {"additionalProperties": False}, thing(a=TEXT)),
            (thing(a=TEXT), thing("a", a=TEXT)),
            (thing(a={"anyOf": [TEXT, NOTHING]}), thing(a=TEXT)),
            (thing(a={"enum": [1, 2]}), thing(a={"enum": [1]})),
        ],
    )
    def test_that_are_surer_or_longer_break_nothing(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        assert found(document(answered=old), document(answered=new)) == []


class TestReferences:
    def test_are_followed_and_may_lead_back(self) -> None:
        old, new = document(answered=REFERENCE), document(answered=REFERENCE)
        inner = {"type": "array", "items": REFERENCE}
        old["components"]["schemas"]["Thing"] = thing("a", a=TEXT, parts=inner)
        new["components"]["schemas"]["Thing"] = thing("a", a=NUMBER, parts=inner)
        assert found(old, new) == ["response 200.a: type integer is new"]

    def test_of_another_name_to_the_same_break_nothing(self) -> None:
        old, new = document(sent=REFERENCE), document(sent={"$ref": "#/components/schemas/Other"})
        old["components"]["schemas"]["Thing"] = new["components"]["schemas"]["Other"] = thing("a", a=TEXT)
        assert found(old, new) == []

    def test_that_cannot_be_compared_are_refused_by_name(self) -> None:
        with pytest.raises(NotImplementedError, match="allOf"):
            found(document(sent={"allOf": [TEXT]}), document(sent=TEXT))
