"""Whatever people do before, in whatever order: whoever is erased is gone, and nobody else has lost anything."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from conftest import CloudEndpoint
from merging import IDENTIFIERS, Handset, assert_nothing_is_wrong
from privacy_services import LEDGER, RECEIPT_KEY, mentions
from tatemono.adapters.aws import aws_clients
from tatemono.adapters.cognito.directory import CognitoDirectory
from tatemono.adapters.cognito.members import CognitoMembers
from tatemono.adapters.postgres.database import Database
from tatemono.adapters.s3.folders import S3Folders
from tatemono.domain.generations.generation import Quality
from tatemono.domain.identity.devices import Platform
from tatemono.usecases.privacy.erase_accounts import Eraser, erase_accounts
from tatemono.usecases.privacy.request_deletion import request_deletion
from tatemono.usecases.privacy.undo_deletion import undo_deletion
from usecases.identity.test_people_and_phones import PeopleAndPhones

_STORED = "select object_key, thumbnail_key from pictures"
_FAMILY = """
with recursive family as (
    select user_id as id from deletions where erased_at is null
    union select users.id from users join family on users.merged_into = family.id)
select id from family where not exists (
    select from accounts where user_id = family.id and queued + running > 0)
"""
#: A test that never came to what it is about would prove nothing.
_REACHED = """
select (select count(*) from deletions where erased_at is not null) as erased,
    (select count(*) from security_events where kind = 'deletion_undone') as undone,
    (select count(*) from deletions where (counts->>'users')::int > 1) as families,
    (select sum(credits) from erased_credits where 'moved' in (out_of, into_pot)) as moved,
    (select sum((counts->>'objects')::int) from deletions) as objects
"""


class PeopleWhoLeave(PeopleAndPhones):
    """Nobody here has an address, so nobody is asked for a password, and the pools stay as they are."""

    relay: ClassVar[Database]
    pool: ClassVar[CognitoMembers]
    s3: ClassVar[Any]
    bucket: ClassVar[str]
    eraser: ClassVar[Eraser]
    erased: ClassVar[set[UUID]]

    @rule(phone=PeopleAndPhones.phones)
    def open_the_app(self, phone: Handset) -> None:
        self.run(phone.sign_in(self.api))

    @rule(phone=PeopleAndPhones.phones)
    def leave(self, phone: Handset) -> None:
        self.run(
            request_deletion(
                self.api,
                self.pool,
                caller=phone.principal,
                proof=phone.proof(),
                password=None,
                totp_code=None,
                grace=timedelta(days=14),
                language="en",
                even_seconds=0,
            )
        )

    @rule(phone=PeopleAndPhones.phones)
    def come_back(self, phone: Handset) -> None:
        self.run(
            undo_deletion(
                self.api,
                self.pool,
                platform=Platform.IOS,
                identifier_hashes=IDENTIFIERS.hashes(phone.identifier, now=0),
                proof=phone.proof(),
                member=None,
                even_seconds=0,
            )
        )

    @rule(phone=PeopleAndPhones.phones)
    def think_better_of_it(self, phone: Handset) -> None:
        self.leave(phone)
        self.come_back(phone)

    @rule(phone=PeopleAndPhones.phones, other=PeopleAndPhones.phones, quality=st.sampled_from(Quality))
    def join_and_leave_for_good(self, phone: Handset, other: Handset, quality: Quality) -> None:
        self.ask(phone, quality, "")
        self.paint_the_next()
        if phone is not other:
            self.sign_in_as_another(phone, other, "merged")
        self.leave(phone)
        self.time_passes()

    @rule()
    def time_passes(self) -> None:
        self.runner.run(self._time_passes())

    async def _time_passes(self) -> None:
        kept = {key for row in await self.owner.fetch(_STORED) for key in row}
        for key in kept - await self._objects():
            await self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"x")
        going = {row["id"] for row in await self.owner.fetch(_FAMILY)}
        ledger = await self.owner.fetch(LEDGER)
        await self.owner.execute("update deletions set erase_at = now() where erased_at is null")
        for _ in range(3):
            await erase_accounts(self.relay, self.eraser)
        left = {row["id"] for row in await self.owner.fetch("select id from users where id = any($1)", list(going))}
        # Somebody whose guest was merged in waits for what that one has still running.
        gone = going - left
        self.erased.update(gone)
        assert await self._objects() == {key for row in await self.owner.fetch(_STORED) for key in row}
        assert await self.owner.fetch(LEDGER) == ledger

    async def _objects(self) -> set[str]:
        return {each.key for each in await S3Folders(self.s3, self.bucket).listed("")}


class TestPeopleWhoLeave:
    @pytest.mark.long
    def test_are_gone_and_take_nothing_of_anybody_along(
        self, database_url: str, service_database_url: Callable[[str], str], aws_environment: CloudEndpoint
    ) -> None:
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            runner.run(prepare(stack, runner, database_url, service_database_url, aws_environment.region))
            machine = PeopleWhoLeave
            try:
                run_state_machine_as_test(
                    machine,
                    settings=settings(
                        max_examples=50,
                        stateful_step_count=25,
                        deadline=None,
                        derandomize=True,
                        suppress_health_check=list(HealthCheck),
                    ),
                )
                assert runner.run(mentions(machine.owner, *machine.erased)) == {}
                runner.run(assert_nothing_is_wrong(machine.owner))
                reached = runner.run(machine.owner.fetchrow(_REACHED))
                assert all(reached), dict(reached)
            finally:
                runner.run(stack.aclose())


async def prepare(
    stack: AsyncExitStack, runner: asyncio.Runner, database_url: str, url: Callable[[str], str], region: str
) -> None:
    machine = PeopleWhoLeave
    machine.runner, machine.erased, machine.bucket = runner, set(), f"test-{secrets.token_hex(6)}"
    machine.api, machine.worker, machine.relay = [
        await stack.enter_async_context(await Database.connect(url(role), service=role))
        for role in ("mobile-api", "image-worker", "outbox-relay")
    ]
    machine.owner = await asyncpg.connect(database_url)
    stack.push_async_callback(machine.owner.close)
    machine.s3, idp = await stack.enter_async_context(aws_clients("s3", "cognito-idp"))
    await machine.s3.create_bucket(Bucket=machine.bucket, CreateBucketConfiguration={"LocationConstraint": region})

    async def client() -> Any:
        return idp

    machine.pool = CognitoMembers(client, pool_id="nobody's", client_id="nobody's", client_secret="")
    store, directory = S3Folders(machine.s3, machine.bucket), CognitoDirectory(idp, "nobody's")
    machine.eraser = Eraser(store, directory, None, RECEIPT_KEY)
