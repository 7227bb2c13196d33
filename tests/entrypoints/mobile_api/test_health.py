"""The health of the building, from outside."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from phone import Phone
from tatemono.adapters.postgres.database import Database
from tatemono.domain.safety.moderation import Finding, Stage
from tatemono.entrypoints.http.serving import HttpEdge
from tatemono.entrypoints.mobile_api.health import Health

pytest_plugins = ["mobile_api"]

API = "/v1/api"


class TestCheckHealth:
    async def test_names_what_is_away(self, new_phone: Callable[[], Phone]) -> None:
        response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 503
        assert Health.model_validate_json(response.content) == Health(
            status="degraded", parts={"database": "ok", "image-worker": "away", "outbox-relay": "away"}
        )

    async def test_is_well_when_all_are_there(
        self, new_phone: Callable[[], Phone], service_database_url: Callable[[str], str]
    ) -> None:
        async with (
            await Database.connect(service_database_url("image-worker"), service="image-worker"),
            await Database.connect(service_database_url("outbox-relay"), service="outbox-relay"),
        ):
            response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 200
        assert Health.model_validate_json(response.content).status == "ok"

    async def test_says_that_no_painter_takes_our_account_and_serves_all_the_same(
        self, new_phone: Callable[[], Phone], service_database_url: Callable[[str], str]
    ) -> None:
        async with (
            await Database.connect(service_database_url("image-worker"), service="image-worker") as worker,
            await Database.connect(service_database_url("outbox-relay"), service="outbox-relay"),
        ):
            await worker.painters.record_outage("insufficient_quota")
            response = await new_phone().client.get(f"{API}/health")
            await worker.painters.record_outage(None)
        assert response.status_code == 200
        assert response.json()["status"] == "degraded"
        assert response.json()["concerns"]["painter"] == "away"

    async def test_is_concerned_while_moderation_does_not_answer(
        self, new_phone: Callable[[], Phone], service_database_url: Callable[[str], str], edge: HttpEdge
    ) -> None:
        phone = new_phone()
        await phone.sign_in()
        generation = UUID((await phone.ask())["id"])
        for away in (True, False):
            async with await Database.connect(service_database_url("image-worker"), service="image-worker") as db:
                finding = Finding(Stage.PROMPT, ())
                await db.moderations.record(generation, 1, finding, by="provider", request_id=None, away=away)
                await db.moderations.record(generation, 1, finding, by="local", request_id=None)
            edge.owner.state.health._known_at = float("-inf")
            health = Health.model_validate_json((await phone.client.get(f"{API}/health")).content)
            assert health.concerns == ({"moderation": "away"} if away else {})
            assert health.status == "degraded"  # the relay is not there either

    async def test_does_not_ask_the_database_for_everyone_who_asks(
        self, new_phone: Callable[[], Phone], edge: HttpEdge
    ) -> None:
        client = new_phone().client
        first = await client.get(f"{API}/health")
        # What is remembered is answered even when the database could not be asked. Closing it may take a while.
        await edge.owner.state.backend.db.close()
        edge.owner.state.health._known_at = asyncio.get_running_loop().time()
        assert (await client.get(f"{API}/health")).json() == first.json()

    async def test_says_that_the_database_is_away(self, new_phone: Callable[[], Phone], edge: HttpEdge) -> None:
        await edge.owner.state.backend.db.close()
        response = await new_phone().client.get(f"{API}/health")
        assert response.status_code == 503
        assert set(response.json()["parts"].values()) == {"away"}
