from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.domain.generations import (
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
    TooManyWaiting,
    TransparentNeedsAlpha,
    judge_submission,
)

FOX = PictureRequest(prompt="A fox")
ACCEPTED = Generation(UUID(int=1), UUID(int=2), FOX, State.QUEUED, 8, None, datetime.now(UTC), None, None)

REQUESTS = st.builds(
    PictureRequest,
    prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50).filter(str.strip),
    size=st.sampled_from(Size),
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
            (Size.SQUARE, Quality.LOW, 1, 2),
            (Size.SQUARE, Quality.MEDIUM, 1, 8),
            (Size.SQUARE, Quality.HIGH, 4, 128),
            (Size.PORTRAIT, Quality.LOW, 1, 3),
            (Size.LANDSCAPE, Quality.MEDIUM, 2, 24),
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
            replace(FOX, size=Size.PORTRAIT),
            replace(FOX, quality=Quality.LOW),
            replace(FOX, output_format=OutputFormat.WEBP),
            replace(FOX, background=Background.OPAQUE),
            replace(FOX, n=2),
        ]
        assert len(others) == len(fields(FOX))
        assert len({request.fingerprint for request in (FOX, *others)}) == len(others) + 1


class TestJudgeSubmission:
    def test_gives_what_was_accepted(self) -> None:
        assert judge_submission(Submitted(ACCEPTED, FOX.fingerprint, 0, 0), FOX) is ACCEPTED

    def test_refuses_a_key_of_another_request(self) -> None:
        with pytest.raises(KeyUsedForAnother):
            judge_submission(Submitted(ACCEPTED, PictureRequest(prompt="An owl").fingerprint, 0, 0), FOX)

    def test_names_the_credits_that_lack(self) -> None:
        with pytest.raises(OutOfCredits, match="costs 8 credits and 7 are left") as refusal:
            judge_submission(Submitted(None, None, 7, 0), FOX)
        assert "8 クレジット" in refusal.value.text("ja")

    def test_names_how_many_wait(self) -> None:
        with pytest.raises(TooManyWaiting, match="100 requests"):
            judge_submission(Submitted(None, None, 8, 100), FOX)
