import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.domain.generations.attempts import (
    MAX_ATTEMPTS,
    MAX_TURNED_AWAY,
    GiveUp,
    History,
    Retry,
    UnknownPolicy,
    plan_retry,
)
from tatemono.domain.generations.generation import State
from tatemono.domain.generations.painting import AMBIGUOUS, REFUSALS, Failure

FINAL = {
    Failure.REFUSED: "prompt_refused",
    Failure.BAD_REQUEST: "painter_rejected_request",
    Failure.USER_REFUSED: "painter_refused_user",
    Failure.REFERENCE_REJECTED: "reference_rejected",
    Failure.FLAGGED_PROMPT: "prompt_flagged",
    Failure.FLAGGED_REFERENCE: "reference_flagged",
    Failure.FLAGGED_RESULT: "picture_flagged",
    Failure.RESULT_NOT_MODERATED: "picture_not_moderated",
}
#: Failure, policy → how many attempts that end so, one after another, are made, and the code in the end.
TABLE = [
    (Failure.REFUSED, 1, 1, "prompt_refused"),
    (Failure.BAD_REQUEST, 1, 1, "painter_rejected_request"),
    (Failure.USER_REFUSED, 1, 1, "painter_refused_user"),
    (Failure.REFERENCE_REJECTED, 1, 1, "reference_rejected"),
    (Failure.FLAGGED_PROMPT, 1, 1, "prompt_flagged"),
    (Failure.FLAGGED_REFERENCE, 1, 1, "reference_flagged"),
    (Failure.FLAGGED_RESULT, 1, 1, "picture_flagged"),
    (Failure.RESULT_NOT_MODERATED, 1, 1, "picture_not_moderated"),
    (Failure.NOT_MODERATED, 1, 3, "moderation_unavailable"),
    (Failure.UNAVAILABLE, 1, 3, "painter_unavailable"),
    (Failure.NOT_KEPT, 1, 3, "picture_not_kept"),
    (Failure.RATE_LIMITED, 1, 6, "painter_busy"),
    (Failure.NO_PICTURE, 1, 2, "painter_gave_no_picture"),
    (Failure.NOT_CALLED, 1, 3, "painter_unavailable"),
    *(
        (failure, retries, attempts, "painter_timed_out")
        for failure in sorted(AMBIGUOUS)
        for retries, attempts in ((0, 1), (1, 2), (2, 3), (9, 3))
    ),
]


class TestPlanRetry:
    @pytest.mark.parametrize(("failure", "retries", "attempts", "code"), TABLE)
    def test_follows_the_table(self, failure: Failure, retries: int, attempts: int, code: str) -> None:
        policy, history = UnknownPolicy(retries), History()
        plans = []
        for _ in range(attempts):
            history = history.and_then(failure)
            plans.append(plan_retry(failure, history, policy, jitter=0.5))
        assert [plan.after_seconds for plan in plans[:-1] if isinstance(plan, Retry)] == [
            1.0 if failure is Failure.RATE_LIMITED else 2.0**number for number in range(attempts - 1)
        ]
        state = State.REFUSED if failure in REFUSALS else State.FAILED
        assert plans[-1] == GiveUp(state, code)

    def test_has_a_row_for_every_failure(self) -> None:
        assert {row[0] for row in TABLE} == set(Failure) - {Failure.ACCOUNT_REFUSED}

    def test_waits_for_an_operator_without_counting_attempts(self) -> None:
        history = History()
        for _ in range(100):
            history = history.and_then(Failure.ACCOUNT_REFUSED)
            assert plan_retry(Failure.ACCOUNT_REFUSED, history, UnknownPolicy(1), jitter=0.5) == Retry(1.0)
        again = history.and_then(Failure.UNAVAILABLE)
        assert plan_retry(Failure.UNAVAILABLE, again, UnknownPolicy(1), jitter=0.5) == Retry(1.0)

    def test_counts_what_was_turned_away_by_itself(self) -> None:
        history = History(ended=4, turned_away=3)
        assert isinstance(plan_retry(Failure.UNAVAILABLE, history, UnknownPolicy(1), jitter=0.5), Retry)

    def test_never_retries_blindly_what_may_be_on_the_bill(self) -> None:
        history = History().and_then(Failure.TIMED_OUT).and_then(Failure.UNAVAILABLE).and_then(Failure.RATE_LIMITED)
        again = history.and_then(Failure.CUT_OFF)
        assert isinstance(plan_retry(Failure.CUT_OFF, again, UnknownPolicy(1), jitter=0.5), GiveUp)

    @given(
        failures=st.lists(
            st.sampled_from(sorted(set(Failure) - set(FINAL) - {Failure.ACCOUNT_REFUSED})), min_size=9, max_size=9
        ),
        retries=st.integers(0, 9),
        jitter=st.floats(0, 1),
    )
    def test_always_ends(self, failures: list[Failure], retries: int, jitter: float) -> None:
        history, made = History(), 0
        for failure in failures:
            history, made = history.and_then(failure), made + 1
            plan = plan_retry(failure, history, UnknownPolicy(retries), jitter=jitter)
            if isinstance(plan, GiveUp):
                break
            assert 0.5 <= plan.after_seconds <= 60
        assert made <= MAX_ATTEMPTS + MAX_TURNED_AWAY - 1
        assert history.unknown <= retries + 1


class TestUnknownPolicy:
    def test_is_read_from_its_words(self) -> None:
        assert UnknownPolicy.parse("give-up").retries == 0
        assert UnknownPolicy.parse("retry:2").retries == 2

    @pytest.mark.parametrize("text", ["", "retry", "retry:0", "retry:10", "give up"])
    def test_refuses_other_words(self, text: str) -> None:
        with pytest.raises(ValueError, match="neither give-up nor"):
            UnknownPolicy.parse(text)
