"""The registry of models: what each takes and costs, and what follows it."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.adapters.model_registry import MODELS_FILE, WrongRegistry, read_registry
from tatemono.domain.errors import Invalid
from tatemono.domain.generations.generation import Background, PictureRequest, Quality, Size
from tatemono.domain.generations.image_models import PaintingUnavailable, Prices, Registry
from tatemono.domain.generations.painting import PainterUsage

REGISTRY = read_registry()
TODAY = date(2026, 11, 25)
PAINTER = REGISTRY.models["gpt-image-2"]
FOX = PictureRequest(prompt="A fox")


class TestRegistry:
    @pytest.mark.parametrize(
        ("model", "today", "follows"),
        [
            ("gpt-image-1", date(2026, 10, 22), "gpt-image-1"),
            ("gpt-image-1", date(2026, 10, 23), "gpt-image-2.6-sunburst"),
            ("gpt-image-1-mini", date(2026, 11, 30), "gpt-image-1-mini"),
            ("gpt-image-1-mini", date(2026, 12, 1), "gpt-image-2.6-flare"),
            ("gpt-image-2", date(2030, 1, 1), "gpt-image-2"),
        ],
    )
    def test_sends_requests_to_the_successor_from_the_day_a_model_ends(
        self, model: str, today: date, follows: str
    ) -> None:
        assert REGISTRY.at(model, today).id == follows

    def test_follows_a_chain_and_refuses_a_circle(self) -> None:
        over = date(2020, 1, 1)
        chain = {
            "a": replace(PAINTER, id="a", shutdown=over, successor="b"),
            "b": replace(PAINTER, id="b", shutdown=over, successor="c"),
            "c": replace(PAINTER, id="c", shutdown=None, successor=None),
        }
        assert Registry(chain).at("a", TODAY).id == "c"
        circle = chain | {"c": replace(PAINTER, id="c", shutdown=over, successor="a")}
        with pytest.raises(PaintingUnavailable) as refusal:
            Registry(circle).at("a", TODAY)
        assert refusal.value.reason == "the successors go round: a → b → c → a"

    @pytest.mark.parametrize("model", ["none-such", "ended"])
    def test_names_what_stops_everything(self, model: str) -> None:
        ended = replace(PAINTER, id="ended", shutdown=TODAY, successor=None)
        with pytest.raises(PaintingUnavailable) as refusal:
            Registry({"ended": ended}).at(model, TODAY)
        assert model in refusal.value.reason

    def test_knows_a_price_of_the_model_of_the_plan(self) -> None:
        assert PAINTER.cost(FOX, TODAY).expected == 58_775


class TestExamine:
    def test_finds_nothing_failing_with_a_model_that_goes_on(self) -> None:
        assert not any(finding.failing for finding in REGISTRY.examine("gpt-image-2", TODAY))

    @pytest.mark.parametrize(("days", "failing"), [(61, False), (60, True), (1, True)])
    def test_fails_sixty_days_ahead(self, days: int, failing: bool) -> None:
        ending = replace(PAINTER, shutdown=TODAY + timedelta(days=days))
        findings = Registry({ending.id: ending}).examine(ending.id, TODAY)
        assert any(finding.failing for finding in findings) == failing

    def test_believes_the_painter_when_it_names_an_earlier_end(self) -> None:
        announced = {"gpt-image-2": TODAY + timedelta(days=30)}
        texts = [finding.text for finding in REGISTRY.examine("gpt-image-2", TODAY, announced) if finding.failing]
        assert len(texts) == 2
        assert "the registry says None" in texts[0]
        assert "in 30 days" in texts[1]

    def test_fails_when_the_painter_does_not_list_the_model(self) -> None:
        (finding,) = (each for each in REGISTRY.examine("gpt-image-2", TODAY, {}) if each.failing)
        assert "does not list" in finding.text

    def test_fails_when_a_price_is_unknown(self) -> None:
        assert any("unknown" in finding.text for finding in REGISTRY.examine("gpt-image-1.5", TODAY) if finding.failing)


class TestCheck:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"size": Size("1024x1040")}, "size_not_taken"),
            ({"seed": 1}, "seed_not_taken"),
            ({"background": Background.TRANSPARENT}, "background_not_taken"),
            ({"quality": Quality.HIGH}, "quality_not_taken"),
            ({"n": 3}, "too_many_pictures"),
            ({"reference_id": UUID(int=1)}, "reference_not_taken"),
        ],
    )
    def test_names_what_is_not_taken_and_what_is(self, changes: dict[str, object], code: str) -> None:
        model = replace(
            PAINTER, backgrounds=(Background.AUTO,), qualities={Quality.LOW: "low"}, max_pictures=2, edits=False
        )
        with pytest.raises(Invalid) as refusal:
            model.check(replace(FOX, **({"quality": Quality.LOW} | changes)))  # type: ignore[arg-type]
        assert refusal.value.code == code
        for taken in ("1024x1536",) if code == "size_not_taken" else ():
            assert taken in refusal.value.text("ja")


class TestMoney:
    def test_takes_the_prices_of_the_day(self) -> None:
        model = replace(PAINTER, prices=(Prices(date(2026, 1, 1), 0, 0, 1000), Prices(date(2026, 6, 1), 0, 0, 2000)))
        usage = PainterUsage(0, 0, 500)
        assert [model.micros(usage, day) for day in (date(2026, 5, 31), date(2026, 6, 1))] == [500, 1000]
        with pytest.raises(PaintingUnavailable):
            model.micros(usage, date(2025, 12, 31))

    @given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
    def test_rounds_up_and_stays_whole(self, text: int, image: int, output: int) -> None:
        micros = PAINTER.micros(PainterUsage(text, image, output), TODAY)
        exact = text * 5 + image * 8 + output * 30
        assert micros == exact

    @given(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip),
        st.sampled_from(Quality),
        st.integers(1, 4),
    )
    def test_sets_aside_more_than_any_answer_costs(self, prompt: str, quality: Quality, n: int) -> None:
        request = PictureRequest(prompt=prompt, quality=quality, n=n)
        most = PAINTER.most_tokens(request)
        assert most.input_text_tokens >= len(prompt)
        assert most.output_tokens >= n * PAINTER.output_tokens[quality]


class TestTranslate:
    def test_puts_negative_words_into_the_prompt_where_there_is_no_field(self) -> None:
        request = replace(FOX, negative_prompt="snow")
        asked = PAINTER.translate(request, "A fox\nink", safety_identifier="h", client_request_id="c")
        assert (asked.prompt, asked.extra) == ("A fox\nink\nDo not show: snow", {})

    def test_sends_what_a_model_has_fields_for(self) -> None:
        model = replace(PAINTER, seed=True, negative_prompt=True, extra={"complexity": "low"})
        request = replace(FOX, negative_prompt="snow", seed=7)
        asked = model.translate(request, "A fox", safety_identifier="h", client_request_id="c")
        assert (asked.prompt, asked.extra) == (
            "A fox",
            {"complexity": "low", "negative_prompt": "snow", "seed": 7},
        )


class TestFile:
    @pytest.mark.parametrize(
        ("wrong", "right", "complaint"),
        [
            ("successor: gpt-image-2.6-flare", "successor: gpt-9", "no model is called gpt-9"),
            ('image_output: "40"', 'image_output: "a lot"', "image_output"),
            ('image_output: "40"', 'image_output: "0.0001"', "at most three decimals"),
            ("released: 2025-04-23", "relased: 2025-04-23", "relased: Extra inputs"),
            ("shutdown: 2026-10-23", "shutdown: soon", "shutdown"),
            ("medium: 1056, high: 4160", "medium: 1056", "says nothing about high"),
        ],
    )
    def test_is_refused_by_line_and_field(
        self, tmp_path_factory: pytest.TempPathFactory, wrong: str, right: str, complaint: str
    ) -> None:
        text = MODELS_FILE.read_text(encoding="utf-8")
        assert wrong in text
        file = tmp_path_factory.mktemp("models") / "models.yaml"
        file.write_text(text.replace(wrong, right, 1), encoding="utf-8")
        with pytest.raises(WrongRegistry) as refusal:
            read_registry(file)
        assert complaint in str(refusal.value)
        assert f"{file}:" in str(refusal.value)
