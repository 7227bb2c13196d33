"""What is shown of what stands: the bill, the tour, the diagram, and drift."""

import io
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from buildings import INFRA, Buildings
from tatemono.adapters.model_registry import read_registry
from tatemono_tools.plan.building import read_plan
from tatemono_tools.terraform.building_parts import PARTS, part_of
from tatemono_tools.terraform.checks.stack import Stack
from tatemono_tools.terraform.cost.bill import show_bill
from tatemono_tools.terraform.cost.estimate import Price, Range, Use, estimate, painter_line, read_prices
from tatemono_tools.terraform.diagram import digest, draw
from tatemono_tools.terraform.real import drift_table
from tatemono_tools.terraform.tour import WORDS, floors, walk

PLAN = read_plan()
USE = Use(users=1000, pictures_per_user=10)


@pytest.fixture(scope="module")
def prod(buildings: Buildings) -> Stack:
    return Stack.read(buildings.plan("prod"))


@pytest.fixture(scope="module")
def dev(buildings: Buildings) -> Stack:
    return Stack.read(buildings.plan("dev"))


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def text_console() -> Console:
    return Console(file=io.StringIO(), width=200)


class TestPrices:
    def test_each_say_where_and_when_they_were_found(self) -> None:
        for name, price in read_prices().items():
            assert price.source, name
            assert date(2026, 1, 1) < price.date, name
            assert price.usd is None or 0 < price.usd.low <= price.usd.high, name
            assert (price.usd is None or price.is_assumed) == ("not looked up" in price.source), name


class TestEstimate:
    def test_counts_what_stands(self, prod: Stack, dev: Stack) -> None:
        def nat(stack: Stack) -> float:
            lines = {line.what: line for line in estimate(stack, PLAN, USE, read_prices())}
            assert lines["NAT gateways"].usd is not None
            return lines["NAT gateways"].usd.low

        assert nat(prod) == pytest.approx(3 * 730 * 0.062)
        assert nat(dev) == pytest.approx(730 * 0.062)

    def test_grows_with_people(self, prod: Stack) -> None:
        few = estimate(prod, PLAN, USE, read_prices())
        many = estimate(prod, PLAN, Use(users=100_000, pictures_per_user=10), read_prices())
        for one, other in zip(few, many, strict=True):
            if one.per_picture:
                assert other.amount.high > one.amount.high, one.what
            assert one.amount.low <= one.amount.high

    def test_blocks_a_line_whose_price_is_unknown(self, prod: Stack) -> None:
        prices = read_prices()
        prices["nat-hour"] = Price(usd=None, unit="gateway and hour", source="not looked up", date=date(2026, 1, 1))
        lines = estimate(prod, PLAN, USE, prices)
        assert {line.what: line.usd for line in lines}["NAT gateways"] is None
        console = text_console()
        show_bill("prod", lines, USE, console)
        text = shown(console)
        assert "price unknown" in text
        assert "Not looked up, and so in none of these sums" in text
        assert "the building and its floors: NAT gateways" in text

    def test_names_the_lines_whose_price_has_bounds(self, prod: Stack) -> None:
        prices = read_prices()
        prices["nat-hour"] = replace(
            prices["nat-hour"], usd=Range(0.05, 0.1), source="not looked up: some say 0.05 to 0.1"
        )
        lines = estimate(prod, PLAN, USE, prices)
        assert {line.what: line.usd for line in lines}["NAT gateways"] == Range(3 * 730 * 0.05, 3 * 730 * 0.1)
        console = text_console()
        show_bill("prod", lines, USE, console)
        assert "the building and its floors: NAT gateways (not looked up: some say 0.05 to 0.1)" in shown(console)

    def test_has_the_painter_as_the_registry_of_models_prices_it(self) -> None:
        today = date(2026, 11, 26)
        model = read_registry().at("gpt-image-2", today)
        line = painter_line(model, USE, today)
        assert line.usd is not None
        tokens = [model.output_tokens[quality] for quality in model.qualities]
        prices = model.prices[-1]
        assert (prices.text_input, prices.image_output) == (5_000, 30_000)
        assert line.usd.low == pytest.approx(10_000 * (200 * 5e-6 + min(tokens) * 30e-6))
        assert line.usd.high == pytest.approx(10_000 * 1.2 * (200 * 5e-6 + max(tokens) * 30e-6))

    def test_blocks_the_painter_whose_price_is_unknown(self) -> None:
        today = date(2026, 11, 26)
        model = replace(read_registry().at("gpt-image-2", today), prices=())
        assert painter_line(model, USE, today).usd is None


class TestTour:
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_shows_every_service_and_its_rights(self, prod: Stack, language: str) -> None:
        console = text_console()
        walk(prod, "prod", language, console)
        text = shown(console)
        for name in [*PLAN.services, *PLAN.queues, *PLAN.buckets]:
            assert name in text

    def test_has_both_languages_for_everything(self) -> None:
        assert {word for word, texts in WORDS.items() if set(texts) != {"en", "ja"}} == set()

    def test_says_that_the_database_starts_no_connection(self, prod: Stack) -> None:
        isolated = next(floor for floor in floors(prod, "en") if floor.title.startswith("The vault"))
        assert [stop.talks_to for stop in isolated.stops] == [("nobody",)]


class TestDiagram:
    def test_shows_what_stands(self, prod: Stack) -> None:
        diagram = draw(prod, "prod")
        for name in [*PLAN.services, "PostgreSQL", "CloudFront", "NAT 2"]:
            assert f">{name}<" in diagram


class TestDrift:
    def test_is_shown_by_part_and_without_values(self) -> None:
        change = {
            "address": 'module.edge.aws_wafv2_ip_set.this["operators-IPV4"]',
            "change": {"actions": ["update"], "before": {"addresses": ["1"]}, "after": {"addresses": ["2"]}},
        }
        gone = {
            "address": "module.database.aws_db_instance.this",
            "change": {"actions": ["create"], "before": None, "after": {"password": "hidden"}},
        }
        same = {"address": "aws_ssm_parameter.plain", "change": {"actions": ["no-op"], "before": {}, "after": {}}}
        console = text_console()
        console.print(drift_table("prod", {"resource_changes": [change, gone, same]}))
        text = shown(console)
        assert "the gate and its guards" in text
        assert 'module.edge.aws_wafv2_ip_set.this["operators-IPV4"]' in text
        assert "addresses" in text
        assert "the archive" in text
        assert "hidden" not in text
        assert "plain" not in text

    def test_knows_every_part_of_the_building(self, prod: Stack) -> None:
        assert {
            part_of(resource.address) for resource in prod.resources if resource.address.startswith("module.")
        } < set(PARTS)


class TestCommittedDiagram:
    def test_is_of_todays_terraform_files(self) -> None:
        diagram = (INFRA.parent / "docs" / "explanation" / "aws.svg").read_text(encoding="utf-8")
        assert f"<!-- blueprints {digest()} -->" in diagram, (
            "draw it again: tatemono infra rehearse, then infra diagram"
        )
