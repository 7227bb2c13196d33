"""Which painter is taken, and whose key goes where."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from images_api import ImagesApi
from tatemono.adapters.model_registry import read_registry
from tatemono_tools.laptop.painter import painter as painter_module
from tatemono_tools.laptop.painter.choice import Chooser, ChosenPainter, PainterOptions
from tatemono_tools.laptop.painter.painter import Painter, PainterRefused, WrongPainter, is_open_to_listeners, place_of
from tatemono_tools.laptop.painter.preflight import price_is_known
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.laptop.secret_values import OFFLINE_API_KEY
from tatemono_tools.plan.building import read_plan

PLAN = read_plan()
KEY = "sk-proj-right"


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "building")
    made.prepare()
    return made


@pytest.fixture
def url(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's. By another name of its host it is OpenAI."""
    monkeypatch.setattr(painter_module, "_OPENAI_URL", url.replace("127.0.0.1", "localhost"))
    return url


@pytest.fixture
def choose(state: StateFolder) -> Callable[..., tuple[ChosenPainter, str]]:
    def run(*, environment: dict[str, str] | None = None, ask: Any = None, **options: Any) -> tuple[ChosenPainter, str]:
        console = Console(file=io.StringIO(), width=200)
        chooser = Chooser(plan=PLAN, state=state, console=console, ask=ask, environment=environment or {})
        chosen = chooser.choose(PainterOptions(**options))
        assert isinstance(console.file, io.StringIO)
        return chosen, console.file.getvalue()

    return run


Choose = Callable[..., tuple[ChosenPainter, str]]


class TestStudio:
    def test_paints_unless_the_person_says_otherwise(self, choose: Choose) -> None:
        chosen, said = choose()
        assert chosen.painter.is_studio
        assert chosen.secrets() == {"openai-api-key": OFFLINE_API_KEY}
        assert chosen.painter.parameters() == {}
        assert said == ""

    def test_says_in_one_line_that_a_key_is_not_used(self, choose: Choose) -> None:
        _, said = choose(environment={"OPENAI_API_KEY": KEY})
        (line,) = said.splitlines()
        assert "OPENAI_API_KEY is set and not used: the studio" in line
        assert "up --painter openai" in line
        assert KEY not in said

    @pytest.mark.parametrize("options", [{"model": "x"}, {"budget_dollars": "1"}, {"ask_key": True}, {"trial": True}])
    def test_takes_no_option_of_the_others(self, choose: Choose, options: dict[str, Any]) -> None:
        with pytest.raises(WrongPainter):
            choose(**options)


class TestOpenAI:
    def test_takes_the_key_of_the_environment(self, choose: Choose, state: StateFolder, url: str) -> None:
        chosen, said = choose(painter="openai", environment={"OPENAI_API_KEY": KEY})
        assert chosen.secrets() == {"openai-api-key": KEY}
        assert chosen.painter.parameters()["environment-day-budget-dollars"] == "2"
        assert chosen.painter.parameters()["user-day-budget-dollars"] == "2"
        assert "moderation-model" not in chosen.painter.parameters()
        assert "not checked: whether the organization is verified" in said
        assert KEY not in said
        assert KEY not in repr(chosen)
        assert all(KEY not in file.read_text() for file in state.path.rglob("*") if file.is_file())

    def test_asks_for_the_key_where_there_is_none(self, choose: Choose, url: str) -> None:
        chosen, _ = choose(painter="openai", ask=lambda _: f" {KEY}\n")
        assert chosen.secrets() == {"openai-api-key": KEY}

    def test_needs_a_key(self, choose: Choose, url: str) -> None:
        with pytest.raises(PainterRefused, match="OPENAI_API_KEY"):
            choose(painter="openai")

    @pytest.mark.parametrize("typed", ["", "  ", "sk proj", "sk-\nproj", "sk-鍵"])
    def test_takes_no_key_that_is_none(self, choose: Choose, url: str, typed: str) -> None:
        with pytest.raises(PainterRefused, match="that is no key"):
            choose(painter="openai", ask=lambda _: typed)

    def test_is_not_remembered_when_it_was_refused(self, choose: Choose, state: StateFolder, url: str) -> None:
        with pytest.raises(PainterRefused):
            choose(painter="openai", environment={"OPENAI_API_KEY": "sk-proj-wrong"})
        assert Painter.read(state).is_studio

    async def test_is_remembered_and_its_key_is_the_one_that_is_kept(
        self, state: StateFolder, api: ImagesApi, url: str
    ) -> None:
        painter = Painter(place="openai", model="gpt-image-2", budget_dollars="3.50").with_key(KEY)
        painter.remember(state)
        assert Painter.read(state) == painter
        chooser = Chooser(plan=PLAN, state=state, console=Console(file=io.StringIO()), ask=None, environment={})
        chosen = chooser.choose(PainterOptions())
        assert chosen.secrets() == {}
        assert chosen.painter.budget_dollars == "3.50"
        assert api.asked == []
        await chosen.check(KEY)
        assert "/v1/models" in [path for path, _ in api.asked]

    async def test_gets_no_key_but_its_own(self, state: StateFolder, api: ImagesApi, url: str) -> None:
        """The cloud may have lost its last second, in which another painter's key was replaced."""
        Painter(place="openai", model="gpt-image-2", budget_dollars="2").with_key(KEY).remember(state)
        chooser = Chooser(plan=PLAN, state=state, console=Console(file=io.StringIO()), ask=None, environment={})
        with pytest.raises(PainterRefused, match="its key is lost"):
            await chooser.choose(PainterOptions()).check("the key of another server")
        assert api.asked == []

    def test_has_no_model_whose_price_is_unknown(self, choose: Choose, url: str) -> None:
        with pytest.raises(PainterRefused, match="no price of gpt-image-9 is known"):
            choose(painter="openai", model="gpt-image-9", environment={"OPENAI_API_KEY": KEY})
        assert price_is_known(read_registry(), "gpt-image-2", date(2026, 11, 30)) is None
        assert "price" in str(price_is_known(read_registry(), "gpt-image-1.5", date(2026, 11, 30)))


