"""`tatemono reconcile`: what is left over in the running building, and with `--repair` its removal."""

import asyncio
import os

from rich.console import Console
from rich.table import Table

from tatemono.bootstrap.outbox_relay import outbox_relay
from tatemono.domain.privacy.residual_data import Findings, Kind
from tatemono.settings import OutboxRelaySettings, read
from tatemono.usecases.privacy.reconcile import reconcile_all
from tatemono_tools.invocation import typed
from tatemono_tools.laptop.operate.running import running_cloud
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.laptop.provision.cloud_resources import open_cloud
from tatemono_tools.laptop.provision.provision import resolve_environment
from tatemono_tools.plan.building import Plan

_SERVICE = "outbox-relay"
#: How many of each kind are shown.
_NAMES = 5
_WHAT = {
    Kind.OBJECTS: "objects without a row",
    Kind.POOL_MEMBERS: "Cognito members without a user",
    Kind.IDENTITIES: "Cognito identities without a user",
    Kind.MEMBERS: "members whom Cognito has lost",
}


def reconcile(plan: Plan, state: StateFolder, console: Console, *, repair: bool) -> int:
    """Look through everything, as the service that does it daily would, with its rights.

    :returns: the exit code: 1 if something is left over
    :raises NotRunning: no building is up in this folder
    """
    found = asyncio.run(_reconcile(plan, running_cloud(plan, state), repair=frozenset(Kind) if repair else frozenset()))
    _show(console, found, repair=repair)
    return 1 if any(findings.found > findings.repaired for findings in found) else 0


async def _reconcile(plan: Plan, cloud_arguments: dict[str, str], *, repair: frozenset[Kind]) -> list[Findings]:
    async with open_cloud(**cloud_arguments) as cloud:
        environment = await resolve_environment(plan, _SERVICE, cloud)
    # The service's own settings and clients read them from there.
    os.environ.update(environment | {"SERVICE_NAME": "reconcile"})
    async with outbox_relay(read(OutboxRelaySettings)) as parts:
        return await reconcile_all(parts.db, parts.reconciler, repair=repair)


def _show(console: Console, found: list[Findings], *, repair: bool) -> None:
    table = Table("left over", box=None)
    for heading in ("looked at", "found", "repaired"):
        table.add_column(heading, justify="right")
    for findings in found:
        numbers = (findings.looked_at, findings.found, findings.repaired)
        table.add_row(_WHAT[findings.kind], *(f"{number:,}" for number in numbers))
    console.print(table)
    for findings in found:
        if findings.found:
            _show_names(console, findings)
    left = sum(findings.found - findings.repaired for findings in found)
    if left and not repair:
        console.print(f"\n{left:,} left over. `{typed()} reconcile --repair` removes them.", markup=False)


def _show_names(console: Console, findings: Findings) -> None:
    console.print(f"\n{_WHAT[findings.kind]}:")
    shown = findings.names[:_NAMES]
    for name in shown:
        console.print(f"  {name}", markup=False, soft_wrap=True)
    if findings.found > len(shown):
        console.print(f"  and {findings.found - len(shown):,} more")
    if findings.suspicious:
        console.print("  So many: rather the pool or the bucket is the wrong one. Nothing was removed.")
