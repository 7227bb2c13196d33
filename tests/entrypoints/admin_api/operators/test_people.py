"""What operators see of people, do to them, and leave behind in the audit records."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pydantic
import pytest

from factories import guest, submitted
from operators import ADDRESS, EMAIL, Desk
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.postgres.identity.revocations import Revocations
from tatemono.bootstrap.admin_api import AdminApiBackend
from tatemono.domain.identity.devices import Principal, TokenRejected, UserKind
from tatemono.domain.identity.sessions import AccountSuspended
from tatemono.entrypoints.admin_api.operators import person_schemas as schemas
from tatemono.entrypoints.admin_api.operators.audit_schemas import AuditPage

pytest_plugins = ["admin_api"]

REASON = {"reason": "Resells pictures of others"}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The same database as its owner sees it."""
    async with await Database.connect(database_url, service="test") as database:
        yield database


def shaped(model: type[pydantic.BaseModel], body: bytes) -> Any:
    """Hold a body to the shape that the OpenAPI document promises."""
    return model.model_validate_json(body)


async def found(desk: Desk, search: str | None = None, **more: Any) -> list[UUID]:
    async with desk.operator("viewer") as viewer:
        answer = await viewer.get("/people", params={**({"search": search} if search else {}), **more})
    assert answer.status_code == 200, answer.text
    return [person.id for person in shaped(schemas.PersonPage, answer.content).items]


async def become_member(db: Database, user_id: UUID, email: str) -> None:
    await db._pool.execute("update users set kind = 'member', email = $2 where id = $1", user_id, email)


async def ids_of(db: Database, user_id: UUID) -> tuple[UUID, UUID, str]:
    row = await db._pool.fetchrow(
        "select d.id, s.id as session, d.key_thumbprint from devices d join sessions s on s.device_id = d.id"
        " where d.user_id = $1",
        user_id,
    )
    return row["id"], row["session"], row["key_thumbprint"]


class TestLeavingPeople:
    async def test_are_shown_with_the_moment_when_they_are_erased(self, desk: Desk, db: Database) -> None:
        leaving, staying = await guest(db), await guest(db)
        async with db.transaction() as rows:
            deletion = await rows.deletions.request(leaving, grace=timedelta(days=14), language="ja")
        async with desk.operator("viewer") as viewer:
            page = shaped(schemas.PersonPage, (await viewer.get("/people")).content)
            one = shaped(schemas.PersonInFull, (await viewer.get(f"/people/{leaving}")).content)
        assert {person.id: person.erase_at for person in page.items} == {leaving: deletion.erase_at, staying: None}
        assert one.person.erase_at == deletion.erase_at


class TestFindPeople:
    async def test_finds_a_person_by_everything_that_is_theirs(self, desk: Desk, db: Database) -> None:
        user, other = await guest(db), await guest(db)
        await become_member(db, user, "taro@example.jp")
        device, session, thumbprint = await ids_of(db, user)
        generation = await submitted(db, user)
        code = await db._pool.fetchval(
            "insert into transfer_codes (user_id, device_id, locator, code_hash, sign_out_old_device, expires_at,"
            " attempts_left) values ($1, $2, 'ABCD', $3, true, now(), 5) returning id",
            user,
            device,
            secrets.token_bytes(32),
        )
        for search in (user, device, session, generation.id, code, thumbprint, thumbprint[:12], " Taro@Example.JP "):
            assert await found(desk, str(search)) == [user], search
        assert set(await found(desk)) == {user, other}

    async def test_finds_nobody_by_what_is_nobodys(self, desk: Desk, db: Database) -> None:
        await guest(db)
        for search in (str(uuid4()), "jiro@example.jp", "______", "-" * 43):
            assert await found(desk, search) == []

    @pytest.mark.parametrize("search", ["x", "12345", "%%%%%%", "名前", "a' or '1'='1"])
    async def test_says_what_can_be_searched_for(self, desk: Desk, search: str) -> None:
        async with desk.operator("viewer") as viewer:
            answer = await viewer.get("/people", params={"search": search}, headers={"accept-language": "ja"})
        assert (answer.status_code, answer.json()["code"]) == (422, "search_too_short")
        assert "メールアドレス" in answer.json()["detail"]

    async def test_goes_on_after_a_page(self, desk: Desk, db: Database) -> None:
        users = [await guest(db) for _ in range(5)]
        async with desk.operator("viewer") as viewer:
            first = shaped(schemas.PersonPage, (await viewer.get("/people", params={"limit": 3})).content)
            cursor = str(first.next_cursor)
            rest = shaped(schemas.PersonPage, (await viewer.get("/people", params={"cursor": cursor})).content)
        assert [person.id for person in [*first.items, *rest.items]] == users[::-1]
        assert rest.next_cursor is None


