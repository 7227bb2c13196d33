"""Reports, what is decided about them, and pictures that go and come back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from factories import guest
from guarded import ACT, GuardedWorker
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
from tatemono.usecases.safety.decide_report import decide_report, take_down_picture
from tatemono.usecases.safety.report_picture import named_picture, report_from_outside, report_picture
from tatemono.usecases.safety.undo_takedown import undo_takedown

pytest_plugins = ["guarded_worker"]

NOW = datetime.now(UTC)
SUSPENDED = "select suspended_at is not null, suspended_until is not null from users where id = $1"


async def reported(
    guarded: GuardedWorker, user_id: UUID | None = None, reason: ReportReason = ReportReason.HATE, seed: int = 1
) -> tuple[Report, UUID]:
    """A picture that its user has reported, claimed by the operator of `ACT`."""
    claim, picture_id = await guarded.paint(user_id, prompt=f"A fox number {seed}")
    await report_picture(
        guarded.owner, user_id=claim.generation.user_id, picture_id=picture_id, reason=reason, note=None
    )
    report = next(r for r in await guarded.admin.reports.all(None, after=None, limit=100) if r.picture_id == picture_id)
    return await guarded.admin.reports.claim(report.id, ACT.operator.email, claimed_for=CLAIM_FOR), picture_id


async def decide(guarded: GuardedWorker, report: Report, decision: Decision) -> None:
    await decide_report(guarded.admin, ACT, report_id=report.id, decision=decision, now=NOW)


class TestReports:
    async def test_of_a_picture_of_others_change_nothing_and_tell_nothing(self, guarded: GuardedWorker) -> None:
        claim, picture_id = await guarded.paint()
        stranger = await guest(guarded.owner)
        with pytest.raises(NoSuchPicture):
            await report_picture(
                guarded.owner, user_id=stranger, picture_id=picture_id, reason=ReportReason.OTHER, note=None
            )
        for _ in range(30):
            await report_from_outside(guarded.owner, picture=str(picture_id), reason=ReportReason.MINORS, note="!")
        await report_from_outside(guarded.owner, picture=str(uuid4()), reason=ReportReason.MINORS, note=None)
        assert await guarded.carry_out() == 0
        assert [row.id for row in await guarded.owner.queries.pictures_of([claim.generation.id])] == [picture_id]
        # Thirty times the same is one thing to look at.
        assert len(await guarded.admin.reports.all(ReportState.OPEN, after=None, limit=100)) == 1

    async def test_name_a_picture_by_any_url_that_opens_it(self, guarded: GuardedWorker) -> None:
        claim, picture_id = await guarded.paint()
        row = (await guarded.owner.queries.pictures_of([claim.generation.id]))[0]
        for key in (row.object_key, row.thumbnail_key):
            url = f"https://pictures.example.jp/{key}?Expires=1&Signature=x"
            await report_from_outside(guarded.owner, picture=url, reason=ReportReason.COPYRIGHT, note=None)
        (report,) = await guarded.admin.reports.all(None, after=None, limit=10)
        assert report.picture_id == picture_id

    @pytest.mark.parametrize("text", ["", "https://example.jp/", "http://[", "nonsense", "/etc/passwd", "pictures/x"])
    def test_name_nothing_else(self, text: str) -> None:
        assert named_picture(text) == (None, None)

    async def test_are_claimed_by_one_operator_at_a_time(self, guarded: GuardedWorker) -> None:
        report, _ = await reported(guarded)
        with pytest.raises(ReportTaken):
            await guarded.admin.reports.claim(report.id, "taro@example.jp", claimed_for=CLAIM_FOR)
        await guarded.owner._pool.execute("update reports set claimed_until = now() - interval '1 s'")
        with pytest.raises(NotClaimed):
            await decide(guarded, report, Decision.DISMISS)
        taken = await guarded.admin.reports.claim(report.id, "taro@example.jp", claimed_for=CLAIM_FOR)
        assert taken.claimed_by == "taro@example.jp"
        with pytest.raises(NotClaimed):
            await decide(guarded, report, Decision.TAKEDOWN)
        with pytest.raises(NoSuchReport):
            await guarded.admin.reports.claim(uuid4(), "taro@example.jp", claimed_for=CLAIM_FOR)

    async def test_that_are_dismissed_leave_the_picture_and_a_record(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        await report_from_outside(guarded.owner, picture=str(picture_id), reason=ReportReason.HATE, note=None)
        await decide(guarded, report, Decision.DISMISS)
        decided = await guarded.admin.reports.all(ReportState.DECIDED, after=None, limit=10)
        assert [each.decision for each in decided] == [Decision.DISMISS] * 2
        assert await guarded.fetch("select count(*) from pictures") == [(1,)]
        assert await guarded.fetch("select action, data->>'decision' from audit_records") == [
            ("decide_report", "dismiss")
        ]

    async def test_of_a_picture_that_is_deleted_meanwhile_can_be_decided(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        assert report.user_id is not None
        await delete_picture(guarded.owner, user_id=report.user_id, picture_id=picture_id)
        await decide(guarded, report, Decision.TAKEDOWN)
        assert await guarded.admin.takedowns.all(before=None, limit=10) == []


class TestTakedowns:
    async def test_take_the_picture_and_its_bytes_from_where_they_were(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        before = await guarded.keys(guarded.served)
        await decide(guarded, report, Decision.TAKEDOWN)
        assert report.user_id is not None
        assert await guarded.owner.queries.pictures(report.user_id, before=None, limit=10) == []
        assert await guarded.carry_out() == 2
        assert await guarded.keys(guarded.served) == set()
        assert await guarded.keys(guarded.kept) == {quarantine_key(key) for key in before}
        (takedown,) = await guarded.admin.takedowns.all(before=None, limit=10)
        assert takedown.picture_id == picture_id
        assert takedown.moved_at is not None
        assert takedown.invalidated_at is not None
        assert await guarded.carry_out() == 0

    async def test_keep_the_picture_from_coming_back(self, guarded: GuardedWorker) -> None:
        report, _ = await reported(guarded)
        await decide(guarded, report, Decision.TAKEDOWN)
        await guarded.carry_out()
        again = await guarded.claim(prompt="A fox number 1")
        assert await guarded.run(again) is Outcome.REFUSED

    @pytest.mark.parametrize("lost", [0, 1])
    async def test_go_on_after_a_crash_in_between(self, guarded: GuardedWorker, lost: int) -> None:
        report, _ = await reported(guarded)
        keys = sorted(await guarded.keys(guarded.served))
        await decide(guarded, report, Decision.TAKEDOWN)
        await guarded.quarantine.move_in(keys[lost], quarantine_key(keys[lost]))
        await guarded.carry_out()
        assert await guarded.keys(guarded.served) == set()
        assert await guarded.keys(guarded.kept) == {quarantine_key(key) for key in keys}

    async def test_can_be_undone(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        assert report.user_id is not None
        before = await guarded.keys(guarded.served)
        shown = await guarded.owner.queries.pictures(report.user_id, before=None, limit=10)
        await decide(guarded, report, Decision.STRIKE)
        await guarded.carry_out()
        await undo_takedown(guarded.admin, ACT, picture_id=picture_id)
        await guarded.carry_out()
        assert await guarded.owner.queries.pictures(report.user_id, before=None, limit=10) == shown
        assert await guarded.keys(guarded.served) == before
        assert await guarded.keys(guarded.kept) == set()
        assert await guarded.fetch("select (select count(*) from blocked_hashes), (select count(*) from strikes)") == [
            (0, 0)
        ]
        with pytest.raises(NoSuchTakedown):
            await undo_takedown(guarded.admin, ACT, picture_id=picture_id)

    async def test_undone_before_the_bytes_were_moved_come_back_all_the_same(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        before = await guarded.keys(guarded.served)
        await decide(guarded, report, Decision.TAKEDOWN)
        await undo_takedown(guarded.admin, ACT, picture_id=picture_id)
        while await guarded.carry_out():
            pass
        assert await guarded.keys(guarded.served) == before
        assert await guarded.fetch("select id from pictures") == [(picture_id,)]

    async def test_end_with_the_bytes_when_their_time_is_over(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        await decide(guarded, report, Decision.TAKEDOWN)
        await guarded.carry_out()
        await guarded.owner._pool.execute("update takedowns set undo_until = now()")
        with pytest.raises(CannotUndo):
            await undo_takedown(guarded.admin, ACT, picture_id=picture_id)
        await guarded.carry_out()
        assert await guarded.keys(guarded.kept) == set()
        assert await guarded.admin.takedowns.all(before=None, limit=10) == []
        # What it looked like stays blocked.
        assert await guarded.fetch("select class from blocked_hashes") == [("unwanted",)]

    async def test_need_no_report(self, guarded: GuardedWorker) -> None:
        claim, picture_id = await guarded.paint()
        await take_down_picture(
            guarded.admin, ACT, picture_id=picture_id, reason=ReportReason.HATE, decision=Decision.TAKEDOWN, now=NOW
        )
        assert await guarded.owner.queries.pictures_of([claim.generation.id]) == []
        with pytest.raises(NoSuchPicture):
            await take_down_picture(
                guarded.admin, ACT, picture_id=uuid4(), reason=ReportReason.HATE, decision=Decision.TAKEDOWN, now=NOW
            )


class TestEscalation:
    async def test_keeps_the_evidence_freezes_the_account_and_stays(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded, reason=ReportReason.MINORS)
        assert report.user_id is not None
        (key,) = [key for key in await guarded.keys(guarded.served) if "thumbnail" not in key]
        data = await guarded.served.get(key)
        assert data is not None
        asked = len(await guarded.studio.calls())
        await decide(guarded, report, Decision.ESCALATE)
        await guarded.carry_out()
        (record,) = await guarded.admin.escalations.all(before=None, limit=10)
        assert (record.picture_id, record.found_by, record.reason) == (picture_id, ACT.operator.email, ACT.reason)
        assert record.evidence_key == quarantine_key(key)
        assert await guarded.kept.get(record.evidence_key) == data
        assert await guarded.keys(guarded.served) == set()
        assert await guarded.fetch(SUSPENDED, report.user_id) == [(True, False)]
        with pytest.raises(CannotUndo):
            await undo_takedown(guarded.admin, ACT, picture_id=picture_id)
        await guarded.owner._pool.execute("update takedowns set undo_until = now()")
        assert await guarded.carry_out() == 0
        # Nobody was asked about it, and the next of its kind goes straight to quarantine.
        assert len(await guarded.studio.calls()) == asked
        hashes = "select class, hash from blocked_hashes"
        ((hash_class, stored),) = await guarded.fetch(hashes)
        assert (hash_class, stored % 2**64) == ("illegal", difference_hashes(data)[0])

    async def test_of_what_was_taken_down_before_makes_evidence_of_it(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        await decide(guarded, report, Decision.TAKEDOWN)
        await guarded.carry_out()
        await take_down_picture(
            guarded.admin, ACT, picture_id=picture_id, reason=ReportReason.MINORS, decision=Decision.ESCALATE, now=NOW
        )
        await guarded.carry_out()
        assert await guarded.fetch("select class from blocked_hashes") == [("illegal",)]
        assert await guarded.fetch("select escalated, moved_at is not null from takedowns") == [(True, True)]


class TestStrikes:
    async def test_suspend_at_the_third_within_ninety_days(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner)
        for number in range(3):
            report, _ = await reported(guarded, user_id, seed=number)
            assert await guarded.fetch(SUSPENDED, user_id) == [(False, False)]
            await decide(guarded, report, Decision.STRIKE)
        assert await guarded.fetch(SUSPENDED, user_id) == [(True, True)]
        me = await guarded.owner.queries.me(user_id)
        assert me is not None
        assert [strike.reason for strike in me.strikes] == ["hate"] * 3
        assert await guarded.fetch("select kind::text from security_events where user_id = $1", user_id) == [
            ("suspended",)
        ]

    async def test_are_mailed_to_members(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner)
        await guarded.owner._pool.execute(
            "update users set kind = 'member', email = 'hanako@example.jp', email_verified_at = now(),"
            " cognito_sub = gen_random_uuid() where id = $1",
            user_id,
        )
        report, picture_id = await reported(guarded, user_id)
        await decide(guarded, report, Decision.STRIKE)
        assert await guarded.fetch("select cause, kind, recipient, facts->>'reason' from mails") == [
            (f"strike:{picture_id}", "strike", "hanako@example.jp", "差別や嫌がらせ")
        ]

    async def test_that_are_too_old_count_no_more(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner)
        for _ in range(2):
            await guarded.owner.strikes.add(user_id, "hate", None, counts_for=timedelta(seconds=-1))
        report, _ = await reported(guarded, user_id)
        await decide(guarded, report, Decision.STRIKE)
        assert await guarded.fetch(SUSPENDED, user_id) == [(False, False)]

    async def test_never_shorten_a_suspension(self, guarded: GuardedWorker) -> None:
        user_id = await guest(guarded.owner)
        for _ in range(2):
            await guarded.owner.strikes.add(user_id, "hate", None, counts_for=timedelta(days=90))
        await guarded.owner.people.suspend(user_id, until=None, reason="worse")
        report, _ = await reported(guarded, user_id)
        await decide(guarded, report, Decision.STRIKE)
        assert await guarded.fetch("select suspension_reason from users where id = $1", user_id) == [("worse",)]

    async def test_count_each_picture_once(self, guarded: GuardedWorker) -> None:
        report, picture_id = await reported(guarded)
        await decide(guarded, report, Decision.STRIKE)
        await take_down_picture(
            guarded.admin, ACT, picture_id=picture_id, reason=ReportReason.HATE, decision=Decision.STRIKE, now=NOW
        )
        assert await guarded.fetch("select count(*) from strikes") == [(1,)]
