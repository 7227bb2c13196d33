"""A worker paints what it claimed."""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import Enum, auto
from typing import Any, TypeVar
from uuid import UUID

from tatemono.domain.attempts import CANCELLED, Claim, GiveUp, Outcome, Retry, UnknownPolicy, plan_retry
from tatemono.domain.errors import Invalid
from tatemono.domain.models import PaintingUnavailable, Registry
from tatemono.domain.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture
from tatemono.domain.pictures import object_key, thumbnail_key
from tatemono.domain.safety import Stage
from tatemono.usecases.guard_generation import Guard, check_request, check_results
from tatemono.usecases.picture_ports import (
    ExpectedPicture,
    KeptPicture,
    Miniature,
    Painter,
    PictureInspector,
    PictureStore,
    ReferenceCopies,
    VerifiedPicture,
)
from tatemono.usecases.ports import EVENTS_CHANNEL, OUTBOX_CHANNEL, Database

_log = logging.getLogger(__name__)

_OVERTAKEN_SECONDS = 0.1

T = TypeVar("T")


class Stop(Enum):
    """Why a worker must let go of a job in mid-call."""

    CANCELLED_BY_USER = auto()
    SHUTTING_DOWN = auto()
    LEASE_LOST = auto()


async def _tell_nobody(_failed: PaintingFailed | None) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a worker paints with.

    :ivar model_id: the configured model
    :ivar safety_identifier_key: keys the hash that tells the painter one user from another
    :ivar jitter: a random number from 0 to 1 at each call
    :ivar references: where clean copies of reference pictures are
    :ivar today: the day in UTC
    :ivar unknown_policy: what to do after an attempt whose end nobody knows
    :ivar guard: what looks at prompts and pictures, and signs these; none: nothing does
    :ivar told: is given how each call of the painter ended, if it ended by itself; none: in a picture
    :ivar names: what this painter calls models, where it does not call them as the registry does
    """

    db: Database
    painter: Painter
    inspector: PictureInspector
    store: PictureStore
    model_id: str
    safety_identifier_key: bytes
    jitter: Callable[[], float]
    registry: Registry
    references: ReferenceCopies
    today: Callable[[], date]
    unknown_policy: UnknownPolicy
    guard: Guard | None = None
    told: Callable[[PaintingFailed | None], Awaitable[None]] = _tell_nobody
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model that paints today, as this painter calls it: the configured one or what follows it.

        What cannot paint fails later.
        """
        try:
            model = self.registry.at(self.model_id, self.today()).id
        except PaintingUnavailable:
            model = self.model_id
        return self.names.get(model, model)


async def run_generation(workshop: Workshop, claim: Claim, stop: "asyncio.Future[Stop]") -> Outcome | None:
    """Paint, keep the pictures and settle; or find out what to do instead.

    No transaction is open while the painter paints. Every write carries the fence: if the lease was lost, nothing of
    this changes anything.

    :param stop: when it is done, the job is let go for the reason it holds
    :returns: how the attempt ended; none if it was somebody else's by then, or never began
    """
    if not await _shall_be_called(workshop, claim):
        return None
    if stop.done():
        return await _let_go(workshop, claim, stop.result())
    painting = asyncio.ensure_future(_paint_and_keep(workshop, claim))
    waited_for: set[asyncio.Future[Any]] = {painting, stop}
    try:
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not painting.done():
            painting.cancel()
            await asyncio.gather(painting, return_exceptions=True)
    if painting.cancelled():
        return await _let_go(workshop, claim, stop.result())
    try:
        pictures, painted = painting.result()
    except PaintingFailed as failed:
        outcome = await _failed(workshop, claim, failed)
        await workshop.told(failed)
        return outcome
    cost = _cost(workshop, claim, painted)
    generations = workshop.db.generations
    held = await generations.succeed(claim, pictures, painted.usage, painted.provider_request_id, cost_micros=cost)
    await workshop.told(None)
    if not held:
        return None
    workshop.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
    return Outcome.SUCCEEDED


async def _shall_be_called(workshop: Workshop, claim: Claim) -> bool:
    """Whether the painter is called; otherwise the job is ended.

    An attempt that its worker did not finish may be on the bill. It is made again only if the policy says so, and only
    after that is written down.
    """
    if claim.cancelled:
        await _end(workshop, claim, CANCELLED)
        return False
    if not claim.taken_over:
        return True
    plan = plan_retry(Failure.LEASE_LOST, claim.before, workshop.unknown_policy, jitter=0.0)
    if isinstance(plan, Retry):
        return await workshop.db.generations.decide_to_retry(claim)
    await _end(workshop, claim, plan)
    return False


