"""Limits: what is counted by what, for how long, and what a caller learns who is over one."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.routing import Router

from phone import Clock
from tatemono.adapters.postgres.database import Database
from tatemono.domain.identity.rate_limits import Limit, TooManyRequests
from tatemono.entrypoints.http.direct_route import DirectRoute
from tatemono.entrypoints.http.rate_limits import Limited, Limits, limited, limits_of
from tatemono.entrypoints.http.serving import HttpEdge

routes = APIRouter(route_class=DirectRoute)


@routes.get("/mail")
async def route_send_mail(limit: Annotated[Limited, limited("mail")], to: str) -> Response:
    await limit.address(to)
    return Response()


@routes.get("/device")
async def route_sign_in(limit: Annotated[Limited, limited("sign-in")], key: str) -> Response:
    limit.device(key)
    return Response()


@pytest.fixture
async def db(service_database_url: Callable[[str], str]) -> AsyncIterator[Database]:
    async with await Database.connect(service_database_url("mobile-api"), service="test") as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


def process(db: Database, clock: Clock) -> httpx2.AsyncClient:
    """One process of a service with two limited routes."""
    rules = {
        "mail": [Limit("mail", "address", 2, 600), Limit("mail", "ip", 100, 600)],
        "sign-in": [Limit("sign-in", "ip", 3, 60), Limit("sign-in", "device", 2, 60)],
    }
    app = FastAPI()
    app.state.limits = Limits(rules, db.limits, clock=clock)
    edge = HttpEdge(Router(routes.routes), origin_verify="door", owner=app)
    headers = {"x-origin-verify": "door", "x-forwarded-for": "192.0.2.1"}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(edge), base_url="https://test", headers=headers)


async def statuses(client: httpx2.AsyncClient, path: str, count: int, **headers: str) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for _ in range(count)]


class TestLimits:
    def in_memory(self, clock: Clock, requests: int = 3, **options: Any) -> Limits:
        nowhere: Any = None
        return Limits({"sign-in": [Limit("sign-in", "ip", requests, 60)]}, nowhere, clock=clock, **options)

    @pytest.mark.parametrize("requests", [1, 3, 7, 600])
    def test_lets_through_as_many_as_the_plan_says_and_then_one_at_a_time(self, clock: Clock, requests: int) -> None:
        limits = self.in_memory(clock, requests)
        for _ in range(requests):
            limits.take("sign-in", "ip", "192.0.2.1")
        with pytest.raises(TooManyRequests):
            limits.take("sign-in", "ip", "192.0.2.1")
        clock.now += 60 / requests
        limits.take("sign-in", "ip", "192.0.2.1")
        with pytest.raises(TooManyRequests):
            limits.take("sign-in", "ip", "192.0.2.1")

    def test_lets_in_whoever_waited_as_long_as_they_were_told(self, clock: Clock) -> None:
        limits = self.in_memory(clock)
        for _ in range(3):
            limits.take("sign-in", "ip", "192.0.2.1")
        with pytest.raises(TooManyRequests) as refused:
            limits.take("sign-in", "ip", "192.0.2.1")
        assert refused.value.retry_after_seconds == 20
        clock.now += 20
        limits.take("sign-in", "ip", "192.0.2.1")

    def test_counts_each_caller_apart(self, clock: Clock) -> None:
        limits = self.in_memory(clock, 1)
        limits.take("sign-in", "ip", "192.0.2.1")
        limits.take("sign-in", "ip", "192.0.2.2")

    def test_forgets_first_whoever_was_not_seen_for_longest(self, clock: Clock) -> None:
        limits = self.in_memory(clock, 2, max_keys=10)
        for _ in range(2):
            limits.take("sign-in", "ip", "flood")
        for caller in range(9):
            limits.take("sign-in", "ip", str(caller))
        with pytest.raises(TooManyRequests):
            limits.take("sign-in", "ip", "flood")
        assert len(limits._idle_at) == 10
        limits.take("sign-in", "ip", "one more")
        assert len(limits._idle_at) == 10
        limits.take("sign-in", "ip", "flood")

    def test_wants_a_rule_for_each_kind_that_a_route_names(self, clock: Clock) -> None:
        with pytest.raises(ValueError, match="no limits for mail"):
            self.in_memory(clock).require(name for route in routes.routes for name in limits_of(route))


class TestLimitedRoute:
    async def test_says_when_to_come_back_and_which_limit_it_was(self, db: Database, clock: Clock) -> None:
        async with process(db, clock) as client:
            assert await statuses(client, "/device?key=a", 2) == [200, 200]
            response = await client.get("/device?key=a")
        assert response.status_code == 429
        assert response.json()["code"] == "too_many_requests"
        assert response.headers["retry-after"] == "30"
        assert response.headers["ratelimit-policy"] == '"sign-in-device";q=2;w=60'
        assert response.headers["ratelimit"] == '"sign-in-device";r=0;t=30'

    async def test_counts_the_address_that_the_door_saw_and_none_that_the_caller_claims(
        self, db: Database, clock: Clock
    ) -> None:
        async with process(db, clock) as client:
            counted = [
                (await client.get(f"/device?key={n}", headers={"x-forwarded-for": f"10.0.0.{n}, 192.0.2.9"}))
                for n in range(4)
            ]
            assert [response.status_code for response in counted] == [200, 200, 200, 429]
            assert await statuses(client, "/device?key=x", 1) == [200]

    async def test_takes_a_network_of_ipv6_for_one_caller(self, db: Database, clock: Clock) -> None:
        async with process(db, clock) as client:
            for n in range(3):
                assert await statuses(client, f"/device?key={n}", 1, **{"x-forwarded-for": f"2001:db8::{n}"}) == [200]
            assert await statuses(client, "/device?key=y", 1, **{"x-forwarded-for": "2001:db8::ffff"}) == [429]
            assert await statuses(client, "/device?key=y", 1, **{"x-forwarded-for": "2001:db8:0:1::1"}) == [200]


class TestLimitedAddress:
    async def test_is_counted_across_processes_and_however_it_is_written(self, db: Database, clock: Clock) -> None:
        async with process(db, clock) as one, process(db, clock) as other:
            assert await statuses(one, "/mail?to=a@example.jp", 1) == [200]
            assert await statuses(other, "/mail?to=A@Example.jp%20", 1) == [200]
            response = await one.get("/mail?to=a@example.jp")
            assert await statuses(other, "/mail?to=b@example.jp", 1) == [200]
        assert response.status_code == 429
        assert 595 <= int(response.headers["retry-after"]) <= 600
        assert re.fullmatch(r'"mail-address";r=0;t=\d+', response.headers["ratelimit"])

    async def test_gets_no_more_mail_when_many_ask_at_once(self, db: Database, clock: Clock) -> None:
        async with process(db, clock) as client:
            answers = await asyncio.gather(*(client.get("/mail?to=a@example.jp") for _ in range(30)))
        assert sorted(answer.status_code for answer in answers) == [200, 200] + [429] * 28

    async def test_is_free_again_after_the_window_and_forgotten_by_and_by(
        self, db: Database, clock: Clock, database_url: str
    ) -> None:
        async with (
            process(db, clock) as client,
            await Database.connect(database_url, service="owner") as owner,
        ):
            assert await statuses(client, "/mail?to=a@example.jp", 3) == [200, 200, 429]
            await statuses(client, "/mail?to=b@example.jp", 1)
            await statuses(client, "/mail?to=c@example.jp", 1)
            await owner._pool.execute("update limit_counters set ends_at = now() - interval '1 second'")
            assert await statuses(client, "/mail?to=a@example.jp", 3) == [200, 200, 429]
            assert await owner._pool.fetchval("select count(*) from limit_counters") == 1
