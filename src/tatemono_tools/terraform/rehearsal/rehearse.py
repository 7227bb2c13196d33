"""`tatemono infra rehearse`: builds a whole environment, looks at it, changes it, and tries what can be tried."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console

from tatemono_tools.laptop import secret_values
from tatemono_tools.plan.building import Plan, read_plan
from tatemono_tools.terraform.checks.all import CHECKS, Applications, check_stack
from tatemono_tools.terraform.checks.stack import Finding, Stack
from tatemono_tools.terraform.rehearsal.emulators import EmulatorFailed, Emulators, running_emulators
from tatemono_tools.terraform.rehearsal.reporting import Report, Step, StepFailed
from tatemono_tools.terraform.rehearsal.setup import Setup, client, read_variable, set_account, set_up
from tatemono_tools.terraform.rehearsal.traffic import TrafficProbe
from tatemono_tools.terraform.runner import INFRA, Event, Terraform, TerraformFailed, find_mirror

_CHANGED = 2
"""What `plan -detailed-exitcode` ends with when something would change."""
_PARALLEL = "-parallelism=30"
_QUIET = ("-json", "-input=false", _PARALLEL)
_NEW_ADDRESS = "192.0.2.77/32"
_TRIALS = ("letter boxes", "warehouse", "safe", "reception", "second copy")

NOT_PROVEN = """\
What this does not prove: emulators accept more than AWS does. Neither IAM nor the firewall's behaviour is rehearsed,
nor quotas, prices, the time that things take, or whether every combination of values is valid. docs/how-to/aws.md
lists what only the first real apply can confirm."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """:ivar folder: where copies, logs, plan and state are kept, one folder for each environment"""

    environment: str
    folder: Path
    bootstrap: bool = True


def rehearse(wishes: Options, applications: Applications, console: Console) -> int:
    """Play all acts. 0: everything held; 1: something did not."""
    folder = wishes.folder / wishes.environment
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "apply.log").unlink(missing_ok=True)
    began = time.monotonic()
    programme = Report(console, f"Rehearsal of {wishes.environment}")
    programme.announce("emulators", "blueprints", "safe first", "building", "no difference", "one address")
    programme.announce(*CHECKS, *_TRIALS)
    findings: list[Finding] = []
    with stoppable(), programme:
        try:
            _play(wishes, folder, applications, programme, findings)
        except (StepFailed, EmulatorFailed, TerraformFailed) as error:
            (folder / "failure.log").write_text(str(error), encoding="utf-8")
            console.print(f"\n[red]{type(error).__name__}[/red]: ", end="")
            console.print(str(error)[:4000], markup=False, highlight=False)
        except KeyboardInterrupt:
            console.print("Stopped; the emulators have ended.")
            return 130
    if console.is_terminal:
        console.print()
    for finding in findings:
        console.print(f" ✗ {finding}", markup=False, highlight=False, soft_wrap=True)
    whole = "held" if not programme.failed else "did not hold"
    took = f"{time.monotonic() - began:.0f} s"
    told = f"The rehearsal of {wishes.environment} {whole}, in {took}. Plan, state and logs: {folder}"
    console.print(told, highlight=False, soft_wrap=True)
    console.print(NOT_PROVEN, style="dim", highlight=False)
    return 1 if programme.failed else 0


def _play(
    wishes: Options, folder: Path, applications: Applications, programme: Report, findings: list[Finding]
) -> None:
    plan = read_plan()
    account = read_variable(INFRA / "env" / f"{wishes.environment}.tfvars", "account_id")
    with _emulators(folder, account, plan, programme) as emulators:
        with programme.act("blueprints") as act:
            mirror = find_mirror()
            stage = set_up(folder, wishes.environment, emulators, mirror)
            stage.terraform.init()
            act.said = f"provider from {mirror or 'the registry'}"
        account_root = Thread(target=_bootstrap, args=(folder, emulators, mirror, programme), daemon=True)
        if wishes.bootstrap:
            programme.announce("account")
            account_root.start()
        filled = _build(stage, emulators, plan, programme)
        state = _show(stage, folder, "state.json")
        with programme.act("no difference") as act:
            _no_difference(stage, act)
        with programme.act("one address") as act:
            _one_address(stage, folder, plan, act)
        _check(Stack.read(state), plan, applications, filled, programme=programme, findings=findings)
        _try(TrafficProbe(emulators=emulators, plan=plan, environment=wishes.environment, filled=filled), programme)
        if wishes.bootstrap:
            account_root.join()


@contextmanager
def _emulators(folder: Path, account: str, plan: Plan, programme: Report) -> Iterator[Emulators]:
    with running_emulators(folder / "emulators", account=account, region=plan.region) as emulators:
        with programme.act("emulators") as act:
            act.said = f"moto {emulators.moto.rpartition(':')[2]}, MiniStack {emulators.ministack.rpartition(':')[2]}"
        yield emulators


def _build(stage: Setup, emulators: Emulators, plan: Plan, programme: Report) -> dict[str, str]:
    """As docs/how-to/aws.md says: the safe first, then its values, then everything."""
    with programme.act("safe first") as act:
        _apply(stage, act, "-target=module.safe.aws_secretsmanager_secret.this")
        filled = dict(_fill(stage, emulators, plan))
        act.said += f", {len(filled)} filled"
    with programme.act("building") as act:
        _apply(stage, act)
    return filled


def _fill(stage: Setup, emulators: Emulators, plan: Plan) -> Iterator[tuple[str, str]]:
    manager = client(emulators, "secretsmanager")
    make: dict[str, Callable[[], str]] = {
        "random": secret_values.random_value,
        "ec-p256-jwks": secret_values.signing_keys,
        "ec-p256-pem": lambda: stage.picture_key,
        "provided": secret_values.random_value,
    }
    for name, secret in plan.secrets.items():
        if secret.generate in make:
            value = make[secret.generate]()
            secret_id = f"/{stage.environment}/{plan.name}/secrets/{name}"
            manager.put_secret_value(SecretId=secret_id, SecretString=value)
            yield name, value


def _apply(stage: Setup, act: Step, *arguments: str) -> None:
    """:raises StepFailed: with Terraform's errors"""
    progress = _Progress(act)
    words = ("apply", "-auto-approve", *_QUIET, *arguments, *stage.variable_files)
    with (stage.folder / "apply.log").open("a", encoding="utf-8") as log:
        code, errors = stage.terraform.follow(*words, tell=lambda event: progress.tell(event, log.write))
    if code != 0:
        raise StepFailed("\n".join(errors) or f"terraform apply ended with {code}")
    act.said = f"{progress.done} applied"


