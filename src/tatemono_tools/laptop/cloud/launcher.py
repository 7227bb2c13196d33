# ruff: noqa: SLF001 - MiniStack offers no other way to what is changed here; patches.py notices when a place moves
"""Applies the patches, and serves MiniStack behind the middleware until SIGTERM."""

import asyncio
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from ministack import app as ministack
from ministack.services import ses, sqs, sts

from tatemono_tools.laptop.cloud.code_requests import send_codes_as_cognito
from tatemono_tools.laptop.cloud.credentials import check_every_signature
from tatemono_tools.laptop.cloud.durable_writes import WriteGuard, forget_unwritten_objects, notice_failed_writes
from tatemono_tools.laptop.cloud.identities import complete_identities
from tatemono_tools.laptop.cloud.mail import mail_since, publish_mail_events
from tatemono_tools.laptop.cloud.middleware import CloudMiddleware
from tatemono_tools.laptop.cloud.new_address import verify_new_addresses
from tatemono_tools.laptop.cloud.patches import PatchError, check_patches
from tatemono_tools.laptop.cloud.pictures import Pictures
from tatemono_tools.laptop.cloud.queues import ReceiverWakeup, wake_receivers
from tatemono_tools.laptop.cloud.settings import CloudSettings
from tatemono_tools.laptop.cloud.sign_up import complete_sign_up, random_code
from tatemono_tools.laptop.cloud.snapshots import Service, Snapshots, touched_services

logger = logging.getLogger(__name__)

_WORKER_THREADS = 16
_SHUTDOWN_SECONDS = 0.3

_ALSO_CHANGED = {
    "cognito": {"ses", "ses_outbox", "sts", "lambda", "cloudwatch_logs"},
    "lambda": {"cloudwatch_logs", "sts"},
    "ses": {"ses_outbox"},
}
"""Services whose state a call to one service changes as well, by the names of their state."""


def serve(settings: CloudSettings) -> None:
    """Run the embedded cloud until SIGTERM or SIGINT."""
    try:
        check_patches()
    except PatchError as error:
        sys.exit(f"embedded cloud: {error}")
    check_every_signature(settings.account_id, settings.secret_access_key)
    complete_sign_up()
    send_codes_as_cognito()
    complete_identities()
    verify_new_addresses(random_code)
    wakeup = wake_receivers()
    publish_mail_events()
    notice_failed_writes()
    _record_touched_services()
    uvloop.run(_run(settings, wakeup))


async def _run(settings: CloudSettings, wakeup: ReceiverWakeup) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_WORKER_THREADS, thread_name_prefix="cloud"))
    # MiniStack's own start does this, and then imports services that are not used.
    ministack._MAIN_LOOP = loop
    snapshots = Snapshots(folder=settings.state_dir / "services", services=_services(), loaded=_loaded)
    snapshots.restore()
    writes = WriteGuard(settings.state_dir, settings.reserved_bytes, lambda: snapshots.problem)
    app = CloudMiddleware(
        ministack.app, Pictures(settings), settings.secret_access_key, snapshots.touch, mail_since, writes=writes
    )
    server = Server(
        app,
        address="127.0.0.1",
        port=settings.port,
        interface=Interfaces.ASGINL,
        websockets=False,
        log_level=LogLevels.error,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keeping = loop.create_task(snapshots.keep())
    serving = loop.create_task(server.serve())
    await asyncio.wait([serving, loop.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    wakeup.close()
    server.stop()  # type: ignore[no-untyped-call]  # granian types the constructor only
    await asyncio.wait([serving], timeout=_SHUTDOWN_SECONDS)
    keeping.cancel()
    snapshots.touch(None)
    try:
        await snapshots.save()
    except OSError as error:
        sys.exit(f"embedded cloud: the last second is lost, since {settings.state_dir} cannot be written: {error}")


def _services() -> dict[str, Service]:
    """The services of the building, by the names of their state files."""
    services: dict[str, Service] = {}
    for name, config in ministack.SERVICE_REGISTRY.items():
        if name in ministack.SERVICE_HANDLERS:
            keys = {config.get("state_key", config["module"]): config["module"]}
            keys |= {module: module for module in config.get("sub_modules", ())}
            services |= {key: _service(key, module) for key, module in keys.items()}
    # MiniStack forgets these two: mail that was sent, and temporary credentials.
    services["ses_outbox"] = Service(name="ses_outbox", state=lambda: ses._sent_emails, restore=ses._sent_emails.update)
    services["sts"] = Service(name="sts", state=lambda: sts._sessions, restore=sts._sessions.update)
    # What MiniStack's get_state would give, without the copy: that takes ten times as long as encoding a full queue.
    services["sqs"] = replace(
        services["sqs"],
        state=lambda: {"queues": sqs._queues, "queue_name_to_url": sqs._queue_name_to_url},
    )
    return services


def _service(name: str, module: str) -> Service:
    return Service(
        name=name,
        state=lambda: ministack._get_module(module).get_state(),
        restore=lambda state: ministack._get_module(module).load_persisted_state(state),
    )


def _loaded() -> set[str]:
    """What has been imported: by a request, or by another service that calls it directly."""
    modules = {key for key, module in ministack._state_map.items() if f"ministack.services.{module}" in sys.modules}
    return modules | {"ses_outbox"}


def _record_touched_services() -> None:
    for name, handler in ministack.SERVICE_HANDLERS.items():
        config = ministack.SERVICE_REGISTRY[name]
        key = config.get("state_key", config["module"])
        changed = {key, *config.get("sub_modules", ()), *_ALSO_CHANGED.get(key, ())}
        ministack.SERVICE_HANDLERS[name] = _recording(
            forget_unwritten_objects(handler) if name == "s3" else handler, changed
        )


def _recording(handler: Any, changed: set[str]) -> Any:
    async def handle(*request: Any) -> Any:
        touched = touched_services.get()
        if touched is not None:
            touched |= changed
        return await handler(*request)

    return handle
