"""What is known of a painter before anything is asked of it, at a server that is not the studio."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from images_api import ImagesApi
from tatemono.adapters.model_registry import read_registry
from tatemono_tools.laptop.painter import painter as painter_module
from tatemono_tools.laptop.painter.painter import Painter, PainterRefused
from tatemono_tools.laptop.painter.preflight import Findings, Preflight

KEY = "sk-proj-right"
TODAY = date(2026, 12, 1)
VERIFY = {
    "type": "invalid_request_error",
    "code": None,
    "param": None,
    "message": "Your organization must be verified to use the model `gpt-image-2`. Please go to: https://…",
}
QUOTA = {"type": "insufficient_quota", "code": "insufficient_quota", "param": None, "message": "You exceeded …"}
BUSY = {"type": "server_error", "code": "server_error", "param": None, "message": "Try again."}
RIGHTS = {
    "type": "invalid_request_error",
    "code": "missing_scope",
    "param": None,
    "message": "You have insufficient permissions for this operation. Missing scopes: api.model.images.request.",
}


def preflight(painter: Painter, key: str = KEY) -> Preflight:
    return Preflight(
        painter=replace(painter, model="gpt-image-2", budget_dollars="2"),
        key=key,
        registry=read_registry(),
        moderation_model="omni-moderation-latest",
        today=TODAY,
    )


def said(findings: Findings) -> dict[str, list[str]]:
    return {mark: [text for of, text in findings.lines if of == mark] for mark in ("good", "notice", "unknown")}


def about(found: list[str], words: str) -> str:
    (line,) = [line for line in found if re.search(words, line)]
    return line


class TestOpenAI:
    @pytest.fixture(autouse=True)
    def openai(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(painter_module, "_OPENAI_URL", url)

    async def test_is_good_as_far_as_can_be_known_without_paying(self, api: ImagesApi) -> None:
        findings = await preflight(Painter(place="openai")).run(trial=False)
        found = said(findings)
        assert about(found["good"], "takes the key")
        assert about(found["good"], "gpt-image-2 is listed")
        assert about(found["good"], "may ask for pictures")
        assert about(found["good"], "OpenAI judges")
        # 272, 1,756 and 7,024 tokens at 30 dollars a million, 100 for each partial picture, and some text.
        assert about(found["good"], "low 0.011 USD, medium 0.059 USD, high 0.220 USD")
        assert "2 USD" in about(found["notice"], "in a day")
        assert "verified and has credit" in about(found["unknown"], "not checked")
        assert findings.judges
        # Nothing was painted.
        assert [body["size"] for path, body in api.asked if path.endswith("generations")] == ["1x1"]

    async def test_paints_one_picture_on_trial_and_says_what_it_cost(self, api: ImagesApi) -> None:
        found = said(await preflight(Painter(place="openai")).run(trial=True))
        # 196 tokens at 30 dollars a million, 12 at 5.
        assert "about 0.006 USD" in about(found["good"], "a picture came")
        assert found["unknown"] == []
        assert api.asked[-1][1]["quality"] == "low"

    @pytest.mark.parametrize(
        ("change", "trial", "reason"),
        [
            ({"key": "sk-proj-other"}, False, r"does not take the key: .*\(401 invalid_api_key\)"),
            ({"models": {"gpt-5": None}}, False, "does not list gpt-image-2 for this key; it lists: gpt-5"),
            ({"models": None}, False, "asked for its models"),
            ({"refuses": {"/v1/images/generations": (403, RIGHTS)}}, False, "does not let this key in"),
            ({"refuses": {"/v1/images/generations": (403, VERIFY)}}, True, "wants the organization verified first"),
            ({"refuses": {"/v1/images/generations": (429, QUOTA)}}, True, "no credit"),
            ({"refuses": {"/v1/moderations": (401, RIGHTS)}}, False, "asked to judge a prompt"),
            ({"moderates": False}, False, "asked to judge a prompt"),
            ({"refuses": {"/v1/models": (500, BUSY)}}, False, "does not answer as it should"),
        ],
    )
    async def test_is_refused_with_what_is_to_be_done(
        self, api: ImagesApi, change: dict[str, Any], trial: bool, reason: str
    ) -> None:
        vars(api).update(change)
        with pytest.raises(PainterRefused, match=reason) as refused:
            await preflight(Painter(place="openai")).run(trial=trial)
        # OpenAI quotes a part of the key.
        assert KEY[:8] not in str(refused.value)

    async def test_does_not_take_being_busy_for_a_fault_of_the_key(self, api: ImagesApi) -> None:
        api.refuses["/v1/images/generations"] = (503, BUSY)
        found = said(await preflight(Painter(place="openai")).run(trial=False))
        assert about(found["unknown"], "whether the key may ask for pictures is not known")

    async def test_says_when_the_model_ends(self, api: ImagesApi) -> None:
        api.models = {"gpt-image-2": "2027-03-01"}
        found = said(await preflight(Painter(place="openai")).run(trial=False))
        assert about(found["notice"], "ends on 2027-03-01")


class TestAnotherServer:
    async def test_judges_itself_if_it_can(self, url: str) -> None:
        findings = await preflight(Painter(place=url)).run(trial=False)
        found = said(findings)
        assert findings.judges
        assert about(found["good"], "the same server judges")
        assert about(found["notice"], "what it charges is not known")
        assert about(found["unknown"], "whether it paints")

    async def test_without_moderation_is_said_to_be_without(self, api: ImagesApi, url: str) -> None:
        api.moderates = False
        findings = await preflight(Painter(place=url)).run(trial=False)
        assert not findings.judges
        assert "no moderation" in about(said(findings)["notice"], "blocked words")

    async def test_whose_moderation_is_busy_is_not_taken_for_one_without(self, api: ImagesApi, url: str) -> None:
        api.refuses["/v1/moderations"] = (503, BUSY)
        with pytest.raises(PainterRefused, match="judge"):
            await preflight(Painter(place=url)).run(trial=False)

    async def test_that_had_moderation_and_has_none_now_is_refused(self, api: ImagesApi, url: str) -> None:
        api.moderates = False
        with pytest.raises(PainterRefused, match="had a moderation and has none now"):
            await preflight(Painter(place=url, judges=True)).run_again()
        await preflight(Painter(place=url, judges=False)).run_again()

    async def test_needs_no_list_of_models_and_no_key(self, api: ImagesApi, url: str) -> None:
        api.key, api.models = "", None
        found = said(await preflight(Painter(place=url, keyless=True), key="no-key").run(trial=True))
        assert about(found["unknown"], "does not list its models")
        assert about(found["good"], "a picture came")
        # It may take any size, and paint it.
        assert "1x1" not in [body.get("size") for _, body in api.asked]

    async def test_has_its_own_name_for_the_model(self, api: ImagesApi, url: str) -> None:
        api.models = {"stablediffusion": None}
        with pytest.raises(PainterRefused, match="does not list gpt-image-2 for this key; it lists: stablediffusion"):
            await preflight(Painter(place=url)).run(trial=False)
        await preflight(Painter(place=url, called="stablediffusion")).run(trial=True)
        assert api.asked[-1][1]["model"] == "stablediffusion"

    async def test_that_wants_a_key_says_so(self, url: str) -> None:
        with pytest.raises(PainterRefused, match="wants a key: put it into TATEMONO_PAINTER_KEY"):
            await preflight(Painter(place=url, keyless=True), key="no-key").run(trial=False)

    async def test_that_is_away_is_refused(self) -> None:
        with pytest.raises(PainterRefused, match=r"127.0.0.1:1/v1 does not answer \(ConnectError\)"):
            await preflight(Painter(place="http://127.0.0.1:1/v1")).run(trial=False)
