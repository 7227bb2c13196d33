"""Whatever people do with phones and accounts, in any order: nobody and nothing gets lost.

`merging.assert_nothing_is_wrong` says what must hold after each step.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from factories import USAGE, kept, submitted
from merging import Handset, assert_nothing_is_wrong
from tatemono.adapters.postgres.database import Database
from tatemono.domain.errors import Refusal
from tatemono.domain.generations.attempts import CANCELLED, Claim, Outcome
from tatemono.domain.generations.generation import PictureRequest, Quality
from tatemono.domain.generations.painting import Failure
from tatemono.domain.identity.merges import Merged, MergeGrant
from tatemono.domain.privacy.retention import Retained
from tatemono.usecases.generations.cancel_generation import cancel_generation
from tatemono.usecases.identity.revoke_device import revoke_device
from tatemono.usecases.identity.undo_merge import undo_merge
from tatemono.usecases.pictures.delete_picture import delete_picture

T = TypeVar("T")
#: A test that never came to what it is about would prove nothing.
_REACHED = """
select (select count(*) from account_merges) as merges,
    (select count(*) from account_merges where undone_at is not null) as undone,
    (select count(*) from transfer_codes where used_at is not null) as transfers,
    (select count(*) from pictures) as pictures
"""
SOME = st.integers(0, 99)


class PeopleAndPhones(RuleBasedStateMachine):
    """Accounts are those of the test before, too: all of the database is looked at."""

    runner: ClassVar[asyncio.Runner]
    api: ClassVar[Database]
    worker: ClassVar[Database]
    relay: ClassVar[Database]
    owner: ClassVar[Any]

    phones = Bundle("phones")

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[str] = []
        self.grants: list[tuple[Handset, MergeGrant]] = []
        self.merges: list[tuple[UUID, Merged]] = []
        self.claims: list[Claim] = []
        self.generations: list[UUID] = []

    def run(self, act: Coroutine[Any, Any, T]) -> T | None:
        """Do it, or be refused: that is no fault."""
        with suppress(Refusal):
            return self.runner.run(act)
        return None

    @initialize(target=phones)
    def begin(self) -> MultipleResults[Handset]:
        return multiple(*(self._open_first_time(welcome=500) for _ in range(3)))

    @rule(target=phones, welcome=st.sampled_from([0, 8, 500]))
    def new_phone(self, welcome: int) -> Handset:
        return self._open_first_time(welcome)

    def _open_first_time(self, welcome: int) -> Handset:
        phone = self.run(Handset().sign_in(self.api, welcome=welcome))
        assert phone is not None
        return phone

    @rule(phone=phones)
    def open_the_app(self, phone: Handset) -> None:
        assert self.run(phone.sign_in(self.api)) is not None

    @rule(phone=phones)
    def register(self, phone: Handset) -> None:
        query = "update users set kind = 'member' where id = $1 and merged_into is null"
        self.run(self.owner.execute(query, phone.user_id))

    @rule(phone=phones, quality=st.sampled_from(Quality), key=st.sampled_from(["", "", "a"]))
    def ask(self, phone: Handset, quality: Quality, key: str) -> None:
        request = PictureRequest("A fox", quality=quality)
        generation = self.run(submitted(self.api, phone.user_id, request, key=key))
        if generation is not None:
            self.generations.append(generation.id)

    @rule(phone=phones, number=SOME)
    def cancel(self, phone: Handset, number: int) -> None:
        if self.generations:
            chosen = self.generations[number % len(self.generations)]
            self.run(cancel_generation(self.api, user_id=phone.user_id, generation_id=chosen))

    @rule(lease=st.sampled_from([60, -1]))
    def claim(self, lease: int) -> None:
        claim = self.run(self.worker.generations.claim(lease=timedelta(seconds=lease), max_running=4, model="m"))
        if claim is not None:
            self.claims.append(claim)

    @rule(number=SOME, how=st.sampled_from(["succeed", "give up", "retry"]))
    def finish(self, number: int, how: str) -> None:
        if not self.claims:
            return
        claim = self.claims[number % len(self.claims)]
        pipeline = self.worker.generations
        if how == "succeed":
            self.run(pipeline.succeed(claim, [kept(claim)], USAGE, None))
        elif how == "give up":
            self.run(pipeline.give_up(claim, Outcome.FAILED, Failure.UNAVAILABLE, CANCELLED, None))
        else:
            self.run(pipeline.retry(claim, Outcome.FAILED, Failure.UNAVAILABLE, timedelta(), None))

    @rule()
    def paint_the_next(self) -> None:
        self.claim(60)
        if self.claims:
            self.finish(len(self.claims) - 1, "succeed")

    @rule(phone=phones)
    def delete_newest_picture(self, phone: Handset) -> None:
        for picture in self.run(self.api.queries.pictures(phone.user_id, before=None, limit=1)) or []:
            self.run(delete_picture(self.api.pictures, user_id=phone.user_id, picture_id=picture.id))

    @rule(phone=phones, sign_out=st.booleans())
    def issue(self, phone: Handset, sign_out: bool) -> None:
        issued = self.run(phone.issue(self.api, sign_out=sign_out))
        if issued is not None:
            self.codes.append(issued.code.grouped)

    @rule(phone=phones, number=SOME)
    def redeem(self, phone: Handset, number: int) -> None:
        if self.codes:
            grant = self.run(phone.redeem(self.api, self.codes[number % len(self.codes)]))
            if grant is not None:
                self.grants.append((phone, grant))

    @rule(phone=phones, other=phones, sign_out=st.booleans())
    def change_phones(self, phone: Handset, other: Handset, sign_out: bool) -> None:
        assume(phone is not other)
        self.issue(phone, sign_out)
        if self.codes:
            self.redeem(other, len(self.codes) - 1)

    @rule(phone=phones, other=phones, so_far=st.sampled_from(["asked", "merged", "undone"]))
    def sign_in_as_another(self, phone: Handset, other: Handset, so_far: str) -> None:
        grant = MergeGrant(phone.user_id, other.user_id, phone.principal.device_id)
        assume(grant.from_user_id != grant.into_user_id)
        self.grants.append((phone, grant))
        if so_far != "asked":
            self.confirm(len(self.grants) - 1)
        if so_far == "undone" and self.merges:
            self.undo(len(self.merges) - 1)

    @rule(number=SOME)
    def confirm(self, number: int) -> None:
        if self.grants:
            phone, grant = self.grants[number % len(self.grants)]
            merged = self.run(phone.confirm(self.api, grant))
            if merged is not None:
                self.merges.append((grant.into_user_id, merged))

    @rule(number=SOME)
    def undo(self, number: int) -> None:
        if self.merges:
            user_id, merged = self.merges[number % len(self.merges)]
            self.run(undo_merge(self.api, user_id=user_id, merge_id=merged.id))

    @rule(phone=phones)
    def revoke(self, phone: Handset) -> None:
        principal = phone.principal
        # The kind in an old token may be of yesterday.
        kind = self.runner.run(self.api.merges.side(principal.user_id))
        if kind is not None:
            self.run(
                revoke_device(self.api, user_id=principal.user_id, user_kind=kind.kind, device_id=principal.device_id)
            )

    @rule(what=st.sampled_from([Retained.ENDED_SESSIONS, Retained.REVOKED_DEVICES]))
    def prune(self, what: Retained) -> None:
        self.run(self.relay.retention.prune(what, age=timedelta(), limit=3))

    @invariant()
    def nothing_is_wrong(self) -> None:
        self.runner.run(assert_nothing_is_wrong(self.owner))


class TestPeopleAndPhones:
    @pytest.mark.long
    def test_lose_nobody_and_nothing(self, database_url: str, service_database_url: Callable[[str], str]) -> None:
        with asyncio.Runner() as runner:
            machine = PeopleAndPhones
            machine.runner = runner
            machine.api = runner.run(Database.connect(service_database_url("mobile-api"), service="mobile-api"))
            machine.worker = runner.run(Database.connect(service_database_url("image-worker"), service="image-worker"))
            machine.relay = runner.run(Database.connect(service_database_url("outbox-relay"), service="outbox-relay"))
            machine.owner = runner.run(asyncpg.connect(database_url))
            try:
                run_state_machine_as_test(
                    machine,
                    settings=settings(
                        max_examples=60,
                        stateful_step_count=25,
                        deadline=None,
                        derandomize=True,
                        suppress_health_check=list(HealthCheck),
                    ),
                )
                reached = runner.run(machine.owner.fetchrow(_REACHED))
                assert all(reached), dict(reached)
            finally:
                runner.run(machine.api.close())
                runner.run(machine.worker.close())
                runner.run(machine.relay.close())
                runner.run(machine.owner.close())