async def _paint_and_keep(workshop: Workshop, claim: Claim) -> tuple[list[KeptPicture], Painting]:
    showing: asyncio.Task[None] | None = None
    request = await _paint_request(workshop, claim)
    try:
        async with aclosing(workshop.painter.paint(request)) as steps:
            async for step in steps:
                if showing is not None:
                    showing.cancel()
                if isinstance(step, Painting):
                    return await _keep_all(workshop, claim, step), step
                showing = asyncio.create_task(_show(workshop, claim, step))
    finally:
        if showing is not None:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
    raise PaintingFailed(Failure.NO_PICTURE, "the painter ended without a painting")


async def _show(workshop: Workshop, claim: Claim, partial: PartialPicture) -> None:
    """Let those who watch see an unfinished picture. It is dropped if the next one overtakes it, or if it is none."""
    # A preview takes as long to make as a thumbnail, and cannot be stopped once it has begun.
    await asyncio.sleep(_OVERTAKEN_SECONDS)
    with suppress(PaintingFailed):
        preview = await workshop.inspector.preview(partial.data)
        if workshop.guard is not None and (await workshop.guard.classifier.classify(preview, Stage.RESULT)).flagged:
            return
        await workshop.db.generations.add_partial(claim, partial.index, base64.b64encode(preview).decode())
        workshop.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))


async def _keep_all(workshop: Workshop, claim: Claim, painting: Painting) -> list[KeptPicture]:
    request = claim.generation.request
    if len(painting.pictures) != request.n:
        raise PaintingFailed(
            Failure.NO_PICTURE,
            f"{len(painting.pictures)} pictures came, {request.n} were asked for",
            provider_request_id=painting.provider_request_id,
        )
    expected = ExpectedPicture(request.size.width, request.size.height, request.output_format)
    pictures = await _all(workshop.inspector.verify(data, expected) for data in painting.pictures)
    # Nothing is put where it could be seen before it is judged. Signing need not wait for that: it takes as long.
    async with _together() as group:
        signed = [group.create_task(_signed_picture(workshop, picture)) for picture in pictures]
        small = group.create_task(_judged(workshop, claim, painting, pictures))
    each = zip((task.result() for task in signed), small.result(), strict=True)
    return await _all(_put(workshop, _key(claim, position), *parts) for position, parts in enumerate(each))


