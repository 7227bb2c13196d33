"""Who may do what in the admin API: each route, for each role, with each method; and which tokens open nothing."""

import json
from itertools import combinations
from uuid import UUID

import pytest
from fastapi.routing import APIRoute
from starlette.responses import Response

from operators import EMAIL, Desk
from tatemono.adapters.tokens import AccessTokens
from tatemono.domain.identity.devices import SignedInDevice, UserKind
from tatemono.domain.operators.roles import ALLOWED, Operation, Role
from tatemono.entrypoints.admin_api.authority import PREFIX, router
from tatemono_tools.laptop.secret_values import signing_keys

pytest_plugins = ["admin_api"]

UNKNOWN_ID = UUID(int=5)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: Every set of roles that a person can have.
ROLE_SETS = [roles for count in range(len(Role) + 1) for roles in combinations(Role, count)]
#: Who may do what, said once more by hand: the table itself is under test.
EXPECTED = {
    "get_operator": {"viewer", "support", "admin"},
    "list_own_acts": {"viewer", "support", "admin"},
    "find_people": {"viewer", "support", "admin"},
    "get_person": {"viewer", "support", "admin"},
    "suspend_person": {"support", "admin"},
    "restore_person": {"support", "admin"},
    "sign_out_person": {"support", "admin"},
    "list_audit_records": {"admin"},
    "get_queue": {"viewer", "support", "admin"},
    "pause_queue": {"admin"},
    "resume_queue": {"admin"},
    "drain_queue": {"admin"},
    "fill_queue": {"admin"},
    "reprioritise_generation": {"support", "admin"},
    "reprioritise_person": {"support", "admin"},
    "list_dead_letters": {"support", "admin"},
    "redrive_dead_letters": {"admin"},
    "discard_dead_letters": {"admin"},
    "list_style_presets": {"viewer", "support", "admin"},
    "create_style": {"admin"},
    "change_style": {"admin"},
    "retire_style": {"admin"},
    "prepare_style_sample": {"admin"},
    "complete_style_sample": {"admin"},
    "list_reports": {"support", "admin"},
    "claim_report": {"support", "admin"},
    "decide_report": {"support", "admin"},
    "take_down_picture": {"support", "admin"},
    "list_takedowns": {"support", "admin"},
    "undo_takedown": {"admin"},
    "list_escalations": {"admin"},
    "list_blocked_words": {"support", "admin"},
    "add_blocked_word": {"admin"},
    "remove_blocked_word": {"admin"},
    "test_blocked_words": {"support", "admin"},
    "list_blocked_hashes": {"support", "admin"},
    "add_blocked_hash": {"admin"},
    "remove_blocked_hash": {"admin"},
}
#: What the body of an operation has besides a reason.
FIELDS: dict[str, dict[str, object]] = {
    "reprioritise_generation": {"priority": "high"},
    "reprioritise_person": {"priority": "low"},
    "redrive_dead_letters": {"queue": "image-jobs"},
    "discard_dead_letters": {"queue": "image-jobs", "letters": [str(UNKNOWN_ID)]},
}


def routes(desk: Desk) -> list[APIRoute]:
    found = [route for route in desk.edge.owner.router.routes if isinstance(route, APIRoute)]
    assert found
    return found


def address(route: APIRoute) -> str:
    names = ("person_id", "generation_id", "picture_id", "report_id", "word_id", "hash_id")
    return route.path.removeprefix(PREFIX).format(style_id="none-such", **dict.fromkeys(names, UNKNOWN_ID))


class TestRoles:
    async def test_decide_about_every_route_with_every_method(self, desk: Desk) -> None:
        paths = {address(route) for route in routes(desk)}
        operations = {
            (address(route), method): route.operation_id for route in routes(desk) for method in route.methods or ()
        }
        for roles in ROLE_SETS:
            async with desk.operator(*roles) as operator:
                for path in paths:
                    for method in METHODS:
                        operation = operations.get((path, method))
                        body = {"reason": "a test", **FIELDS.get(operation or "", {})}
                        answer = await operator.request(method, path, json=body)
                        seen = (roles, method, path, answer.status_code)
                        if operation is None:
                            assert answer.status_code == 405, seen
                        elif EXPECTED[operation] & set(roles):
                            # The id is not known, the state is so already, or the body lacks a field: only operators
                            # who may do it learn that.
                            assert answer.status_code in (200, 204, 404, 409, 422), seen
                        else:
                            assert (answer.status_code, answer.json()["code"]) == (403, "role_missing"), seen

    async def test_cover_the_whole_table_and_nothing_else(self, desk: Desk) -> None:
        assert {route.operation_id for route in routes(desk)} == set(Operation) == set(ALLOWED) == set(EXPECTED)

    async def test_are_needed_by_a_route_before_it_can_be_made(self) -> None:
        with pytest.raises(ValueError, match="delete_everybody"):

            @router("People").delete("/people")
            async def route_delete_everybody() -> Response:
                return Response()

    async def test_are_told_with_what_they_may_do(self, desk: Desk) -> None:
        async with desk.operator("viewer") as viewer:
            shown = (await viewer.get("/me")).json()
        assert (shown["email"], shown["roles"]) == (EMAIL, ["viewer"])
        assert shown["operations"] == [
            "find_people",
            "get_operator",
            "get_person",
            "get_queue",
            "list_own_acts",
            "list_style_presets",
        ]


