import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.domain.attempts import MAX_ATTEMPTS, GiveUp, Retry, plan_retry
from tatemono.domain.generations import State
from tatemono.domain.painting import Failure


class TestPlanRetry:
    @pytest.mark.parametrize(
        ("failure", "attempts", "retry_after", "plan"),
        [
            (Failure.REFUSED, 1, None, GiveUp(State.REFUSED, "prompt_refused")),
            (Failure.BAD_REQUEST, 1, None, GiveUp(State.FAILED, "painter_rejected_request")),
            (Failure.UNAVAILABLE, 1, None, Retry(1.0)),
            (Failure.UNAVAILABLE, 2, None, Retry(2.0)),
            (Failure.UNAVAILABLE, 3, None, GiveUp(State.FAILED, "painter_unavailable")),
            (Failure.RATE_LIMITED, 1, 7.5, Retry(7.5)),
            (Failure.RATE_LIMITED, 2, 3600.0, Retry(60.0)),
            (Failure.RATE_LIMITED, 3, 7.5, GiveUp(State.FAILED, "painter_busy")),
            (Failure.TIMED_OUT, 1, None, Retry(1.0)),
            (Failure.NO_PICTURE, 3, None, GiveUp(State.FAILED, "painter_gave_no_picture")),
            (Failure.LEASE_LOST, 3, None, GiveUp(State.FAILED, "painter_timed_out")),
        ],
    )
    def test_follows_the_table(
        self, failure: Failure, attempts: int, retry_after: float | None, plan: Retry | GiveUp
    ) -> None:
        assert plan_retry(failure, attempts, retry_after_seconds=retry_after, jitter=0.5) == plan

    @given(
        failure=st.sampled_from(Failure),
        attempts=st.integers(1, 50),
        retry_after=st.none() | st.floats(0, 1e6),
        jitter=st.floats(0, 1),
    )
    def test_always_ends(self, failure: Failure, attempts: int, retry_after: float | None, jitter: float) -> None:
        plan = plan_retry(failure, attempts, retry_after_seconds=retry_after, jitter=jitter)
        if attempts >= MAX_ATTEMPTS:
            assert isinstance(plan, GiveUp)
        if isinstance(plan, Retry):
            assert 0.5 <= plan.after_seconds <= 60
