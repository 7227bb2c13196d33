"""A service that is killed at a named step, and started again, as often as it is told: `python dying.py SERVICE`.

It reads the steps from standard input, one a line. For each it forks a process that runs the service as production
does, but with this module around its adapters: when the step is reached the process sends itself SIGKILL, and one line
is written to standard output. When there are no more lines it runs the service undisturbed until SIGTERM. The steps are
here, and not in the service: production has nothing that could be told to die.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from tatemono.bootstrap.image_worker import ImageWorkerDependencies, image_worker
from tatemono.bootstrap.outbox_relay import outbox_relay
from tatemono.entrypoints.image_worker.worker import ImageWorker
from tatemono.entrypoints.outbox_relay.relay import OutboxRelay
from tatemono.entrypoints.process import run
from tatemono.settings import ImageWorkerSettings, OutboxRelaySettings, read

#: Between which acts of the worker, and of the relay, there is a step.
WORKER_STEPS = ("received", "claimed", "called", "painted", "stored", "recorded", "deleted")
RELAY_STEPS = ("locked", "sent", "committed")

Reach = Callable[[str], None]


def _reach(wanted: str) -> Reach:
    def reach(step: str) -> None:
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach


class Around:
    """Everything of `inner`, with some methods replaced."""

    def __init__(self, inner: Any, **replaced: Any) -> None:
        self._inner = inner
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _then(method: Any, reach: Reach, step: str) -> Any:
    async def called(*args: Any, **kwargs: Any) -> Any:
        result = await method(*args, **kwargs)
        if result is not None and result != []:
            reach(step)
        return result

    return called


def _painter(inner: Any, reach: Reach) -> Any:
    async def paint(request: Any) -> AsyncGenerator[Any, None]:
        reach("called")
        async with aclosing(inner.paint(request)) as steps:
            async for step in steps:
                if hasattr(step, "pictures"):
                    reach("painted")
                yield step

    return Around(inner, paint=paint)


def _worker_parts(dependencies: ImageWorkerDependencies, reach: Reach) -> ImageWorkerDependencies:
    generations = dependencies.db.generations
    dependencies.db.generations = Around(  # type: ignore[assignment]
        generations,
        claim=_then(generations.claim, reach, "claimed"),
        succeed=_then(generations.succeed, reach, "recorded"),
    )

    async def delete(tickets: Sequence[Any]) -> None:
        await dependencies.queue.delete(tickets)
        reach("deleted")

    async def put(key: str, data: bytes, **options: Any) -> None:
        await dependencies.store.put(key, data, **options)
        reach("stored")

    queue = Around(dependencies.queue, receive=_then(dependencies.queue.receive, reach, "received"), delete=delete)
    store = Around(dependencies.store, put=put)
    providers = tuple(
        replace(
            provider,
            dependencies=replace(
                provider.dependencies, painter=_painter(provider.dependencies.painter, reach), store=store
            ),
        )
        for provider in dependencies.providers
    )
    return replace(dependencies, queue=queue, providers=providers)


async def _worker(settings: ImageWorkerSettings, reach: Reach, stopping: asyncio.Event) -> None:
    async with image_worker(settings) as dependencies:
        await ImageWorker(_worker_parts(dependencies, reach), settings).work(stopping)


async def _relay(settings: OutboxRelaySettings, reach: Reach, stopping: asyncio.Event) -> None:
    async with outbox_relay(settings) as dependencies:
        transaction = dependencies.db.transaction

        class Steps:
            """A transaction with the steps of a batch in it."""

            def __init__(self) -> None:
                self._inner: Any = transaction()
                self._sent = False

            async def __aenter__(self) -> Any:
                rows = await self._inner.__aenter__()
                lock_due, delete = rows.outbox.lock_due, rows.outbox.delete

                async def after_sending(ids: Sequence[int]) -> None:
                    self._sent = True
                    reach("sent")
                    await delete(ids)

                rows.outbox = Around(rows.outbox, lock_due=_then(lock_due, reach, "locked"), delete=after_sending)
                return rows

            async def __aexit__(self, *error: object) -> Any:
                result = await self._inner.__aexit__(*error)
                if self._sent:
                    reach("committed")
                return result

        dependencies.db.transaction = Steps  # type: ignore[assignment, method-assign]
        await OutboxRelay(dependencies, settings).work(stopping)


def _live(service: str, step: str) -> None:
    reach = _reach(step)
    if service == "image-worker":
        worker_settings = read(ImageWorkerSettings)
        run(lambda stopping: _worker(worker_settings, reach, stopping), worker_settings)
    else:
        relay_settings = read(OutboxRelaySettings)
        run(lambda stopping: _relay(relay_settings, reach, stopping), relay_settings)


async def _load(service: str) -> None:
    """Open and close its dependencies once: every fork then has all modules and AWS's service descriptions."""
    if service == "image-worker":
        async with image_worker(read(ImageWorkerSettings)):
            pass
    else:
        async with outbox_relay(read(OutboxRelaySettings)):
            pass


def main(service: str) -> None:
    asyncio.run(_load(service))
    for step in [*(line.strip() for line in sys.stdin), ""]:
        child = os.fork()
        if child == 0:
            # Only the lines of this process are the test's.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _live(service, step)
            os._exit(0)

        def pass_on(number: int, _frame: object, child: int = child) -> None:
            os.kill(child, number)
            os.waitpid(child, 0)
            os._exit(0)

        signal.signal(signal.SIGTERM, pass_on)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(f"{step} {'killed' if killed else status}", flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(sys.argv[1])
