"""What comes after a call to SES."""

import pytest

from tatemono.domain.mail.message import MailKind
from tatemono.domain.mail.sending import (
    MAX_ATTEMPTS,
    SENT_AGAIN_AFTER_SILENCE,
    End,
    MailState,
    SendAgain,
    SendFailure,
    WaitForWord,
    address_digest,
    plan_sending,
)

FAILED, SUPPRESSED = End(MailState.FAILED), End(MailState.SUPPRESSED)


class TestPlanSending:
    @pytest.mark.parametrize(
        ("failure", "attempts", "plan"),
        [
            (SendFailure.THROTTLED, 1, SendAgain(2)),
            (SendFailure.UNAVAILABLE, 1, SendAgain(2)),
            (SendFailure.UNAVAILABLE, 5, SendAgain(32)),
            (SendFailure.UNAVAILABLE, 20, SendAgain(3600)),
            (SendFailure.UNAVAILABLE, MAX_ATTEMPTS, FAILED),
            (SendFailure.QUOTA_REACHED, 1, SendAgain(2700)),
            (SendFailure.NOT_VERIFIED, 1, SendAgain(2700)),
            (SendFailure.SENDING_PAUSED, 29, SendAgain(2700)),
            (SendFailure.MISCONFIGURED, 1, SendAgain(2700)),
            (SendFailure.CANNOT_BE_WRITTEN, 1, SendAgain(2700)),
            (SendFailure.CANNOT_BE_WRITTEN, MAX_ATTEMPTS, FAILED),
            (SendFailure.ADDRESS_REJECTED, 1, FAILED),
            (SendFailure.REFUSED, 1, FAILED),
            (SendFailure.SUPPRESSED, 1, SUPPRESSED),
            (SendFailure.UNSUBSCRIBED, 1, SUPPRESSED),
            (SendFailure.UNKNOWN, 1, WaitForWord()),
            (SendFailure.UNKNOWN, MAX_ATTEMPTS, WaitForWord()),
        ],
    )
    def test_knows_what_to_do(self, failure: SendFailure, attempts: int, plan: SendAgain | WaitForWord | End) -> None:
        assert plan_sending(failure, attempts, jitter=0.5) == plan

    @pytest.mark.parametrize("failure", SendFailure)
    def test_ends_every_failure_but_the_unknown(self, failure: SendFailure) -> None:
        plan = plan_sending(failure, MAX_ATTEMPTS, jitter=0)
        assert isinstance(plan, WaitForWord if failure is SendFailure.UNKNOWN else End)

    def test_spreads_the_next_attempts(self) -> None:
        first, last = (plan_sending(SendFailure.UNAVAILABLE, 3, jitter=jitter) for jitter in (0.0, 1.0))
        assert (first, last) == (SendAgain(4), SendAgain(12))

    def test_tries_for_about_a_day(self) -> None:
        plans = [plan_sending(SendFailure.UNAVAILABLE, attempt, jitter=0.5) for attempt in range(1, MAX_ATTEMPTS)]
        hours = sum(plan.after_seconds for plan in plans if isinstance(plan, SendAgain)) / 3600
        assert 18 < hours < 24

    def test_sends_no_announcement_twice(self) -> None:
        assert set(MailKind) - SENT_AGAIN_AFTER_SILENCE == {MailKind.ANNOUNCEMENT}


class TestAddressDigest:
    def test_is_the_same_for_what_reaches_the_same_person(self) -> None:
        assert address_digest("Someone@Example.com") == address_digest("someone@example.com")
        assert address_digest("cafe\u0301@example.com") == address_digest("caf\u00e9@example.com")

    def test_differs_for_others(self) -> None:
        assert address_digest("a@example.com") != address_digest("b@example.com")
