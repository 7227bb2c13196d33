"""What is kept up in the background, by whichever worker comes first: budgets, references, models, takedowns."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from tatemono.adapters.openai.models import announced_models
from tatemono.adapters.postgres.notifications import listening
from tatemono.bootstrap.image_worker import ImageWorkerDependencies
from tatemono.domain.generations.image_models import Finding
from tatemono.entrypoints.process import run_periodically
from tatemono.settings import ImageWorkerSettings
from tatemono.usecases.generations.check_models import check_models
from tatemono.usecases.generations.end_what_waits_in_vain import end_what_waits_in_vain
from tatemono.usecases.pictures.erase_references import erase_references
from tatemono.usecases.ports import TAKEDOWNS_CHANNEL
from tatemono.usecases.safety.carry_out_takedowns import carry_out_takedowns

_FOLD_EVERY_SECONDS = 2.0
_FOLD_BATCH = 1000
_ERASE_EVERY_SECONDS = 60.0
_CHECK_EVERY_SECONDS = 60.0
_CARRY_OUT_EVERY_SECONDS = 15.0
_END_EVERY_SECONDS = 5.0

log = structlog.get_logger()


def periodic_tasks(dependencies: ImageWorkerDependencies, settings: ImageWorkerSettings) -> list[Awaitable[None]]:
    """The loops; each goes on until it is cancelled."""

    async def fold_budgets() -> None:
        while await dependencies.db.budgets.fold_returns(_FOLD_BATCH) == _FOLD_BATCH:
            pass

    async def erase() -> None:
        while await erase_references(dependencies.db, dependencies.providers[0].dependencies.references):
            pass

    async def check() -> None:
        findings = await check_models(
            dependencies.db,
            dependencies.providers[0].dependencies.registry,
            lambda: announced_models(
                settings.openai_base_url, settings.openai_api_key.get_secret_value(), settings.painter_models
            ),
            model_id=dependencies.providers[0].dependencies.model_id,
            today=dependencies.providers[0].dependencies.today(),
        )
        if findings is not None:
            tell(findings)

    async def carry_out() -> None:
        moved = dependencies.takedowns
        while await carry_out_takedowns(dependencies.db, moved.quarantine, moved.hasher, moved.edge):
            pass

    return [
        _on_notification(dependencies, settings, carry_out),
        run_periodically(fold_budgets, _FOLD_EVERY_SECONDS),
        run_periodically(erase, _ERASE_EVERY_SECONDS),
        run_periodically(check, _CHECK_EVERY_SECONDS),
        run_periodically(partial(_end_waiting, dependencies, settings), _END_EVERY_SECONDS),
    ]


async def _end_waiting(dependencies: ImageWorkerDependencies, settings: ImageWorkerSettings) -> None:
    painters = [(each.name, each.dependencies.model) for each in dependencies.providers]
    longest_wait = timedelta(seconds=settings.longest_wait_for_account_seconds)
    if ended := await end_what_waits_in_vain(dependencies.db, painters, longest_wait=longest_wait):
        log.warning("waited_in_vain", count=ended)


def tell(findings: list[Finding]) -> None:
    """A line for each finding, and a metric that an alarm watches.

    The metric is CloudWatch's embedded metric format: a line of the log that becomes one.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for finding in findings:
        (log.error if finding.failing else log.info)("model_checked", finding=finding.text)
    metric = {"Namespace": "Tatemono", "Dimensions": [[]], "Metrics": [{"Name": "ModelFindings", "Unit": "Count"}]}
    failing = sum(finding.failing for finding in findings)
    log.info(
        "model_findings",
        ModelFindings=failing,
        _aws={"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]},
    )


async def _on_notification(
    dependencies: ImageWorkerDependencies, settings: ImageWorkerSettings, step: Callable[[], Awaitable[None]]
) -> None:
    """Carry takedowns out as soon as one is decided, and look now and then all the same."""
    told = asyncio.Event()
    async with listening(dependencies.db.dsn, TAKEDOWNS_CHANNEL, lambda _: told.set(), service=settings.service_name):
        while True:
            told.clear()
            try:
                await step()
            except Exception:
                log.exception("step_failed", step=step.__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CARRY_OUT_EVERY_SECONDS):
                    await told.wait()
