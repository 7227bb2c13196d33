"""What follows from what is found."""

from datetime import UTC, datetime, timedelta

import pytest

from tatemono.domain.safety.moderation import (
    STRIKE_COUNTS_FOR,
    STRIKE_SUSPENSION,
    Finding,
    HashClass,
    Stage,
    Strike,
    WhenDown,
    category_of,
    is_telling,
    suspended_until,
)

NOW = datetime(2026, 11, 25, tzinfo=UTC)


class TestFinding:
    def test_freezes_for_pictures_that_may_be_illegal_and_never_for_words(self) -> None:
        illegal = ("sexual", "sexual/minors")
        assert Finding(Stage.PROMPT, illegal).suspected_illegal
        assert not Finding(Stage.PROMPT, illegal).freezes_account
        assert Finding(Stage.REFERENCE, illegal).freezes_account
        assert Finding(Stage.RESULT, (category_of(HashClass.ILLEGAL),)).freezes_account

    def test_of_something_unwanted_is_no_suspicion(self) -> None:
        found = Finding(Stage.RESULT, (category_of(HashClass.UNWANTED),))
        assert found.flagged
        assert not found.suspected_illegal
        assert not Finding(Stage.RESULT, ("violence",)).suspected_illegal
        assert not Finding(Stage.RESULT, ()).flagged


class TestWhenDown:
    @pytest.mark.parametrize(
        ("policy", "words", "reference"),
        [("closed", False, False), ("closed-for-references", True, False), ("open", True, True)],
    )
    def test_lets_through_what_it_says(self, policy: str, words: bool, reference: bool) -> None:
        chosen = WhenDown(policy)
        assert chosen.lets_through(with_reference=False) is words
        assert chosen.lets_through(with_reference=True) is reference


class TestStrikes:
    def strike(self, *, days_ago: int) -> Strike:
        return Strike("hate", NOW - timedelta(days=days_ago), NOW - timedelta(days=days_ago) + STRIKE_COUNTS_FOR)

    def test_suspend_at_the_third_that_counts(self) -> None:
        strikes = [self.strike(days_ago=days) for days in (0, 40, 89)]
        assert suspended_until(strikes, NOW) == NOW + STRIKE_SUSPENSION
        assert suspended_until(strikes[:2], NOW) is None

    def test_count_no_more_after_their_time(self) -> None:
        strikes = [self.strike(days_ago=days) for days in (0, 40, 90)]
        assert suspended_until(strikes, NOW) is None


class TestHashes:
    def test_of_plain_surfaces_tell_nothing(self) -> None:
        assert not is_telling(0)
        assert not is_telling(2**64 - 1)
        assert is_telling(0x3C7E1F0F8787C3E1)
