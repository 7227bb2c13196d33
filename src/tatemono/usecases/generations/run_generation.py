"""A worker paints what it claimed."""

import asyncio
import base64
import hashlib
import hmac
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID

from tatemono.domain.errors import Invalid
from tatemono.domain.generations.attempts import CANCELLED, Claim, GiveUp, Outcome, Retry, plan_retry
from tatemono.domain.generations.image_models import ImageModel, PaintingUnavailable
from tatemono.domain.generations.painting import Failure, Painting, PaintingFailed, PaintRequest, PartialPicture
from tatemono.usecases.generations.dependencies import GenerationDependencies
from tatemono.usecases.generations.keep_pictures import keep_pictures
from tatemono.usecases.pictures.ports import KeptPicture
from tatemono.usecases.ports import EVENTS_CHANNEL, OUTBOX_CHANNEL

_log = logging.getLogger(__name__)

_OVERTAKEN_SECONDS = 0.1
#: A painter that counts more makes no sense: it would use up a day's budget by a slip.
_MOST_TIMES_EXPECTED = 20


class Stop(Enum):
    """Why a worker must let go of a job in mid-call."""

    CANCELLED_BY_USER = auto()
    SHUTTING_DOWN = auto()
    LEASE_LOST = auto()


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What became of a claim.

    :ivar outcome: how the attempt ended; none if another worker had the job by then, or it never began
    :ivar call_ended: whether the painter was called and the call ended by itself, neither cancelled nor cut off
    :ivar failure: how that call failed; none: it gave what was asked for
    """

    outcome: Outcome | None
    call_ended: bool = False
    failure: PaintingFailed | None = None


async def run_generation(
    dependencies: GenerationDependencies, claim: Claim, stop: "asyncio.Future[Stop]"
) -> GenerationResult:
    """Paint, keep the pictures and settle; or find out what to do instead.

    No transaction is open while the painter paints. Every write carries the fence: if the lease was lost, nothing of
    this changes anything.

    :param stop: when it is done, the worker lets the job go for the reason it holds
    """
    if not await _shall_be_called(dependencies, claim):
        return GenerationResult(None)
    if stop.done():
        return GenerationResult(await _let_go(dependencies, claim, stop.result()))
    painting = asyncio.ensure_future(_paint_and_keep(dependencies, claim))
    waited_for: set[asyncio.Future[Any]] = {painting, stop}
    try:
        await asyncio.wait(waited_for, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not painting.done():
            painting.cancel()
            await asyncio.gather(painting, return_exceptions=True)
    if painting.cancelled():
        return GenerationResult(await _let_go(dependencies, claim, stop.result()))
    try:
        pictures, painted = painting.result()
    except PaintingFailed as failed:
        return GenerationResult(await _failed(dependencies, claim, failed), call_ended=True, failure=failed)
    cost = _cost(dependencies, claim, painted)
    generations = dependencies.db.generations
    held = await generations.succeed(claim, pictures, painted.usage, painted.provider_request_id, cost_micros=cost)
    if held:
        dependencies.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
    return GenerationResult(Outcome.SUCCEEDED if held else None, call_ended=True)


async def _shall_be_called(dependencies: GenerationDependencies, claim: Claim) -> bool:
    """Whether the painter is called; otherwise the job is ended.

    An attempt that its worker did not finish may be on the bill. It is made again only if the policy says so, and only
    after that is written down.
    """
    if claim.cancelled:
        await _end(dependencies, claim, CANCELLED)
        return False
    if not claim.taken_over:
        return True
    plan = plan_retry(Failure.LEASE_LOST, claim.before, dependencies.unknown_policy, jitter=0.0)
    if isinstance(plan, Retry):
        return await dependencies.db.generations.decide_to_retry(claim)
    await _end(dependencies, claim, plan)
    return False


async def _paint_and_keep(dependencies: GenerationDependencies, claim: Claim) -> tuple[list[KeptPicture], Painting]:
    model, expected_micros = _model_of_today(dependencies, claim)
    references = await _references(dependencies, claim.generation.request.reference_id)
    recorded = await dependencies.moderation.check_request(claim, references)
    showing: asyncio.Task[None] | None = None
    try:
        name = dependencies.names.get(model.id, model.id)
        if expected_micros > claim.generation.expected_micros:
            await dependencies.db.generations.expect_more(claim, name, expected_micros)
        request = replace(_paint_request(dependencies, claim, model, references), model=name)
        async with aclosing(dependencies.painter.paint(request)) as steps:
            async for step in steps:
                if showing is not None:
                    showing.cancel()
                if isinstance(step, Painting):
                    return await keep_pictures(dependencies, claim, step), step
                showing = asyncio.create_task(_show(dependencies, claim, step))
    finally:
        if showing is not None:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        # No job ends before what passed moderation is on record.
        await recorded
    raise PaintingFailed(Failure.NO_PICTURE, "the painter ended without a painting")


async def _show(dependencies: GenerationDependencies, claim: Claim, partial: PartialPicture) -> None:
    """Publish an unfinished picture. It is dropped if the next one overtakes it, or if it is no picture."""
    # A preview takes as long to make as a thumbnail, and cannot be stopped once it has begun.
    await asyncio.sleep(_OVERTAKEN_SECONDS)
    with suppress(PaintingFailed):
        preview = await dependencies.inspector.preview(partial.data)
        if not await dependencies.moderation.may_be_shown(preview):
            return
        await dependencies.db.generations.add_partial(claim, partial.index, base64.b64encode(preview).decode())
        dependencies.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))


def _model_of_today(dependencies: GenerationDependencies, claim: Claim) -> tuple[ImageModel, int]:
    """The model that paints today, and what it is expected to charge for the request, in micro-dollars.

    :raises PaintingFailed: the model does not take the request, or its price is unknown
    """
    request, today = claim.generation.request, dependencies.today()
    try:
        model = dependencies.registry.at(dependencies.model_id, today)
        model.check(request)
        return model, model.cost(request, today).expected
    except PaintingUnavailable as error:
        _log.error("nothing can be painted: %s", error.reason)
        raise PaintingFailed(Failure.UNAVAILABLE, error.reason) from error
    except Invalid as error:
        # The model has changed since the request was accepted.
        raise PaintingFailed(Failure.BAD_REQUEST, str(error)) from error


def _paint_request(
    dependencies: GenerationDependencies, claim: Claim, model: ImageModel, references: tuple[bytes, ...]
) -> PaintRequest:
    user = hmac.new(dependencies.safety_identifier_key, claim.generation.user_id.bytes, hashlib.sha256)
    return model.translate(
        claim.generation.request,
        claim.prompt,
        safety_identifier=user.hexdigest(),
        client_request_id=f"{claim.generation.id}-{claim.fence}",
        references=references,
    )


async def _references(dependencies: GenerationDependencies, reference_id: UUID | None) -> tuple[bytes, ...]:
    """:raises PaintingFailed: the reference picture is gone"""
    if reference_id is None:
        return ()
    reference = await dependencies.db.references.find(reference_id)
    data = reference and reference.clean_key and await dependencies.references.get(reference.clean_key)
    if not data:
        raise PaintingFailed(Failure.BAD_REQUEST, "the reference picture is gone")
    return (data,)


def _cost(dependencies: GenerationDependencies, claim: Claim, painted: Painting) -> int:
    """What the call cost; what it was expected to come to, if the painter does not say what it used."""
    try:
        model = dependencies.registry.at(dependencies.model_id, dependencies.today())
        cost = model.micros(painted.usage, dependencies.today())
    except PaintingUnavailable:
        cost = 0
    expected = claim.generation.expected_micros
    if cost > expected:
        _log.warning("generation %s cost %d micro-dollars, %d were expected", claim.generation.id, cost, expected)
    if not painted.usage.output_tokens or (expected and cost > expected * _MOST_TIMES_EXPECTED):
        return expected
    return cost or expected


async def _failed(dependencies: GenerationDependencies, claim: Claim, failed: PaintingFailed) -> Outcome | None:
    history = claim.before.and_then(failed.failure)
    plan = plan_retry(failed.failure, history, dependencies.unknown_policy, jitter=dependencies.jitter())
    if failed.painting is None:
        request_id, detail = failed.provider_request_id, failed.detail
        return await _record(dependencies, claim, failed.failure, plan, request_id, detail=detail)
    # It came and is on the bill, though no user sees it.
    cost = _cost(dependencies, claim, failed.painting)
    request_id = failed.painting.provider_request_id
    return await _record(dependencies, claim, failed.failure, plan, request_id, cost_micros=cost, detail=failed.detail)


async def _let_go(dependencies: GenerationDependencies, claim: Claim, reason: Stop) -> Outcome | None:
    if reason is Stop.LEASE_LOST:
        return None
    if reason is Stop.CANCELLED_BY_USER:
        return await _record(dependencies, claim, Failure.STOPPED, CANCELLED, None)
    history = claim.before.and_then(Failure.STOPPED)
    plan = plan_retry(Failure.STOPPED, history, dependencies.unknown_policy, jitter=0.0)
    return await _record(dependencies, claim, Failure.STOPPED, plan, None)


async def _end(dependencies: GenerationDependencies, claim: Claim, verdict: GiveUp) -> None:
    """End a job whose painter is not called at all this time."""
    if await dependencies.db.generations.give_up(claim, Outcome.FAILED, Failure.NOT_CALLED, verdict, None):
        dependencies.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))


async def _record(
    dependencies: GenerationDependencies,
    claim: Claim,
    failure: Failure,
    plan: Retry | GiveUp,
    provider_request_id: str | None,
    *,
    cost_micros: int = 0,
    detail: str | None = None,
) -> Outcome | None:
    outcome = Outcome.of(failure)
    generations = dependencies.db.generations
    if isinstance(plan, Retry):
        delay = timedelta(seconds=plan.after_seconds)
        held = await generations.retry(claim, outcome, failure, delay, provider_request_id, detail=detail)
        dependencies.db.notifier.notify(OUTBOX_CHANNEL)
    else:
        held = await generations.give_up(
            claim, outcome, failure, plan, provider_request_id, cost_micros=cost_micros, detail=detail
        )
    dependencies.db.notifier.notify(EVENTS_CHANNEL, str(claim.generation.id))
    return outcome if held else None
