from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.domain.errors import Refusal
from tatemono.domain.generations.budgets import Account, ServiceBudgetReached, Terms, UserBudgetReached
from tatemono.domain.generations.generation import (
    SQUARE,
    Accepted,
    Background,
    Generation,
    KeyUsedForAnother,
    OutOfCredits,
    OutputFormat,
    PictureRequest,
    PromptIsEmpty,
    Quality,
    Size,
    State,
    Submitted,
    TransparentNeedsAlpha,
    accept_submission,
)
from tatemono.domain.pictures.references import NoSuchReference

PORTRAIT, LANDSCAPE = Size("1024x1536"), Size("1536x1024")
FOX = PictureRequest(prompt="A fox")
TERMS = Terms(daily_credits=0, user_day_micros=1000, environment_day_micros=10**9, time_zone="Asia/Tokyo")
ACCEPTED = Generation(UUID(int=1), UUID(int=2), FOX, State.QUEUED, 8, None, datetime.now(UTC), None, None)

REQUESTS = st.builds(
    PictureRequest,
    prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50).filter(str.strip),
    size=st.sampled_from((SQUARE, PORTRAIT, LANDSCAPE)),
    quality=st.sampled_from(Quality),
    n=st.integers(1, 4),
)


class TestPictureRequest:
    @pytest.mark.parametrize("prompt", ["", " ", "\n\t", "　"])
    def test_refuses_an_empty_prompt(self, prompt: str) -> None:
        with pytest.raises(PromptIsEmpty):
            PictureRequest(prompt=prompt)

    def test_refuses_a_transparent_jpeg(self) -> None:
        with pytest.raises(TransparentNeedsAlpha):
            PictureRequest(prompt="x", background=Background.TRANSPARENT, output_format=OutputFormat.JPEG)

    @pytest.mark.parametrize(
        ("size", "quality", "n", "price"),
        [
            (SQUARE, Quality.LOW, 1, 2),
            (SQUARE, Quality.MEDIUM, 1, 8),
            (SQUARE, Quality.HIGH, 4, 128),
            (Size("1792x1024"), Quality.LOW, 1, 4),
            (Size("2048x2048"), Quality.MEDIUM, 1, 32),
            (PORTRAIT, Quality.LOW, 1, 3),
            (LANDSCAPE, Quality.MEDIUM, 2, 24),
        ],
    )
    def test_costs_what_the_price_list_says(self, size: Size, quality: Quality, n: int, price: int) -> None:
        assert PictureRequest(prompt="x", size=size, quality=quality, n=n).price == price

    @given(REQUESTS, REQUESTS)
    def test_has_the_fingerprint_of_equal_requests_only(self, one: PictureRequest, other: PictureRequest) -> None:
        assert (one.fingerprint == other.fingerprint) == (one == other)

    def test_has_a_fingerprint_of_every_field(self) -> None:
        others = [
            replace(FOX, prompt="An owl"),
            replace(FOX, style="ink"),
            replace(FOX, size=PORTRAIT),
            replace(FOX, quality=Quality.LOW),
            replace(FOX, output_format=OutputFormat.WEBP),
            replace(FOX, background=Background.OPAQUE),
            replace(FOX, n=2),
            replace(FOX, seed=7),
            replace(FOX, negative_prompt="snow"),
            replace(FOX, reference_id=UUID(int=3)),
        ]
        assert len(others) == len(fields(FOX))
        assert len({request.fingerprint for request in (FOX, *others)}) == len(others) + 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (replace(FOX, prompt="A fox in ink"), replace(FOX, prompt="A fox in ", style="ink")),
            (replace(FOX, style="ink1024x1024"), replace(FOX, prompt="A foxink", style="1024x1024")),
            (
                replace(FOX, negative_prompt="snow", reference_id=UUID(int=3)),
                replace(FOX, negative_prompt=f"snowreference_id={UUID(int=3)}"),
            ),
        ],
    )
    def test_has_another_fingerprint_when_a_word_moves_to_the_next_field(
        self, one: PictureRequest, other: PictureRequest
    ) -> None:
        assert one.fingerprint != other.fingerprint

    def test_keeps_its_fingerprint_across_releases(self) -> None:
        # What was accepted before a deploy is known as repeated after it.
        assert FOX.fingerprint.hex() == "e668e2407d2bc0dc4c620d6f4f62d6099374ecc01cb9cff4bd86aab2687c10cf"


RICH = Account(available=8, free_credits=0, waiting=0, spent_micros=0, environment_room_micros=10**9)


def refused(reserved_micros: int = 0, **account: int) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        accept_submission(
            Submitted(None, None, new=False, account=replace(RICH, **account)), FOX, reserved_micros, TERMS
        )
    return refusal.value


class TestJudgeSubmission:
    def test_gives_what_was_accepted(self) -> None:
        accepted = accept_submission(Submitted(ACCEPTED, FOX.fingerprint, new=True, account=RICH), FOX, 0, TERMS)
        assert accepted == Accepted(ACCEPTED, repeated=False)

    def test_shows_a_repetition_what_the_first_was_shown(self) -> None:
        now = datetime.now(UTC)
        done = replace(ACCEPTED, state=State.SUCCEEDED, started_at=now, finished_at=now)
        accepted = accept_submission(Submitted(done, FOX.fingerprint, new=False, account=RICH), FOX, 0, TERMS)
        assert accepted == Accepted(ACCEPTED, repeated=True)

    def test_refuses_a_key_of_another_request(self) -> None:
        other = PictureRequest(prompt="An owl").fingerprint
        with pytest.raises(KeyUsedForAnother):
            accept_submission(Submitted(ACCEPTED, other, new=False, account=RICH), FOX, 0, TERMS)

    def test_names_the_credits_that_lack(self) -> None:
        refusal = refused(available=5, free_credits=2)
        assert isinstance(refusal, OutOfCredits)
        assert "costs 8 credits and 7 are left" in str(refusal)
        assert "8 クレジット" in refusal.text("ja")

    def test_names_how_many_wait(self) -> None:
        assert "100 requests" in str(refused(waiting=100))

    @pytest.mark.parametrize(
        ("account", "kind"),
        [({"spent_micros": 501}, UserBudgetReached), ({"environment_room_micros": 499}, ServiceBudgetReached)],
    )
    def test_keeps_within_the_budgets(self, account: dict[str, int], kind: type[Refusal]) -> None:
        assert isinstance(refused(reserved_micros=500, **account), kind)

    def test_refuses_what_refers_to_a_picture_that_is_not_there(self) -> None:
        submitted = Submitted(None, None, new=False, account=RICH, reference_ready=False)
        with pytest.raises(NoSuchReference):
            accept_submission(submitted, FOX, 0, TERMS)
