"""The OpenAPI document, the page that shows it, and whether the service keeps its promises for any request."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import BaseModel
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from phone import ORIGIN, Phone
from tatemono.domain.generations.attempts import _FINAL, _GAVE_UP_CODE, CANCELLED, PAINTER_OUT_OF_ORDER
from tatemono.entrypoints.http import openapi
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api import openapi as mobile_openapi
from tatemono.entrypoints.mobile_api.generations.failure_texts import FAILURES

pytest_plugins = ["mobile_api"]

ASSETS = Path(openapi.__file__).parent / "docs_assets"
#: Those that ask Cognito are held to the document where there is one (test_mobile_api_members.py).
MEMBERS_OPERATIONS = {
    # … and this one asks S3 (test_mobile_api_references.py).
    "prepare_reference",
    "register_member",
    "resend_code",
    "confirm_member",
    "sign_in_member",
    "forgot_password",
    "reset_password",
    "change_password",
    "change_email",
    "confirm_email",
    "set_up_totp",
    "confirm_totp",
    "remove_totp",
}
OPERATIONS = {
    "report_picture",
    "report_from_outside",
    "list_report_reasons",
    "refresh_session",
    "sign_out",
    "sign_out_everywhere",
    "list_devices",
    "revoke_device",
    "list_security_events",
    "issue_transfer_code",
    "redeem_transfer_code",
    "preview_merge",
    "confirm_merge",
    "undo_merge",
    "list_merges",
    "sign_in_device",
    "submit_generation",
    "quote_generation",
    "complete_reference",
    "get_generation",
    "list_generations",
    "watch_generation",
    "cancel_generation",
    "list_pictures",
    "delete_picture",
    "get_me",
    "list_styles",
    "check_health",
    "ask_to_unsubscribe",
    "unsubscribe",
    "request_deletion",
    "undo_deletion",
    "get_deletion_receipt",
    "request_export",
    "get_export",
}
#: They need no token.
OPEN = {
    "report_from_outside",
    "list_report_reasons",
    "check_health",
    "ask_to_unsubscribe",
    "unsubscribe",
    "get_deletion_receipt",
}


_DOCUMENTS: list[dict[str, Any]] = []


@pytest.fixture
def document(edge: HttpEdge) -> dict[str, Any]:
    # The same for every edge, and the work of a fifth of a second.
    if not _DOCUMENTS:
        _DOCUMENTS.append(mobile_openapi.openapi(edge.owner))
    return _DOCUMENTS[0]


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def below(model: type[BaseModel]) -> list[type[BaseModel]]:
    """All the models that are defined, wherever."""
    return [each for sub in model.__subclasses__() for each in (sub, *below(sub))]


class TestOpenApi:
    async def test_is_served_and_is_3_1(self, new_phone: Callable[[], Phone], document: dict[str, Any]) -> None:
        response = await new_phone().client.get("/v1/api/openapi.json")
        assert response.json() == json.loads(json.dumps(document))
        assert document["openapi"] == "3.1.0"

    def test_names_each_operation_as_its_use_case(self, document: dict[str, Any]) -> None:
        assert set(operations(document)) == OPERATIONS | MEMBERS_OPERATIONS

    def test_has_an_example_for_each_body_that_fits_its_schema(self, document: dict[str, Any]) -> None:
        models = {model.__name__: model for model in below(BaseModel)}
        for name, operation in operations(document).items():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for answer in [*bodies, *operation["responses"].values()]:
                for media_type, content in answer.get("content", {}).items():
                    if media_type in {"text/event-stream", "text/html"}:
                        assert content["example"]
                        continue
                    model = content["schema"]["$ref"].rpartition("/")[2]
                    examples = document["components"]["schemas"][model]["examples"]
                    assert examples, f"{name} {model}"
                    for example in examples:
                        models[model].model_validate_json(json.dumps(example))

    def test_documents_the_problems_of_each_operation(self, document: dict[str, Any]) -> None:
        for operation in operations(document).values():
            refused = {status for status in operation["responses"] if status.startswith("4")}
            assert {"403", "422"} <= refused
            assert ("401" in refused) == (operation["operationId"] not in OPEN)

    def test_points_nowhere_in_vain(self, document: dict[str, Any]) -> None:
        text = json.dumps(document)
        for reference in {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}:
            assert reference in document["components"]["schemas"]
        assert "HTTPValidationError" not in text

    def test_fails_for_reasons_that_all_have_texts(self) -> None:
        codes = {verdict.failure_code for verdict in _FINAL.values()} | set(_GAVE_UP_CODE.values())
        assert codes | {CANCELLED.failure_code, PAINTER_OUT_OF_ORDER.failure_code} == set(FAILURES)


class TestDocsPage:
    async def test_needs_nothing_from_elsewhere(self, new_phone: Callable[[], Phone]) -> None:
        client = new_phone().client
        page = await client.get("/v1/api/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        for part in page.text.split('="/v1/api/docs/')[1:]:
            asset = await client.get("/v1/api/docs/" + part.split('"')[0])
            assert asset.status_code == 200
            assert asset.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")

    def test_is_made_of_the_files_of_its_manifest(self) -> None:
        manifest = json.loads((ASSETS / "manifest.json").read_text())
        assert (manifest["name"], manifest["licence"]) == ("swagger-ui-dist", "Apache-2.0")
        for entry in manifest["files"]:
            assert hashlib.sha256((ASSETS / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        ours = {"manifest.json", "start.js"}
        assert {file.name for file in ASSETS.iterdir()} == ours | {entry["file"] for entry in manifest["files"]}


#: So many calls of each operation: a few seconds for all.
CALLS = 25
_QUICK = settings(
    max_examples=CALLS,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class TestWhateverIsSent:
    @pytest.mark.parametrize("operation_id", sorted(OPERATIONS))
    async def test_gets_an_answer_of_the_document(
        self, phone: Phone, document: dict[str, Any], operation_id: str
    ) -> None:
        """Good and bad requests alike, drawn from the document: never a 5xx, never an answer it does not describe."""
        operation = schemathesis.openapi.from_dict(document).find_operation_by_id(operation_id)
        cases = _draw(operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        with suppress(Unsatisfiable):  # where nothing can be said, nothing can be said wrongly
            cases += _draw(operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
        assert cases
        for case in cases:
            await _hold_to_document(phone, case)

    async def test_as_raw_bytes_gets_a_refusal(self, phone: Phone) -> None:
        bodies: list[bytes] = _draw(st.binary(max_size=200) | st.text().map(lambda text: json.dumps(text).encode()))
        for body in bodies:
            response = await phone.client.post(
                "/v1/api/generations",
                content=body,
                headers={"content-type": "application/json", "idempotency-key": "k"},
            )
            assert 400 <= response.status_code < 500

    async def test_as_json_of_any_shape_gets_a_refusal(self, phone: Phone) -> None:
        scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
        anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
        fields = ("prompt", "style", "size", "quality", "n", "background", "output_format")
        for body in _draw(st.fixed_dictionaries({"prompt": scalars}, optional=dict.fromkeys(fields[1:], anything))):
            response = await phone.client.post(
                "/v1/api/generations",
                content=json.dumps(body),
                headers={"content-type": "application/json", "idempotency-key": "k"},
            )
            assert response.status_code < 500, body


def _draw(strategy: st.SearchStrategy[Any]) -> list[Any]:
    drawn: list[Any] = []

    @_QUICK
    @given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    collect()
    return drawn


async def _hold_to_document(phone: Phone, case: Any) -> None:
    arguments = case.as_transport_kwargs(base_url=str(phone.client.base_url))
    headers = {name: value for name, value in arguments["headers"].items() if name.lower() != "authorization"}
    content = {name: arguments[name] for name in ("json", "data", "files") if arguments.get(name) is not None}
    if isinstance(content.get("data"), bytes | str):
        content["content"] = content.pop("data")
    try:
        response = await phone.client.request(
            arguments["method"],
            arguments["url"],
            params=arguments.get("params"),
            headers={**ORIGIN, **headers},
            cookies=None,
            **content,
        )
    except (httpx2.InvalidURL, UnicodeEncodeError, ValueError):
        return  # No client can send that.
    assert response.status_code != 500, response.text
    if response.status_code not in (404, 405):
        # A path that the drawn values have changed belongs to no operation, and the router answers.
        case.validate_response(response, checks=[content_type_conformance, response_schema_conformance])
