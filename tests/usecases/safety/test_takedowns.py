"""Reports, what is decided about them, and pictures that go and come back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from factories import guest
from moderated import ACT, ModeratedWorker
from tatemono.adapters.pillow.difference_hash import difference_hashes
from tatemono.domain.generations.attempts import Outcome
from tatemono.domain.pictures.picture import NoSuchPicture
from tatemono.domain.safety.reports import (
    CLAIM_FOR,
    CannotUndo,
    Decision,
    NoSuchReport,
    NoSuchTakedown,
    NotClaimed,
    Report,
    ReportReason,
    ReportState,
    ReportTaken,
    quarantine_key,
)
from tatemono.usecases.pictures.delete_picture import delete_picture
from tatemono.usecases.safety.decide_report import decide_report
from tatemono.usecases.safety.report_from_outside import named_picture, report_from_outside
from tatemono.usecases.safety.report_picture import report_picture
from tatemono.usecases.safety.take_down_picture import take_down_picture
from tatemono.usecases.safety.undo_takedown import undo_takedown

pytest_plugins = ["moderated_worker"]

NOW = datetime.now(UTC)
SUSPENDED = "select suspended_at is not null, suspended_until is not null from users where id = $1"


async def reported(
    moderated: ModeratedWorker, user_id: UUID | None = None, reason: ReportReason = ReportReason.HATE, seed: int = 1
) -> tuple[Report, UUID]:
    """A picture that its user has reported, claimed by the operator of `ACT`."""
    claim, picture_id = await moderated.paint(user_id, prompt=f"A fox number {seed}")
    await report_picture(
        moderated.owner.reports, user_id=claim.generation.user_id, picture_id=picture_id, reason=reason, note=None
    )
    report = next(
        r for r in await moderated.admin.reports.all(None, after=None, limit=100) if r.picture_id == picture_id
    )
    return await moderated.admin.reports.claim(report.id, ACT.operator.email, claimed_for=CLAIM_FOR), picture_id


async def decide(moderated: ModeratedWorker, report: Report, decision: Decision) -> Report:
    return await decide_report(moderated.admin, ACT, report_id=report.id, decision=decision, now=NOW)


async def member(moderated: ModeratedWorker) -> UUID:
    user_id = await guest(moderated.owner)
    await moderated.owner._pool.execute(
        "update users set kind = 'member', email = 'hanako@example.jp', email_verified_at = now(),"
        " cognito_sub = gen_random_uuid() where id = $1",
        user_id,
    )
    return user_id


class TestReports:
    async def test_of_a_picture_of_others_change_nothing_and_tell_nothing(self, moderated: ModeratedWorker) -> None:
        claim, picture_id = await moderated.paint()
        stranger = await guest(moderated.owner)
        with pytest.raises(NoSuchPicture):
            await report_picture(
                moderated.owner.reports, user_id=stranger, picture_id=picture_id, reason=ReportReason.OTHER, note=None
            )
        for _ in range(30):
            await report_from_outside(
                moderated.owner.reports, picture=str(picture_id), reason=ReportReason.MINORS, note="!"
            )
        await report_from_outside(moderated.owner.reports, picture=str(uuid4()), reason=ReportReason.MINORS, note=None)
        assert await moderated.carry_out() == 0
        assert [row.id for row in await moderated.owner.queries.pictures_of([claim.generation.id])] == [picture_id]
        # Thirty times the same is one thing to look at.
        assert len(await moderated.admin.reports.all(ReportState.OPEN, after=None, limit=100)) == 1

    async def test_name_a_picture_by_any_url_that_opens_it(self, moderated: ModeratedWorker) -> None:
        claim, picture_id = await moderated.paint()
        row = (await moderated.owner.queries.pictures_of([claim.generation.id]))[0]
        for key in (row.object_key, row.thumbnail_key):
            url = f"https://pictures.example.jp/{key}?Expires=1&Signature=x"
            await report_from_outside(moderated.owner.reports, picture=url, reason=ReportReason.COPYRIGHT, note=None)
        (report,) = await moderated.admin.reports.all(None, after=None, limit=10)
        assert report.picture_id == picture_id

    @pytest.mark.parametrize("text", ["", "https://example.jp/", "http://[", "nonsense", "/etc/passwd", "pictures/x"])
    def test_name_nothing_else(self, text: str) -> None:
        assert named_picture(text) == (None, None)

    async def test_are_claimed_by_one_operator_at_a_time(self, moderated: ModeratedWorker) -> None:
        report, _ = await reported(moderated)
        with pytest.raises(ReportTaken):
            await moderated.admin.reports.claim(report.id, "taro@example.jp", claimed_for=CLAIM_FOR)
        await moderated.owner._pool.execute("update reports set claimed_until = now() - interval '1 s'")
        with pytest.raises(NotClaimed):
            await decide(moderated, report, Decision.DISMISS)
        taken = await moderated.admin.reports.claim(report.id, "taro@example.jp", claimed_for=CLAIM_FOR)
        assert taken.claimed_by == "taro@example.jp"
        with pytest.raises(NotClaimed):
            await decide(moderated, report, Decision.TAKEDOWN)
        with pytest.raises(NoSuchReport):
            await moderated.admin.reports.claim(uuid4(), "taro@example.jp", claimed_for=CLAIM_FOR)

    async def test_that_are_dismissed_leave_the_picture_and_a_record(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await report_from_outside(moderated.owner.reports, picture=str(picture_id), reason=ReportReason.HATE, note=None)
        await decide(moderated, report, Decision.DISMISS)
        decided = await moderated.admin.reports.all(ReportState.DECIDED, after=None, limit=10)
        assert [each.decision for each in decided] == [Decision.DISMISS] * 2
        assert await moderated.fetch("select count(*) from pictures") == [(1,)]
        assert await moderated.fetch("select action, data->>'decision' from audit_records") == [
            ("decide_report", "dismiss")
        ]

    @pytest.mark.parametrize("decision", Decision)
    async def test_say_afterwards_whether_the_picture_is_gone(
        self, moderated: ModeratedWorker, decision: Decision
    ) -> None:
        report, _ = await reported(moderated)
        decided = await decide(moderated, report, decision)
        assert (decided.id, decided.state, decided.decision) == (report.id, ReportState.DECIDED, decision)
        assert decided.taken_down is (decision is not Decision.DISMISS)

    async def test_that_are_decided_keep_their_decision_when_a_later_one_is_decided(
        self, moderated: ModeratedWorker
    ) -> None:
        first, picture_id = await reported(moderated)
        await decide(moderated, first, Decision.DISMISS)
        await report_from_outside(moderated.owner.reports, picture=str(picture_id), reason=ReportReason.HATE, note=None)
        (later,) = await moderated.admin.reports.all(ReportState.OPEN, after=None, limit=10)
        await moderated.admin.reports.claim(later.id, ACT.operator.email, claimed_for=CLAIM_FOR)
        await decide(moderated, later, Decision.TAKEDOWN)
        decided = await moderated.admin.reports.all(ReportState.DECIDED, after=None, limit=10)
        assert {each.id: each.decision for each in decided} == {first.id: Decision.DISMISS, later.id: Decision.TAKEDOWN}

    @pytest.mark.parametrize("over", [False, True])
    async def test_that_another_operator_looks_at_are_left_to_that_one(
        self, moderated: ModeratedWorker, over: bool
    ) -> None:
        report, picture_id = await reported(moderated)
        await report_from_outside(moderated.owner.reports, picture=str(picture_id), reason=ReportReason.HATE, note=None)
        (other,) = await moderated.admin.reports.all(ReportState.OPEN, after=None, limit=10)
        await moderated.admin.reports.claim(other.id, "taro@example.jp", claimed_for=CLAIM_FOR)
        if over:
            expire = "update reports set claimed_until = now() - interval '1 s' where id = $1"
            await moderated.owner._pool.execute(expire, other.id)
        await decide(moderated, report, Decision.DISMISS)
        decided = await moderated.admin.reports.all(ReportState.DECIDED, after=None, limit=10)
        assert {each.id for each in decided} == ({report.id, other.id} if over else {report.id})

    async def test_of_a_picture_that_is_deleted_meanwhile_can_be_decided(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        assert report.user_id is not None
        await delete_picture(moderated.owner.pictures, user_id=report.user_id, picture_id=picture_id)
        await decide(moderated, report, Decision.TAKEDOWN)
        assert await moderated.admin.takedowns.all(before=None, limit=10) == []


class TestTakedowns:
    async def test_take_the_picture_and_its_bytes_from_where_they_were(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        before = await moderated.keys(moderated.served)
        await decide(moderated, report, Decision.TAKEDOWN)
        assert report.user_id is not None
        assert await moderated.owner.queries.pictures(report.user_id, before=None, limit=10) == []
        assert await moderated.carry_out() == 2
        assert await moderated.keys(moderated.served) == set()
        assert await moderated.keys(moderated.kept) == {quarantine_key(key) for key in before}
        (takedown,) = await moderated.admin.takedowns.all(before=None, limit=10)
        assert takedown.picture_id == picture_id
        assert takedown.moved_at is not None
        assert takedown.invalidated_at is not None
        assert await moderated.carry_out() == 0

    async def test_keep_the_picture_from_coming_back(self, moderated: ModeratedWorker) -> None:
        report, _ = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.carry_out()
        again = await moderated.claim(prompt="A fox number 1")
        assert await moderated.run(again) is Outcome.REFUSED

    @pytest.mark.parametrize("lost", [0, 1])
    async def test_go_on_after_a_crash_in_between(self, moderated: ModeratedWorker, lost: int) -> None:
        report, _ = await reported(moderated)
        keys = sorted(await moderated.keys(moderated.served))
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.quarantine.move_in(keys[lost], quarantine_key(keys[lost]))
        await moderated.carry_out()
        assert await moderated.keys(moderated.served) == set()
        assert await moderated.keys(moderated.kept) == {quarantine_key(key) for key in keys}

    async def test_can_be_undone(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        assert report.user_id is not None
        before = await moderated.keys(moderated.served)
        shown = await moderated.owner.queries.pictures(report.user_id, before=None, limit=10)
        await decide(moderated, report, Decision.STRIKE)
        await moderated.carry_out()
        await undo_takedown(moderated.admin, ACT, picture_id=picture_id)
        await moderated.carry_out()
        assert await moderated.owner.queries.pictures(report.user_id, before=None, limit=10) == shown
        assert await moderated.keys(moderated.served) == before
        assert await moderated.keys(moderated.kept) == set()
        assert await moderated.fetch(
            "select (select count(*) from blocked_hashes), (select count(*) from strikes)"
        ) == [(0, 0)]
        with pytest.raises(NoSuchTakedown):
            await undo_takedown(moderated.admin, ACT, picture_id=picture_id)

    async def test_can_be_undone_for_thirty_days(self, moderated: ModeratedWorker) -> None:
        report, _ = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        (takedown,) = await moderated.admin.takedowns.all(before=None, limit=10)
        assert takedown.undo_until - takedown.created_at == timedelta(days=30)

    async def test_keep_the_bytes_as_long_as_they_can_be_undone(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.carry_out()
        kept = await moderated.keys(moderated.kept)
        assert len(kept) == 2
        await moderated.owner._pool.execute("update takedowns set undo_until = now() + interval '1 minute'")
        assert await moderated.carry_out() == 0
        assert await moderated.keys(moderated.kept) == kept
        await undo_takedown(moderated.admin, ACT, picture_id=picture_id)

    async def test_cannot_be_undone_when_the_bytes_are_nowhere(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.carry_out()
        await moderated.quarantine.erase(sorted(await moderated.keys(moderated.kept)))
        await undo_takedown(moderated.admin, ACT, picture_id=picture_id)
        assert await moderated.carry_out() == 1
        # It stays taken down, and nobody tries again and again.
        assert await moderated.carry_out() == 0
        assert [each.picture_id for each in await moderated.admin.takedowns.all(before=None, limit=10)] == [picture_id]
        assert await moderated.fetch("select count(*) from pictures") == [(0,)]

    async def test_undone_before_the_bytes_were_moved_come_back_all_the_same(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        before = await moderated.keys(moderated.served)
        await decide(moderated, report, Decision.TAKEDOWN)
        await undo_takedown(moderated.admin, ACT, picture_id=picture_id)
        while await moderated.carry_out():
            pass
        assert await moderated.keys(moderated.served) == before
        assert await moderated.fetch("select id from pictures") == [(picture_id,)]

    async def test_end_with_the_bytes_when_their_time_is_over(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.carry_out()
        await moderated.owner._pool.execute("update takedowns set undo_until = now()")
        with pytest.raises(CannotUndo):
            await undo_takedown(moderated.admin, ACT, picture_id=picture_id)
        await moderated.carry_out()
        assert await moderated.keys(moderated.kept) == set()
        assert await moderated.admin.takedowns.all(before=None, limit=10) == []
        # What it looked like stays blocked.
        assert await moderated.fetch("select class from blocked_hashes") == [("unwanted",)]

    async def test_need_no_report(self, moderated: ModeratedWorker) -> None:
        claim, picture_id = await moderated.paint()
        await take_down_picture(
            moderated.admin, ACT, picture_id=picture_id, reason=ReportReason.HATE, decision=Decision.TAKEDOWN, now=NOW
        )
        assert await moderated.owner.queries.pictures_of([claim.generation.id]) == []
        with pytest.raises(NoSuchPicture):
            await take_down_picture(
                moderated.admin, ACT, picture_id=uuid4(), reason=ReportReason.HATE, decision=Decision.TAKEDOWN, now=NOW
            )


class TestEscalation:
    async def test_keeps_the_evidence_freezes_the_account_and_stays(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated, reason=ReportReason.MINORS)
        assert report.user_id is not None
        (key,) = [key for key in await moderated.keys(moderated.served) if "thumbnail" not in key]
        data = await moderated.served.get(key)
        assert data is not None
        asked = len(await moderated.studio.calls())
        await decide(moderated, report, Decision.ESCALATE)
        await moderated.carry_out()
        (record,) = await moderated.admin.escalations.all(before=None, limit=10)
        assert (record.picture_id, record.found_by, record.reason) == (picture_id, ACT.operator.email, ACT.reason)
        assert record.evidence_key == quarantine_key(key)
        assert await moderated.kept.get(record.evidence_key) == data
        assert await moderated.keys(moderated.served) == set()
        assert await moderated.fetch(SUSPENDED, report.user_id) == [(True, False)]
        told = await moderated.owner.sessions.events(report.user_id, before=None, limit=10)
        assert [event.kind for event in told] == ["suspended"]
        with pytest.raises(CannotUndo):
            await undo_takedown(moderated.admin, ACT, picture_id=picture_id)
        await moderated.owner._pool.execute("update takedowns set undo_until = now()")
        assert await moderated.carry_out() == 0
        # Nobody was asked about it, and the next of its kind goes straight to quarantine.
        assert len(await moderated.studio.calls()) == asked
        hashes = "select class, hash from blocked_hashes"
        ((hash_class, stored),) = await moderated.fetch(hashes)
        assert (hash_class, stored % 2**64) == ("illegal", difference_hashes(data)[0])

    async def test_of_what_was_taken_down_before_makes_evidence_of_it(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await decide(moderated, report, Decision.TAKEDOWN)
        await moderated.carry_out()
        await take_down_picture(
            moderated.admin, ACT, picture_id=picture_id, reason=ReportReason.MINORS, decision=Decision.ESCALATE, now=NOW
        )
        await moderated.carry_out()
        assert await moderated.fetch("select class from blocked_hashes") == [("illegal",)]
        assert await moderated.fetch("select escalated, moved_at is not null from takedowns") == [(True, True)]


class TestStrikes:
    async def test_suspend_at_the_third_within_ninety_days(self, moderated: ModeratedWorker) -> None:
        user_id = await guest(moderated.owner)
        for number in range(3):
            report, _ = await reported(moderated, user_id, seed=number)
            assert await moderated.fetch(SUSPENDED, user_id) == [(False, False)]
            await decide(moderated, report, Decision.STRIKE)
        assert await moderated.fetch(SUSPENDED, user_id) == [(True, True)]
        me = await moderated.owner.queries.me(user_id)
        assert me is not None
        assert [strike.reason for strike in me.strikes] == ["hate"] * 3
        assert await moderated.fetch("select kind::text from security_events where user_id = $1", user_id) == [
            ("suspended",)
        ]

    async def test_are_mailed_to_members(self, moderated: ModeratedWorker) -> None:
        user_id = await member(moderated)
        report, picture_id = await reported(moderated, user_id)
        await decide(moderated, report, Decision.STRIKE)
        assert await moderated.fetch("select cause, kind, recipient, facts->>'reason' from mails") == [
            (f"strike:{picture_id}", "strike", "hanako@example.jp", "差別や嫌がらせ")
        ]

    @pytest.mark.parametrize(("suspended", "told"), [(False, True), (True, False)])
    async def test_tell_an_end_of_the_suspension_only_if_it_is_that(
        self, moderated: ModeratedWorker, suspended: bool, told: bool
    ) -> None:
        user_id = await member(moderated)
        for _ in range(2):
            await moderated.owner.strikes.add(user_id, "hate", None, counts_for=timedelta(days=90))
        report, _ = await reported(moderated, user_id)
        if suspended:
            await moderated.owner.people.suspend(user_id, until=None, reason="worse")
        await decide(moderated, report, Decision.STRIKE)
        assert await moderated.fetch("select facts ? 'suspended_until' from mails") == [(told,)]

    async def test_that_are_too_old_count_no_more(self, moderated: ModeratedWorker) -> None:
        user_id = await guest(moderated.owner)
        for _ in range(2):
            await moderated.owner.strikes.add(user_id, "hate", None, counts_for=timedelta(seconds=-1))
        report, _ = await reported(moderated, user_id)
        await decide(moderated, report, Decision.STRIKE)
        assert await moderated.fetch(SUSPENDED, user_id) == [(False, False)]
        me = await moderated.owner.queries.me(user_id)
        assert me is not None
        assert len(me.strikes) == 1

    async def test_never_shorten_a_suspension(self, moderated: ModeratedWorker) -> None:
        user_id = await guest(moderated.owner)
        for _ in range(2):
            await moderated.owner.strikes.add(user_id, "hate", None, counts_for=timedelta(days=90))
        await moderated.owner.people.suspend(user_id, until=None, reason="worse")
        report, _ = await reported(moderated, user_id)
        await decide(moderated, report, Decision.STRIKE)
        assert await moderated.fetch("select suspension_reason from users where id = $1", user_id) == [("worse",)]

    async def test_count_each_picture_once(self, moderated: ModeratedWorker) -> None:
        report, picture_id = await reported(moderated)
        await decide(moderated, report, Decision.STRIKE)
        await take_down_picture(
            moderated.admin, ACT, picture_id=picture_id, reason=ReportReason.HATE, decision=Decision.STRIKE, now=NOW
        )
        assert await moderated.fetch("select count(*) from strikes") == [(1,)]
