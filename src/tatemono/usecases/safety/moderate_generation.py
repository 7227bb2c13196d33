"""What a worker looks at before it pays for a picture, and before it shows one.

In this order, so that nothing suspected reaches anybody else: what is known here (hashes), then the provider's
moderation. What is found ends the generation for good, and the credits go back.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from tatemono.domain.generations.attempts import Claim
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed
from tatemono.domain.safety.moderation import BLOCKED_HASH, FREEZE_REASON, Finding, Stage, WhenDown, category_of
from tatemono.domain.safety.reports import evidence_key
from tatemono.usecases.pictures.ports import ReferenceCopies
from tatemono.usecases.ports import EVENTS_CHANNEL, REVOCATIONS_CHANNEL, Database
from tatemono.usecases.safety.ports import (
    ContentCredentials,
    Judgement,
    ModerationUnavailable,
    Moderator,
    PictureClassifier,
    PictureHasher,
    Quarantine,
)

_log = logging.getLogger(__name__)

#: Records of what passed, being written while the work goes on.
Notes: TypeAlias = list[asyncio.Future[None]]

#: What is painted already is on the bill: so moderation is asked again, after so many seconds each time.
_RESULT_PAUSES_SECONDS = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class GenerationModeration:
    """
    :ivar moderator: the provider's; none: it is switched off, and only what is known here counts
    :ivar credentials: what signs pictures before they are kept; none: nothing does
    """

    db: Database
    moderator: Moderator | None
    classifier: PictureClassifier
    quarantine: Quarantine
    references: ReferenceCopies
    when_down: WhenDown
    credentials: ContentCredentials | None = None


class HashClassifier:
    """The classifier that is there: pictures that came up before, by their difference hashes."""

    def __init__(self, db: Database, hasher: PictureHasher) -> None:
        self._db = db
        self._hasher = hasher

    async def classify(self, picture: bytes, stage: Stage) -> Finding:
        """What the table of blocked hashes says about it."""
        matched = await self._db.blocked_hashes.match(await self._hasher.hashes(picture))
        return Finding(stage, (category_of(matched),) if matched else ())


async def check_request(
    moderation: GenerationModeration, claim: Claim, references: Sequence[bytes], notes: Notes
) -> None:
    """Look at the prompt and the reference pictures before a call is paid for.

    :param notes: gets what is being written down about all that passes; wait for it before the job ends
    :raises PaintingFailed: `FLAGGED_PROMPT`, `FLAGGED_REFERENCE`, or `NOT_MODERATED` if nobody can say
    """
    for number, data in enumerate(references):
        await _check_here(moderation, claim, Stage.REFERENCE, _Evidence(f"reference-{number}", data), data)
    # The words first: a picture that comes with words that may be illegal is shown to nobody.
    looks = [(Stage.PROMPT, _words(claim), None), *((Stage.REFERENCE, None, data) for data in references)]
    for number, (stage, text, picture) in enumerate(looks):
        try:
            finding = await _ask(moderation, claim, stage, notes, text=text, picture=picture)
        except ModerationUnavailable as away:
            if moderation.when_down.lets_through(with_reference=bool(references)):
                continue
            raise PaintingFailed(Failure.NOT_MODERATED, str(away)) from away
        if finding.flagged:
            evidence = None if picture is None else _Evidence(f"reference-{number - 1}", picture)
            await _refuse(moderation, claim, finding, evidence, found_by="moderation")


async def check_results(
    moderation: GenerationModeration, claim: Claim, painting: Painting, moderation_copies: Sequence[bytes], notes: Notes
) -> None:
    """Look at what was painted before anything of it is kept where it could be seen.

    Everybody looks at the small copies: moderation looks at no more, and megabytes less are sent.

    :param notes: as of `check_request`
    :raises PaintingFailed: `FLAGGED_RESULT`, or `RESULT_NOT_MODERATED` if nobody can say
    """
    evidences = [_Evidence(f"result-{number}", data, painting) for number, data in enumerate(painting.pictures)]
    for evidence, moderation_copy in zip(evidences, moderation_copies, strict=True):
        await _check_here(moderation, claim, Stage.RESULT, evidence, moderation_copy)
    looks = [_ask_again(moderation, claim, moderation_copy, notes) for moderation_copy in moderation_copies]
    findings = await asyncio.gather(*looks, return_exceptions=True)
    for finding, evidence in zip(findings, evidences, strict=True):
        if isinstance(finding, Finding) and finding.flagged:
            await _refuse(moderation, claim, finding, evidence, found_by="moderation")
    away = next((each for each in findings if isinstance(each, BaseException)), None)
    if away is None:
        return
    if not isinstance(away, ModerationUnavailable):
        raise away
    if not moderation.when_down.lets_through(with_reference=claim.generation.request.reference_id is not None):
        raise PaintingFailed(Failure.RESULT_NOT_MODERATED, str(away), painting=painting)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A picture that is looked at.

    :ivar name: what it is called as evidence
    :ivar painting: what it is a part of, and on the bill with
    """

    name: str
    data: bytes
    painting: Painting | None = None