async def _all(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What each of them gives.

    :raises PaintingFailed: one of them did
    """
    async with _together() as group:
        tasks = [group.create_task(step) for step in steps]
    return [task.result() for task in tasks]


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """Steps of which the first that fails stops the others.

    :raises PaintingFailed: one of them did
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except* PaintingFailed as failed:
        raise failed.exceptions[0] from None


async def _paint_request(workshop: Workshop, claim: Claim) -> PaintRequest:
    """The request as the model of today takes it, with what it may come to on record before it is made.

    :raises PaintingFailed: the model does not take it, or nobody knows what it costs
    """
    request = claim.generation.request
    try:
        model = workshop.registry.at(workshop.model_id, workshop.today())
        model.check(request)
        expected = model.cost(request, workshop.today()).expected
    except PaintingUnavailable as error:
        _log.error("nothing can be painted: %s", error.reason)
        raise PaintingFailed(Failure.UNAVAILABLE, error.reason) from error
    except Invalid as error:
        # The model has changed since it was asked for.
        raise PaintingFailed(Failure.BAD_REQUEST, str(error)) from error
    references = await _references(workshop, request.reference_id)
    if workshop.guard is not None:
        await check_request(workshop.guard, claim, references)
    if expected > claim.generation.expected_micros:
        await workshop.db.generations.expect_more(claim, workshop.names.get(model.id, model.id), expected)
    user = hmac.new(workshop.safety_identifier_key, claim.generation.user_id.bytes, hashlib.sha256)
    translated = model.translate(
        request,
        claim.prompt,
        safety_identifier=user.hexdigest(),
        client_request_id=f"{claim.generation.id}-{claim.fence}",
        references=references,
    )
    return replace(translated, model=workshop.names.get(model.id, model.id))


async def _references(workshop: Workshop, reference_id: UUID | None) -> tuple[bytes, ...]:
    """:raises PaintingFailed: the reference picture is gone"""
    if reference_id is None:
        return ()
    reference = await workshop.db.references.find(reference_id)
    data = reference and reference.clean_key and await workshop.references.get(reference.clean_key)
    if not data:
        raise PaintingFailed(Failure.BAD_REQUEST, "the reference picture is gone")
    return (data,)


def _cost(workshop: Workshop, claim: Claim, painted: Painting) -> int:
    """What the call cost; what it was expected to come to, if the painter does not say what it used."""
    try:
        model = workshop.registry.at(workshop.model_id, workshop.today())
        cost = model.micros(painted.usage, workshop.today())
    except PaintingUnavailable:
        cost = 0
    expected = claim.generation.expected_micros
    if cost > expected:
        _log.warning("generation %s cost %d micro-dollars, %d were expected", claim.generation.id, cost, expected)
    return cost or expected


def _key(claim: Claim, position: int) -> str:
    generation = claim.generation
    return object_key(generation.user_id, generation.id, claim.fence, position, generation.request.output_format)


async def _signed_picture(workshop: Workshop, picture: VerifiedPicture) -> VerifiedPicture:
    signed = await _signed(workshop, picture.data, picture.content_type)
    if signed is picture.data:
        return picture
    return replace(picture, data=signed, sha256=hashlib.sha256(signed).digest())


async def _judged(
    workshop: Workshop, claim: Claim, painting: Painting, pictures: Sequence[VerifiedPicture]
) -> list[tuple[Miniature, bytes]]:
    """The small copies and their signed files, when everybody who has to has looked at them.

    :raises PaintingFailed: not everybody lets them pass
    """
    miniatures = await _all(workshop.inspector.shrink(picture) for picture in pictures)
    async with _together() as group:
        files = [group.create_task(_signed(workshop, each.thumbnail, "image/webp")) for each in miniatures]
        if workshop.guard is not None:
            looked_at = [each.thumbnail for each in miniatures]
            group.create_task(check_results(workshop.guard, claim, painting, looked_at))
    return list(zip(miniatures, (file.result() for file in files), strict=True))


async def _put(workshop: Workshop, key: str, picture: VerifiedPicture, small: tuple[Miniature, bytes]) -> KeptPicture:
    miniature, thumbnail = small
    await asyncio.gather(
        workshop.store.put(key, picture.data, content_type=picture.content_type, sha256=picture.sha256),
        workshop.store.put(thumbnail_key(key), thumbnail, content_type="image/webp"),
    )
    return KeptPicture(picture, miniature, key, thumbnail_key(key))


async def _signed(workshop: Workshop, data: bytes, content_type: str) -> bytes:
    if workshop.guard is None or workshop.guard.credentials is None:
        return data
    return await workshop.guard.credentials.sign(data, content_type, model=workshop.model)


async def _failed(workshop: Workshop, claim: Claim, failed: PaintingFailed) -> Outcome | None:
    history = claim.before.and_then(failed.failure)
    plan = plan_retry(failed.failure, history, workshop.unknown_policy, jitter=workshop.jitter())
    if failed.painting is None:
        return await _record(workshop, claim, failed.failure, plan, failed.provider_request_id)
    # It came and is on the bill, though nobody sees it.
    cost = _cost(workshop, claim, failed.painting)
    request_id = failed.painting.provider_request_id
    return await _record(workshop, claim, failed.failure, plan, request_id, cost_micros=cost)


async def _let_go(workshop: Workshop, claim: Claim, reason: Stop) -> Outcome | None:
    if reason is Stop.LEASE_LOST:
        return None
    if reason is Stop.CANCELLED_BY_USER:
        return await _record(workshop, claim, Failure.STOPPED, CANCELLED, None)
    history = claim.before.and_then(Failure.STOPPED)
    plan = plan_retry(Failure.STOPPED, history, workshop.unknown_policy, jitter=0.0)
    return await _record(workshop, claim, Failure.STOPPED, plan, None)


async def _end(workshop: Workshop, claim: Claim, verdict: GiveUp) -> None:
    """End a job whose painter is not called at all this time."""
    if await workshop.db.generations.give_up(claim, Outcome.FAILED, Failure.NOT_CALLED, verdict, None):
        workshop.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))


async def _record(
    workshop: Workshop,
    claim: Claim,
    failure: Failure,
    plan: Retry | GiveUp,
    provider_request_id: str | None,
    *,
    cost_micros: int = 0,
) -> Outcome | None:
    outcome = Outcome.of(failure)
    generations = workshop.db.generations
    if isinstance(plan, Retry):
        delay = timedelta(seconds=plan.after_seconds)
        held = await generations.retry(claim, outcome, failure, delay, provider_request_id)
        workshop.db.notifier.notify(OUTBOX_CHANNEL)
    else:
        held = await generations.give_up(claim, outcome, failure, plan, provider_request_id, cost_micros=cost_micros)
    workshop.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
    return outcome if held else None
