"""The routes of the mobile API that sign in, guess, or send mail are limited, each of them."""

from tatemono.entrypoints.http.rate_limits import limits_of
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono_tools.plan.building import read_plan

pytest_plugins = ["mobile_api"]

#: They only end what the caller holds.
HARMLESS = {"/v1/api/auth/sign-out", "/v1/api/auth/sign-out-everywhere"}


class TestLimits:
    def test_stand_beside_each_route_that_authenticates(self, edge: HttpEdge) -> None:
        routes = [route for route in edge.owner.routes if "/auth/" in route.path or "/redeem" in route.path]
        unlimited = {route.path for route in routes if not limits_of(route)}
        assert unlimited <= HARMLESS
        assert len(routes) > len(HARMLESS)

    def test_of_the_plan_are_all_used(self, edge: HttpEdge) -> None:
        assert {name for route in edge.owner.routes for name in limits_of(route)} == set(read_plan().limits)

    def test_on_mail_count_the_mail_address(self) -> None:
        assert "address" in {rule.by for rule in read_plan().limits["send-mail"]}
