import pytest

from tatemono.domain.identity.rate_limits import Limit, TooManyRequests


class TestTooManyRequests:
    @pytest.mark.parametrize(("wait", "told"), [(-1.0, 1), (0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (60.0, 60)])
    def test_tells_whole_seconds_and_never_to_come_back_at_once(self, wait: float, told: int) -> None:
        refusal = TooManyRequests(Limit("sign-in", "ip", 3, 60), wait)
        assert refusal.retry_after_seconds == told
        assert f"in {told} seconds" in refusal.text("en")