class _Progress:
    """Counts what Terraform has done of what it has to do."""

    def __init__(self, act: Step) -> None:
        self._act = act
        self._all = 0
        self.done = 0

    def tell(self, event: Event, write: Callable[[str], Any]) -> None:
        write(f"{event.get('@message', '')}\n")
        if event.get("type") == "planned_change":
            self._all += 1
        elif event.get("type") == "apply_complete":
            self.done += 1
        if self._all:
            self._act.said = f"{self.done} of {self._all}"


def _show(stage: Setup, folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    told = stage.terraform.run("show", "-json", *arguments)
    (folder / name).write_text(told, encoding="utf-8")
    return dict(json.loads(told))


def _no_difference(stage: Setup, act: Step) -> None:
    """:raises StepFailed: something would change that nobody changed"""
    changed: list[str] = []
    code, errors = stage.terraform.follow(
        "plan", "-detailed-exitcode", "-out=again.tfplan", *_QUIET, *stage.variable_files,
        tell=lambda event: changed.extend(_changes(event)),
    )  # fmt: skip
    if code == _CHANGED:
        raise StepFailed(f"{len(changed)} differences: " + "; ".join(changed))
    if code != 0:
        raise StepFailed("\n".join(errors))
    act.said = "planned again: nothing to change"


def _one_address(stage: Setup, folder: Path, plan: Plan, act: Step) -> None:
    """One more address in an IP set changes that set, and the tasks that are told of it; nothing else.

    :raises StepFailed: something else would change, or not all of it
    """
    sets = _ip_sets(folder / "state.json", plan)
    name = next(iter(sets))
    sets[name].append(_NEW_ADDRESS)
    (stage.terraform.root / "change.tfvars.json").write_text(json.dumps({"ip_sets": sets}), encoding="utf-8")
    files = (*stage.variable_files, "-var-file=change.tfvars.json")
    _code, errors = stage.terraform.follow("plan", "-out=change.tfplan", *_QUIET, *files, tell=lambda _event: None)
    if errors:
        raise StepFailed("\n".join(errors))
    planned = _show(stage, folder, "plan.json", "change.tfplan")
    changed = {
        change["address"]
        for change in planned["resource_changes"]
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }
    told = [
        service
        for service, facts in plan.services.items()
        if any(source.ip_set == name for source in facts.environment.values())
    ]
    expected = {f'module.edge.aws_wafv2_ip_set.this["{name}-IPV4"]'}
    told_so = ("aws_ecs_task_definition.service", "aws_ecs_service.this")
    expected |= {f'module.services.{place}["{service}"]' for service in told for place in told_so}
    if changed != expected:
        raise StepFailed(f"changes {sorted(changed ^ expected)} besides or not at all")
    code, errors = stage.terraform.follow("apply", *_QUIET, "change.tfplan", tell=lambda _event: None)
    if code != 0:
        raise StepFailed("\n".join(errors))
    act.said = f"1 set changed, and the tasks of {len(told)} services that compare with it; nothing else"


def _ip_sets(state: Path, plan: Plan) -> dict[str, list[str]]:
    stack = Stack.read(json.loads(state.read_text(encoding="utf-8")))
    found: dict[str, list[str]] = {name: [] for name in plan.edge.ip_sets}
    for ip_set in stack.all("aws_wafv2_ip_set"):
        found[str(ip_set.index).rpartition("-")[0]] += ip_set.get("addresses") or []
    return found


def _changes(event: Event) -> Iterator[str]:
    if event.get("type") == "planned_change":
        change = event["change"]
        yield f"{change['resource']['addr']} ({change['action']})"


def _check(
    stack: Stack,
    plan: Plan,
    applications: Applications,
    filled: dict[str, str],
    *,
    programme: Report,
    findings: list[Finding],
) -> None:
    checks = check_stack(stack, plan, applications, INFRA, list(filled.values()))
    for name in CHECKS:
        try:
            with programme.act(name) as act:
                _, found = next(checks)
                findings += found
                if found:
                    raise StepFailed(f"{len(found)} findings")  # noqa: TRY301 - that is how an act fails
                act.said = "nothing found"
        except StepFailed:
            continue


def _try(visitor: TrafficProbe, programme: Report) -> None:
    for name, trial in visitor.trials():
        try:
            with programme.act(name) as act:
                act.said = trial()
        except StepFailed:
            continue


def _bootstrap(folder: Path, emulators: Emulators, mirror: Path | None, programme: Report) -> None:
    """The other root module, beside the first: what an account needs once."""
    try:
        with programme.act("account") as act:
            root = set_account(folder)
            terraform = Terraform(root=root, mirror=mirror, environment=emulators.environment())
            terraform.init()
            variables = ("-var=owner=rehearsal", "-var=cost_center=rehearsal", f"-var=account_id={emulators.account}")
            code, errors = terraform.follow("apply", "-auto-approve", *_QUIET, *variables, tell=lambda _event: None)
            if code != 0:
                raise StepFailed("\n".join(errors))  # noqa: TRY301 - as above
            changed: list[str] = []
            code, _ = terraform.follow(
                "plan", "-detailed-exitcode", *_QUIET, *variables, tell=lambda event: changed.extend(_changes(event))
            )
            if code != 0:
                raise StepFailed(f"{len(changed)} differences: " + "; ".join(changed))  # noqa: TRY301 - as above
            act.said = "bootstrap applied and planned again: nothing to change"
    except (StepFailed, TerraformFailed) as error:
        (folder / "bootstrap.log").write_text(str(error), encoding="utf-8")


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends a rehearsal as Ctrl-C does: emulators do not outlive it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
