"""What a worker looks at before it pays for a picture, and before it shows one.

In this order, so that nothing suspected reaches a third party: what is known here (hashes), then the provider's
moderation. What is found ends the generation for good, and the credits go back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed
from tatemono.domain.safety.moderation import BLOCKED_HASH, FREEZE_REASON, Finding, Stage, WhenDown, category_of
from tatemono.domain.safety.reports import evidence_key
from tatemono.usecases.pictures.ports import ReferenceCopies
from tatemono.usecases.ports import EVENTS_CHANNEL, REVOCATIONS_CHANNEL
from tatemono.usecases.safety.ports import (
    BlockedHashes,
    ModerationUnavailable,
    Moderator,
    PictureClassifier,
    PictureHasher,
    Quarantine,
    SafetyDatabase,
)

_log = logging.getLogger(__name__)

#: What is painted already is on the bill: so moderation is asked again, after so many seconds each time.
_RESULT_PAUSES_SECONDS = (0.5, 1.5)


class HashClassifier:
    """Finds pictures that were blocked before, by their difference hashes."""

    def __init__(self, blocked: BlockedHashes, hasher: PictureHasher) -> None:
        self._blocked = blocked
        self._hasher = hasher

    async def classify(self, picture: bytes, stage: Stage) -> Finding:
        """What the table of blocked hashes says about it."""
        matched = await self._blocked.match(await self._hasher.hashes(picture))
        return Finding(stage, (category_of(matched),) if matched else ())


@dataclass(frozen=True, slots=True)
class GenerationModeration:
    """:ivar moderator: the provider's; none: the plan switches it off, and only what is known here counts"""

    db: SafetyDatabase
    moderator: Moderator | None
    classifier: PictureClassifier
    quarantine: Quarantine
    references: ReferenceCopies
    when_down: WhenDown

    async def check_request(self, claim: Claim, references: Sequence[bytes]) -> Awaitable[object]:
        """Look at the prompt and the reference pictures before a call is paid for.

        :returns: what writes down all that passed, beside the work; await it before the job ends
        :raises PaintingFailed: `FLAGGED_PROMPT`, `FLAGGED_REFERENCE`, or `NOT_MODERATED` if moderation is away
        """
        for number, data in enumerate(references):
            await self._check_here(claim, Stage.REFERENCE, _Evidence(f"reference-{number}", data), data)
        # The words first: a picture that comes with words that may be illegal is shown to no third party.
        looks = [(Stage.PROMPT, _words(claim), None), *((Stage.REFERENCE, None, data) for data in references)]
        pending: list[asyncio.Future[None]] = []
        try:
            for number, (stage, text, picture) in enumerate(looks):
                try:
                    finding, recording = await self._ask(claim, stage, text=text, picture=picture)
                except ModerationUnavailable as unavailable:
                    if self.when_down.lets_through(with_reference=bool(references)):
                        continue
                    raise PaintingFailed(Failure.NOT_MODERATED, str(unavailable)) from unavailable
                if finding.flagged:
                    await recording
                    evidence = None if picture is None else _Evidence(f"reference-{number - 1}", picture)
                    await self._refuse(claim, finding, evidence, found_by="moderation")
                pending.append(asyncio.ensure_future(recording))
        except BaseException:
            await asyncio.gather(*pending)
            raise
        return asyncio.gather(*pending)

    async def check_results(self, claim: Claim, painting: Painting, moderation_copies: Sequence[bytes]) -> None:
        """Look at what was painted before anything of it is kept where it could be seen.

        Classifier and provider look at the small copies: moderation looks at no more, and megabytes less are sent.

        :raises PaintingFailed: `FLAGGED_RESULT`, or `RESULT_NOT_MODERATED` if moderation is away
        """
        evidences = [_Evidence(f"result-{number}", data, painting) for number, data in enumerate(painting.pictures)]
        for evidence, moderation_copy in zip(evidences, moderation_copies, strict=True):
            await self._check_here(claim, Stage.RESULT, evidence, moderation_copy)
        looks = [self._look_at_result(claim, moderation_copy) for moderation_copy in moderation_copies]
        findings = await asyncio.gather(*looks, return_exceptions=True)
        for finding, evidence in zip(findings, evidences, strict=True):
            if isinstance(finding, Finding) and finding.flagged:
                await self._refuse(claim, finding, evidence, found_by="moderation")
        error = next((each for each in findings if isinstance(each, BaseException)), None)
        if error is None:
            return
        if not isinstance(error, ModerationUnavailable):
            raise error
        if not self.when_down.lets_through(with_reference=claim.generation.request.reference_id is not None):
            raise PaintingFailed(Failure.RESULT_NOT_MODERATED, str(error), painting=painting)

    async def may_be_shown(self, preview: bytes) -> bool:
        """Whether an unfinished picture may be shown, by what is known here."""
        return not (await self.classifier.classify(preview, Stage.RESULT)).flagged

    async def _check_here(self, claim: Claim, stage: Stage, evidence: "_Evidence", looked_at: bytes) -> None:
        """:param looked_at: the picture, or a smaller copy, quicker to look at"""
        finding = await self.classifier.classify(looked_at, stage)
        if finding.flagged:
            await self.db.moderations.record(claim.generation.id, claim.fence, finding, by="local", request_id=None)
            await self._refuse(claim, finding, evidence, found_by=BLOCKED_HASH)

    async def _look_at_result(self, claim: Claim, picture: bytes) -> Finding:
        """:raises ModerationUnavailable: the provider does not answer, several times"""
        for pause in (*_RESULT_PAUSES_SECONDS, None):
            try:
                finding, recording = await self._ask(claim, Stage.RESULT, picture=picture)
            except ModerationUnavailable:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                await _even_if_cancelled(recording)
                return finding
        raise AssertionError

    async def _ask(
        self, claim: Claim, stage: Stage, *, text: str | None = None, picture: bytes | None = None
    ) -> tuple[Finding, Coroutine[Any, Any, None]]:
        """Have the provider judge.

        :returns: its finding, and what writes it down
        :raises ModerationUnavailable: it does not answer, which is written down already
        """
        if self.moderator is None:
            return Finding(stage, ()), _nothing_to_record()
        id_, fence, recorded = claim.generation.id, claim.fence, self.db.moderations
        try:
            judgement = await self.moderator.judge(
                text=text, picture=picture, client_request_id=f"{id_}-{fence}-{stage}"
            )
        except ModerationUnavailable as unavailable:
            _log.warning("moderation of a %s does not answer: %s", stage, unavailable)
            await recorded.record(id_, fence, Finding(stage, ()), by="provider", request_id=None, away=True)
            raise
        finding = Finding(stage, judgement.categories)
        return finding, recorded.record(id_, fence, finding, by="provider", request_id=judgement.request_id)

    async def _refuse(self, claim: Claim, finding: Finding, evidence: "_Evidence | None", *, found_by: str) -> None:
        """End it; what may be illegal is kept where nothing serves it, and written down.

        :raises PaintingFailed: always
        """
        if finding.suspected_illegal:
            # A user who cancels at this moment does not undo it.
            await asyncio.shield(asyncio.ensure_future(self._escalate(claim, finding, evidence, found_by=found_by)))
        painting = None if evidence is None else evidence.painting
        # Which categories is in the record, not in the logs.
        raise PaintingFailed(finding.failure, "moderation refuses it", painting=painting)

    async def _escalate(self, claim: Claim, finding: Finding, evidence: "_Evidence | None", *, found_by: str) -> None:
        """Evidence first: a crash in between keeps it twice at most, and loses nothing."""
        generation = claim.generation
        key = None
        if evidence is not None:
            key = evidence_key(generation.id, claim.fence, evidence.name)
            await self.quarantine.keep(key, evidence.data, content_type="application/octet-stream")
        digest = sha256(_words(claim).encode() if evidence is None else evidence.data).digest()
        async with self.db.transaction() as rows:
            await rows.escalations.add(
                finding,
                user_id=generation.user_id,
                generation_id=generation.id,
                found_by=found_by,
                reason=f"{finding.stage} of a generation",
                sha256=digest,
                evidence_key=key,
            )
            frozen = finding.freezes_account and await rows.strikes.freeze(generation.user_id, FREEZE_REASON)
            if frozen:
                await rows.sessions.record_security_event(generation.user_id, "suspended")
        if finding.stage is Stage.REFERENCE and (reference_id := generation.request.reference_id):
            reference = await self.db.references.find(reference_id)
            if reference is not None and reference.clean_key is not None:
                await self.references.delete([reference.clean_key])
            await self.db.references.forget_copy(reference_id)
        if frozen:
            self.db.notifier.notify(REVOCATIONS_CHANNEL, str(generation.user_id))
        self.db.notifier.notify(EVENTS_CHANNEL, str(generation.id))
        _log.error("generation %s was escalated at its %s", generation.id, finding.stage)


class Unmoderated:
    """Lets everything pass. Tests name it where they are about something else; a test keeps it out of production."""

    async def check_request(self, _claim: Claim, _references: Sequence[bytes]) -> Awaitable[object]:
        return asyncio.gather()

    async def check_results(self, _claim: Claim, _painting: Painting, _moderation_copies: Sequence[bytes]) -> None:
        pass

    async def may_be_shown(self, _preview: bytes) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A picture that is looked at.

    :ivar name: what it is called as evidence
    :ivar painting: what it is a part of, and on the bill with
    """

    name: str
    data: bytes
    painting: Painting | None = None


async def _nothing_to_record() -> None:
    pass


async def _even_if_cancelled(step: Coroutine[Any, Any, None]) -> None:
    """Take a step to its end. Cancelling the caller waits for that end."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _words(claim: Claim) -> str:
    """What the user wrote: styles are the operators' own words."""
    request = claim.generation.request
    return "\n".join(filter(None, [request.prompt, request.negative_prompt]))