class TestAnotherServer:
    def test_never_gets_openais_key_by_itself(self, choose: Choose, api: ImagesApi, url: str) -> None:
        api.key = ""
        chosen, said = choose(painter=url, environment={"OPENAI_API_KEY": KEY})
        assert chosen.secrets() == {"openai-api-key": "no-key"}
        assert chosen.painter.keyless
        assert "OPENAI_API_KEY is set and not used" in said

    def test_takes_a_key_of_its_own(self, choose: Choose, url: str) -> None:
        chosen, _ = choose(painter=url, environment={"TATEMONO_PAINTER_KEY": KEY})
        assert chosen.secrets() == {"openai-api-key": KEY}
        assert not chosen.painter.keyless

    def test_gets_no_key_of_the_painter_before(self, choose: Choose, api: ImagesApi, url: str) -> None:
        choose(painter="openai", environment={"OPENAI_API_KEY": KEY})
        api.key = ""
        chosen, _ = choose(painter=url)
        assert chosen.secrets() == {"openai-api-key": "no-key"}
        back, _ = choose(painter="studio")
        assert back.secrets() == {"openai-api-key": OFFLINE_API_KEY}

    def test_has_a_name_of_its_own_for_the_model(self, choose: Choose, api: ImagesApi, url: str) -> None:
        api.models = {"stablediffusion": None}
        chosen, _ = choose(painter=url, model="stablediffusion", environment={"TATEMONO_PAINTER_KEY": KEY})
        parameters = chosen.painter.parameters()
        assert (parameters["image-model"], parameters["painter-models"]) == (
            "gpt-image-2",
            '{"gpt-image-2": "stablediffusion"}',
        )
        again, _ = choose(budget_dollars="5", environment={"TATEMONO_PAINTER_KEY": KEY})
        assert again.painter.parameters() == parameters | {
            "environment-day-budget-dollars": "5",
            "user-day-budget-dollars": "5",
        }

    def test_without_moderation_switches_it_off(self, choose: Choose, api: ImagesApi, url: str) -> None:
        api.moderates = False
        chosen, _ = choose(painter=url, environment={"TATEMONO_PAINTER_KEY": KEY})
        assert chosen.painter.parameters()["moderation-model"] == "off"
        assert "blocked words" in chosen.painter.said


class TestPlaceOf:
    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ("studio", "studio"),
            ("openai", "openai"),
            ("https://api.openai.com/v1/", "openai"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
            ("https://gateway.example.jp/openai/v1/", "https://gateway.example.jp/openai/v1"),
        ],
    )
    def test_is_what_the_adapters_take(self, text: str, place: str) -> None:
        assert place_of(text) == place

    @pytest.mark.parametrize(
        "text",
        [
            *("", "OpenAI!", "ftp://example.jp/v1", "https://", "http://[", "example.jp/v1"),
            *("https://user:secret@example.jp/v1", "https://example.jp/v1?key=secret", "https://example.jp/v1#x"),
        ],
    )
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(WrongPainter) as refused:
            place_of(text)
        assert "secret" not in str(refused.value)

    @pytest.mark.parametrize(
        ("url", "open_"),
        [
            ("http://127.0.0.1:8080/v1", False),
            ("http://[::1]:8080/v1", False),
            ("http://localhost/v1", False),
            ("https://gateway.example.jp/v1", False),
            ("http://192.168.1.5:8080/v1", True),
            ("http://gateway.example.jp/v1", True),
        ],
    )
    def test_that_is_not_encrypted_is_known(self, url: str, open_: bool) -> None:
        assert is_open_to_listeners(url) is open_


class TestPainter:
    @pytest.mark.parametrize("content", ["{", "[]", '{"place": "openai"}', '{"place": 1}'])
    def test_of_a_damaged_file_is_the_studio(self, state: StateFolder, content: str) -> None:
        (state.path / "painter.json").write_text(content)
        assert Painter.read(state) == Painter()

    def test_of_a_file_with_a_wrong_value_is_the_studio(self, state: StateFolder) -> None:
        Painter(place="openai").remember(state)
        file = state.path / "painter.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"judges": "yes"}))
        assert Painter.read(state) == Painter()

    def test_knows_its_key_and_tells_nothing_of_it(self) -> None:
        painter = Painter(place="openai").with_key(KEY)
        assert painter.has_key(KEY)
        assert not painter.has_key("sk-proj-wrong")
        assert not Painter(place="openai").has_key("")
        assert painter.with_key(KEY).key_digest != painter.key_digest
        assert painter.key_digest not in repr(replace(painter, model="x"))