async def _check_here(
    moderation: GenerationModeration, claim: Claim, stage: Stage, evidence: _Evidence, looked_at: bytes
) -> None:
    """:param looked_at: the picture, or a smaller copy, quicker to look at"""
    finding = await moderation.classifier.classify(looked_at, stage)
    if finding.flagged:
        await moderation.db.moderations.record(claim.generation.id, claim.fence, finding, by="local", request_id=None)
        await _refuse(moderation, claim, finding, evidence, found_by=BLOCKED_HASH)


async def _ask(
    moderation: GenerationModeration,
    claim: Claim,
    stage: Stage,
    notes: Notes,
    *,
    text: str | None = None,
    picture: bytes | None = None,
) -> Finding:
    """:raises ModerationUnavailable: the provider does not answer"""
    if moderation.moderator is None:
        return Finding(stage, ())
    recorded = moderation.db.moderations
    try:
        judgement: Judgement = await moderation.moderator.judge(
            text=text, picture=picture, client_request_id=f"{claim.generation.id}-{claim.fence}-{stage}"
        )
    except ModerationUnavailable as away:
        _log.warning("moderation of a %s does not answer: %s", stage, away)
        nothing = Finding(stage, ())
        await recorded.record(claim.generation.id, claim.fence, nothing, by="provider", request_id=None, away=True)
        raise
    finding = Finding(stage, judgement.categories)
    id_ = claim.generation.id
    recording = recorded.record(id_, claim.fence, finding, by="provider", request_id=judgement.request_id)
    if finding.flagged:
        await recording
    else:
        notes.append(asyncio.ensure_future(recording))
    return finding


async def _ask_again(moderation: GenerationModeration, claim: Claim, picture: bytes, notes: Notes) -> Finding:
    """:raises ModerationUnavailable: the provider does not answer, several times"""
    for pause in _RESULT_PAUSES_SECONDS:
        try:
            return await _ask(moderation, claim, Stage.RESULT, notes, picture=picture)
        except ModerationUnavailable:
            await asyncio.sleep(pause)
    return await _ask(moderation, claim, Stage.RESULT, notes, picture=picture)


async def _refuse(
    moderation: GenerationModeration, claim: Claim, finding: Finding, evidence: _Evidence | None, *, found_by: str
) -> None:
    """End it; what may be illegal is kept where nobody sees it, and written down.

    :raises PaintingFailed: always
    """
    if finding.suspected_illegal:
        # Whoever cancels at this moment does not undo it.
        await asyncio.shield(asyncio.ensure_future(_escalate(moderation, claim, finding, evidence, found_by=found_by)))
    painting = None if evidence is None else evidence.painting
    # Which categories is in the record, not in the logs.
    raise PaintingFailed(finding.failure, "moderation refuses it", painting=painting)


async def _escalate(
    moderation: GenerationModeration, claim: Claim, finding: Finding, evidence: _Evidence | None, *, found_by: str
) -> None:
    """Evidence first: a crash in between keeps it twice at most, and loses nothing."""
    generation = claim.generation
    key = None
    if evidence is not None:
        key = evidence_key(generation.id, claim.fence, evidence.name)
        await moderation.quarantine.keep(key, evidence.data, content_type="application/octet-stream")
    digest = sha256(_words(claim).encode() if evidence is None else evidence.data).digest()
    async with moderation.db.transaction() as rows:
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
    if finding.stage is Stage.REFERENCE and (reference_id := generation.request.reference_id):
        reference = await moderation.db.references.find(reference_id)
        if reference is not None and reference.clean_key is not None:
            await moderation.references.delete([reference.clean_key])
        await moderation.db.references.forget_copy(reference_id)
    if frozen:
        moderation.db.notifier.notify(REVOCATIONS_CHANNEL, str(generation.user_id))
    moderation.db.notifier.notify(EVENTS_CHANNEL, str(generation.id))
    _log.error("generation %s was escalated at its %s", generation.id, finding.stage)


def _words(claim: Claim) -> str:
    """What the user wrote: styles are the operators' own words."""
    request = claim.generation.request
    return "\n".join(filter(None, [request.prompt, request.negative_prompt]))
