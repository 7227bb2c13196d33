from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatemono.domain.generations.circuit_breaker import (
    OPENS_AFTER,
    Breaker,
    BreakerDecision,
    BreakerSignal,
    after,
    signal_of,
)
from tatemono.domain.generations.painting import Failure

OPEN = Breaker(failures=5, opened=1, open_for=10.0)
HALF_OPEN = Breaker(failures=5, opened=1, open_for=-1.0)


class TestRuling:
    @pytest.mark.parametrize(
        ("breaker", "decision", "wait"),
        [
            (Breaker(), BreakerDecision.CALL, 0),
            (Breaker(failures=4), BreakerDecision.CALL, 0),
            (Breaker(busy_for=7.5), BreakerDecision.WAIT, 7.5),
            (Breaker(busy_for=0.0), BreakerDecision.CALL, 0),
            (OPEN, BreakerDecision.WAIT, 10),
            (HALF_OPEN, BreakerDecision.PROBE, 0),
            (Breaker(open_for=0.0), BreakerDecision.PROBE, 0),
            (Breaker(open_for=-1.0, probe_for=30.0), BreakerDecision.WAIT, 30),
            (Breaker(open_for=-1.0, busy_for=3.0), BreakerDecision.WAIT, 3),
        ],
    )
    def test_follows_the_table(self, breaker: Breaker, decision: BreakerDecision, wait: float) -> None:
        assert breaker.decision() == (decision, wait)


class TestAfter:
    @pytest.mark.parametrize(
        ("before", "signal", "retry_after", "then"),
        [
            # closed
            (Breaker(), BreakerSignal.ANSWERED, None, Breaker()),
            (Breaker(failures=4), BreakerSignal.ANSWERED, None, Breaker()),
            (Breaker(), BreakerSignal.FAILED, None, Breaker(failures=1)),
            (Breaker(failures=4), BreakerSignal.FAILED, None, Breaker(failures=5, opened=1, open_for=10.0)),
            # open: calls that began before still come back
            (OPEN, BreakerSignal.FAILED, None, Breaker(failures=6, opened=1, open_for=10.0)),
            (OPEN, BreakerSignal.ANSWERED, None, Breaker()),
            # half-open: the probe decides
            (HALF_OPEN, BreakerSignal.ANSWERED, None, Breaker()),
            (HALF_OPEN, BreakerSignal.FAILED, None, Breaker(failures=6, opened=2, open_for=20.0)),
            (Breaker(9, 5, 0, -1.0), BreakerSignal.FAILED, None, Breaker(failures=10, opened=6, open_for=300.0)),
            (HALF_OPEN, BreakerSignal.TURNED_AWAY, 5.0, Breaker(turned_away=1, busy_for=5.0)),
            # busy
            (Breaker(), BreakerSignal.TURNED_AWAY, None, Breaker(turned_away=1, busy_for=1.0)),
            (Breaker(), BreakerSignal.TURNED_AWAY, 30.0, Breaker(turned_away=1, busy_for=30.0)),
            (Breaker(), BreakerSignal.TURNED_AWAY, 86_400.0, Breaker(turned_away=1, busy_for=600.0)),
            (
                Breaker(turned_away=1, busy_for=0.5),
                BreakerSignal.TURNED_AWAY,
                None,
                Breaker(turned_away=1, busy_for=0.5),
            ),
            (
                Breaker(turned_away=1, busy_for=0.5),
                BreakerSignal.TURNED_AWAY,
                9.0,
                Breaker(turned_away=1, busy_for=9.0),
            ),
            (
                Breaker(turned_away=3, busy_for=-1.0),
                BreakerSignal.TURNED_AWAY,
                None,
                Breaker(turned_away=4, busy_for=8.0),
            ),
            (
                Breaker(turned_away=9, busy_for=-1.0),
                BreakerSignal.TURNED_AWAY,
                None,
                Breaker(turned_away=10, busy_for=60.0),
            ),
        ],
    )
    def test_follows_the_table(
        self, before: Breaker, signal: BreakerSignal, retry_after: float | None, then: Breaker
    ) -> None:
        assert after(before, signal, retry_after_seconds=retry_after, jitter=0.5) == then

    @pytest.mark.parametrize(
        ("before", "then"),
        [
            (Breaker(), Breaker(failures=1, opened=1, open_for=60.0, refused_because="insufficient_quota")),
            (
                Breaker(failures=4),
                Breaker(failures=5, opened=1, open_for=60.0, refused_because="insufficient_quota"),
            ),
            (OPEN, replace(OPEN, failures=OPEN.failures + 1, refused_because="insufficient_quota")),
            (
                Breaker(failures=1, opened=1, open_for=-1.0, refused_because="invalid_api_key"),
                Breaker(failures=2, opened=2, open_for=120.0, refused_because="insufficient_quota"),
            ),
        ],
    )
    def test_leaves_one_alone_at_once_that_refuses_our_account(self, before: Breaker, then: Breaker) -> None:
        assert after(before, BreakerSignal.REFUSED_US, cause="insufficient_quota") == then

    def test_forgets_why_it_was_refused_when_it_is_answered(self) -> None:
        refused = after(Breaker(), BreakerSignal.REFUSED_US, cause="invalid_api_key")
        assert after(refused, BreakerSignal.FAILED).refused_because == "invalid_api_key"
        assert not refused.is_closed
        assert after(refused.later(1000), BreakerSignal.ANSWERED) == Breaker()

    @given(
        signal=st.lists(st.sampled_from(BreakerSignal), max_size=40), jitter=st.floats(0, 1), seconds=st.floats(0, 400)
    )
    def test_never_shuts_a_painter_out_for_good(
        self, signal: list[BreakerSignal], jitter: float, seconds: float
    ) -> None:
        breaker = Breaker()
        for each in signal:
            breaker = after(breaker, each, jitter=jitter).later(seconds)
        decision, wait = breaker.later(1000).decision()
        assert (decision in (BreakerDecision.CALL, BreakerDecision.PROBE), wait) == (True, 0)

    def test_opens_after_failures_in_a_row_only(self) -> None:
        breaker = Breaker()
        for _ in range(OPENS_AFTER - 1):
            breaker = after(breaker, BreakerSignal.FAILED)
        breaker = after(after(breaker, BreakerSignal.ANSWERED), BreakerSignal.FAILED)
        assert breaker.open_for is None


class TestNews:
    def test_tells_the_painter_from_the_picture(self) -> None:
        told = {failure: signal_of(failure) for failure in Failure}
        assert {failure for failure, signal in told.items() if signal is BreakerSignal.FAILED} == {
            Failure.UNAVAILABLE,
            Failure.TIMED_OUT,
            Failure.CUT_OFF,
        }
        assert {failure for failure, signal in told.items() if signal is None} == {
            Failure.LEASE_LOST,
            Failure.STOPPED,
            Failure.NOT_CALLED,
            Failure.NOT_MODERATED,
            Failure.FLAGGED_PROMPT,
            Failure.FLAGGED_REFERENCE,
        }
        assert signal_of(None) is BreakerSignal.ANSWERED