class TestTokens:
    async def test_are_asked_for_by_every_route(self, desk: Desk) -> None:
        wrong = [None, "", "x", desk.pool.token("admin", token_use="id"), desk.pool.token("admin", client_id="members")]
        for token in wrong:
            async with desk.client(token) as stranger:
                for route in routes(desk):
                    for method in route.methods or ():
                        answer = await stranger.request(method, address(route), json={"reason": "a test"})
                        assert (answer.status_code, answer.json()["code"]) == (401, "operator_token_rejected")
                        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_of_the_mobile_api_open_nothing(self, desk: Desk) -> None:
        device = SignedInDevice(UNKNOWN_ID, UNKNOWN_ID, UserKind.MEMBER, new=False, session_id=UNKNOWN_ID)
        tokens = AccessTokens(signing_keys(), issuer="https://pictures.example.jp", lifetime_seconds=3600)
        async with desk.client(
            tokens.issue(device, key_thumbprint="x" * 43, now=desk.edge.owner.state.backend.now())
        ) as phone:
            assert (await phone.get("/me")).status_code == 401

    async def test_that_cannot_be_checked_are_not_refused_for_good(self, desk: Desk) -> None:
        desk.pool.answers = False
        async with desk.operator("admin") as operator:
            answer = await operator.get("/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "operator_keys_away")
        assert answer.headers["retry-after"]


class TestAddresses:
    @pytest.mark.parametrize(
        "somewhere",
        [
            "198.51.100.1",
            "203.0.113.7, 198.51.100.1",
            "2001:db9::1",
            "",
            "203.0.113.7.evil",
            "localhost",
            "::ffff:198.51.100.1",
        ],
    )
    async def test_elsewhere_are_refused_whatever_they_bring(self, desk: Desk, somewhere: str) -> None:
        async with desk.client(desk.pool.token("admin"), address=somewhere) as outsider:
            for path in ("/me", "/people", "/docs", "/openapi.json", "/nothing"):
                answer = await outsider.get(path)
                assert (answer.status_code, answer.json()["code"]) == (403, "address_not_allowed")

    @pytest.mark.parametrize(
        "somewhere", ["203.0.113.1", "198.51.100.1, 203.0.113.1", "2001:db8::1", "::ffff:203.0.113.9"]
    )
    async def test_within_are_let_in_by_the_last_hop(self, desk: Desk, somewhere: str) -> None:
        async with desk.client(desk.pool.token("viewer"), address=somewhere) as operator:
            assert (await operator.get("/me")).status_code == 200

    async def test_do_not_help_beside_the_front_door(self, desk: Desk) -> None:
        async with desk.client(desk.pool.token("admin"), origin="guessed") as direct:
            assert (await direct.get("/me")).json()["code"] == "origin_not_verified"

    async def test_of_load_balancers_may_ask_whether_it_lives(self, desk: Desk) -> None:
        async with desk.client(None, address="", origin="") as balancer:
            assert (await balancer.get("https://pictures.example.jp/healthz")).status_code == 200


class TestDocumentation:
    async def test_describes_every_operation_with_examples(self, desk: Desk) -> None:
        async with desk.client(None) as reader:
            page, document = await reader.get("/docs"), (await reader.get("/openapi.json")).json()
        assert f'data-openapi="{PREFIX}/openapi.json"' in page.text
        described = [operation for path in document["paths"].values() for operation in path.values()]
        assert {operation["operationId"] for operation in described} == set(Operation)
        assert all(operation["security"] == [{"access_token": []}] for operation in described)
        for operation in described:
            bodies = [operation.get("requestBody"), operation["responses"].get("200")]
            for shape in (found["content"]["application/json"]["schema"] for found in bodies if found):
                name = shape["$ref"].rpartition("/")[2]
                assert document["components"]["schemas"][name]["examples"], name
        assert "HTTPValidationError" not in json.dumps(document)