class TestGetPerson:
    async def test_shows_devices_and_sessions_but_no_secret(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        device, session, thumbprint = await ids_of(db, user)
        await submitted(db, user)
        async with desk.operator("viewer") as viewer:
            answer = await viewer.get(f"/people/{user}")
        person = shaped(schemas.PersonInFull, answer.content)
        assert (person.person.kind, person.person.suspended, person.generations) == (UserKind.GUEST, False, 1)
        assert person.credits_available + person.credits_held == 500
        assert [(device.id, device.key_thumbprint) for device in person.devices] == [(device, thumbprint)]
        assert [(session.id, session.device_id) for session in person.sessions] == [(session, device)]
        assert "hash" not in answer.text

    async def test_does_not_know_a_stranger(self, desk: Desk) -> None:
        async with desk.operator("viewer") as viewer:
            assert (await viewer.get(f"/people/{uuid4()}")).json()["code"] == "no_such_person"


class TestSuspendAndRestore:
    async def test_stop_a_person_until_restored_and_write_it_down(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        until = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
        async with desk.operator("support") as support:
            answer = await support.post(f"/people/{user}/suspend", json=REASON | {"until": until.isoformat()})
            assert answer.status_code == 204
            person = shaped(schemas.PersonInFull, (await support.get(f"/people/{user}")).content).person
            assert (person.suspended, person.suspended_until) == (True, until)
            assert person.suspension_reason == REASON["reason"]
            assert (await support.post(f"/people/{user}/restore", json={"reason": "Sorry"})).status_code == 204
            person = shaped(schemas.PersonInFull, (await support.get(f"/people/{user}")).content).person
            assert (person.suspended, person.suspended_at, person.suspension_reason) == (False, None, None)
        async with desk.operator("admin") as admin:
            audit = await admin.get("/audit", params={"person_id": str(user)})
        newest, oldest = shaped(AuditPage, audit.content).items
        assert (newest.action, newest.reason) == ("restore_person", "Sorry")
        assert (oldest.action, oldest.reason) == ("suspend_person", REASON["reason"])
        assert (oldest.operator_email, oldest.address) == (EMAIL, ADDRESS)
        assert oldest.request_id == answer.headers["x-request-id"]
        assert datetime.fromisoformat(oldest.data["until"]) == until
        events = await db._pool.fetch("select kind::text from security_events where user_id = $1 order by id", user)
        assert [row["kind"] for row in events] == ["suspended", "restored"]

    async def test_are_over_by_themselves_when_their_time_is(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
        async with desk.operator("support") as support:
            await support.post(f"/people/{user}/suspend", json=REASON | {"until": soon})
            await db._pool.execute("update users set suspended_until = now() - interval '1 second'")
            person = shaped(schemas.PersonInFull, (await support.get(f"/people/{user}")).content).person
        assert not person.suspended
        assert person.suspended_at is not None

    async def test_are_felt_by_a_phone_with_a_good_token(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        device, session, _ = await ids_of(db, user)
        phone = Principal(user, UserKind.GUEST, device, session)
        async with Revocations(db, lifetime_seconds=3600) as revocations:
            revocations.check(phone, 0)
            async with desk.operator("support") as support:
                await support.post(f"/people/{user}/suspend", json=REASON)
                await eventually_raises(AccountSuspended, revocations, phone)
                await support.post(f"/people/{user}/restore", json=REASON)
                await support.post(f"/people/{user}/sign-out", json=REASON)
                await eventually_raises(TokenRejected, revocations, phone)

    async def test_refuse_what_makes_no_sense(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        async with desk.operator("support") as support:
            for path, body, status, code in (
                (f"{user}/suspend", REASON | {"until": past}, 422, "suspension_ends_in_the_past"),
                (f"{user}/suspend", REASON | {"until": "2099-01-01T00:00:00"}, 422, "validation_failed"),
                (f"{user}/suspend", REASON | {"until": 5}, 422, "validation_failed"),
                (f"{user}/suspend", {"reason": "  "}, 422, "validation_failed"),
                (f"{user}/suspend", {"reason": "x" * 501}, 422, "validation_failed"),
                (f"{user}/suspend", {"reason": "a\0b"}, 422, "validation_failed"),
                (f"{user}/suspend", {}, 422, "validation_failed"),
                (f"{user}/restore", REASON, 409, "not_suspended"),
                (f"{uuid4()}/suspend", REASON, 404, "no_such_person"),
                (f"{uuid4()}/restore", REASON, 404, "no_such_person"),
                (f"{uuid4()}/sign-out", REASON, 404, "no_such_person"),
            ):
                answer = await support.post(f"/people/{path}", json=body)
                assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body)
        assert await db._pool.fetchval("select count(*) from audit_records") == 0


class TestSignOutPerson:
    async def test_ends_every_session_and_leaves_the_devices(self, desk: Desk, db: Database) -> None:
        user, other = await guest(db), await guest(db)
        async with desk.operator("support") as support:
            assert (await support.post(f"/people/{user}/sign-out", json=REASON)).status_code == 204
            person = shaped(schemas.PersonInFull, (await support.get(f"/people/{user}")).content)
        assert [session.revocation for session in person.sessions] == ["signed_out_by_operator"]
        assert [device.revoked_at for device in person.devices] == [None]
        assert await db._pool.fetchval("select count(*) from sessions where revoked_at is null") == 1
        assert await db._pool.fetchval("select user_id from audit_records") == user != other


class TestAuditRecords:
    async def test_and_acts_come_together_or_not_at_all(self, desk: Desk, db: Database) -> None:
        user = await guest(db)
        await db._pool.execute("alter table audit_records add constraint never check (false)")
        async with desk.operator("support") as support:
            assert (await support.post(f"/people/{user}/suspend", json=REASON)).status_code == 500
            person = shaped(schemas.PersonInFull, (await support.get(f"/people/{user}")).content).person
        assert person.suspended is False

    @pytest.mark.parametrize(
        "statement",
        [
            "update audit_records set reason = 'another'",
            "delete from audit_records",
            "truncate audit_records",
            "select refresh_hash from sessions",
            "select identifier_hash from devices",
            "select prompt from generations",
            "update pictures set object_key = 'another'",
            "update users set email = 'me@example.jp'",
            "update users set kind = 'member'",
            "update accounts set available = 1000000",
            "insert into credit_transfers (credits) values (1000000)",
            "delete from users",
        ],
    )
    async def test_and_secrets_are_out_of_the_services_reach(
        self, admin_backend: AdminApiBackend, statement: str
    ) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin_backend.db._pool.execute(statement)


async def eventually_raises(refusal: type[Exception], revocations: Revocations, phone: Principal) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                revocations.check(phone, 0)
            except refusal:
                return
            except AccountSuspended:
                pass
            await asyncio.sleep(0.02)
