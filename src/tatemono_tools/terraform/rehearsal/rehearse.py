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
from tatemono_tools.terraform.rehearsal.setup import Setup, client, copy_bootstrap, prepare, read_variable
from tatemono_tools.terraform.rehearsal.traffic import TrafficProbe
from tatemono_tools.terraform.runner import INFRA, Event, Terraform, TerraformFailed, find_mirror

_CHANGED = 2
"""What `plan -detailed-exitcode` ends with when something would change."""
_PARALLEL = "-parallelism=30"
_QUIET = ("-json", "-input=false", _PARALLEL)
_NEW_ADDRESS = "192.0.2.77/32"
_PROBES = ("messages", "objects", "secret values", "sign-up", "function calls")

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


def rehearse(options: Options, applications: Applications, console: Console) -> int:
    """Run all steps. 0: everything held; 1: something did not."""
    folder = options.folder / options.environment
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "apply.log").unlink(missing_ok=True)
    began = time.monotonic()
    report = Report(console, f"Rehearsal of {options.environment}")
    report.announce("emulators", "blueprints", "secrets first", "building", "no difference", "one address")
    report.announce(*CHECKS, *_PROBES)
    findings: list[Finding] = []
    with interruptible(), report:
        try:
            _run_steps(options, folder, applications, report, findings)
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
    whole = "held" if not report.failed else "did not hold"
    took = f"{time.monotonic() - began:.0f} s"
    summary = f"The rehearsal of {options.environment} {whole}, in {took}. Plan, state and logs: {folder}"
    console.print(summary, highlight=False, soft_wrap=True)
    console.print(NOT_PROVEN, style="dim", highlight=False)
    return 1 if report.failed else 0


def _run_steps(
    options: Options, folder: Path, applications: Applications, report: Report, findings: list[Finding]
) -> None:
    plan = read_plan()
    account = read_variable(INFRA / "env" / f"{options.environment}.tfvars", "account_id")
    with _emulators(folder, account, plan, report) as emulators:
        with report.step("blueprints") as step:
            mirror = find_mirror()
            setup = prepare(folder, options.environment, emulators, mirror)
            setup.terraform.init()
            step.result = f"provider from {mirror or 'the registry'}"
        account_root = Thread(target=_bootstrap, args=(folder, emulators, mirror, report), daemon=True)
        if options.bootstrap:
            report.announce("account")
            account_root.start()
        filled = _build(setup, emulators, plan, report)
        state = _show(setup, folder, "state.json")
        with report.step("no difference") as step:
            _no_difference(setup, step)
        with report.step("one address") as step:
            _one_address(setup, folder, plan, step)
        _check(Stack.read(state), plan, applications, filled, report=report, findings=findings)
        _probe(TrafficProbe(emulators=emulators, plan=plan, environment=options.environment, filled=filled), report)
        if options.bootstrap:
            account_root.join()


@contextmanager
def _emulators(folder: Path, account: str, plan: Plan, report: Report) -> Iterator[Emulators]:
    with running_emulators(folder / "emulators", account=account, region=plan.region) as emulators:
        with report.step("emulators") as step:
            step.result = (
                f"moto {emulators.moto.rpartition(':')[2]}, MiniStack {emulators.ministack.rpartition(':')[2]}"
            )
        yield emulators


def _build(setup: Setup, emulators: Emulators, plan: Plan, report: Report) -> dict[str, str]:
    """As docs/how-to/aws.md says: the secrets first, then their values, then everything."""
    with report.step("secrets first") as step:
        _apply(setup, step, "-target=module.secrets.aws_secretsmanager_secret.this")
        filled = dict(_fill(setup, emulators, plan))
        step.result += f", {len(filled)} filled"
    with report.step("building") as step:
        _apply(setup, step)
    return filled


def _fill(setup: Setup, emulators: Emulators, plan: Plan) -> Iterator[tuple[str, str]]:
    manager = client(emulators, "secretsmanager")
    make: dict[str, Callable[[], str]] = {
        "random": secret_values.random_value,
        "ec-p256-jwks": secret_values.signing_keys,
        "ec-p256-pem": lambda: setup.picture_key,
        "provided": secret_values.random_value,
    }
    for name, secret in plan.secrets.items():
        if secret.generate in make:
            value = make[secret.generate]()
            secret_id = f"/{setup.environment}/{plan.name}/secrets/{name}"
            manager.put_secret_value(SecretId=secret_id, SecretString=value)
            yield name, value


def _apply(setup: Setup, step: Step, *arguments: str) -> None:
    """:raises StepFailed: with Terraform's errors"""
    progress = _Progress(step)
    words = ("apply", "-auto-approve", *_QUIET, *arguments, *setup.variable_files)
    with (setup.folder / "apply.log").open("a", encoding="utf-8") as log:
        code, errors = setup.terraform.stream(*words, on_event=lambda event: progress.on_event(event, log.write))
    if code != 0:
        raise StepFailed("\n".join(errors) or f"terraform apply ended with {code}")
    step.result = f"{progress.done} applied"


class _Progress:
    """Counts what Terraform has done of what it has to do."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._all = 0
        self.done = 0

    def on_event(self, event: Event, write: Callable[[str], Any]) -> None:
        write(f"{event.get('@message', '')}\n")
        if event.get("type") == "planned_change":
            self._all += 1
        elif event.get("type") == "apply_complete":
            self.done += 1
        if self._all:
            self._step.result = f"{self.done} of {self._all}"


def _show(setup: Setup, folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    text = setup.terraform.run("show", "-json", *arguments)
    (folder / name).write_text(text, encoding="utf-8")
    return dict(json.loads(text))


def _no_difference(setup: Setup, step: Step) -> None:
    """:raises StepFailed: something would change that was not changed"""
    changed: list[str] = []
    code, errors = setup.terraform.stream(
        "plan", "-detailed-exitcode", "-out=again.tfplan", *_QUIET, *setup.variable_files,
        on_event=lambda event: changed.extend(_changes(event)),
    )  # fmt: skip
    if code == _CHANGED:
        raise StepFailed(f"{len(changed)} differences: " + "; ".join(changed))
    if code != 0:
        raise StepFailed("\n".join(errors))
    step.result = "planned again: nothing to change"


def _one_address(setup: Setup, folder: Path, plan: Plan, step: Step) -> None:
    """One more address in an IP set changes that set, and the tasks that have it in a variable; nothing else.

    :raises StepFailed: something else would change, or not all of it
    """
    sets = _ip_sets(folder / "state.json", plan)
    name = next(iter(sets))
    sets[name].append(_NEW_ADDRESS)
    (setup.terraform.root / "change.tfvars.json").write_text(json.dumps({"ip_sets": sets}), encoding="utf-8")
    files = (*setup.variable_files, "-var-file=change.tfvars.json")
    _code, errors = setup.terraform.stream("plan", "-out=change.tfplan", *_QUIET, *files, on_event=lambda _event: None)
    if errors:
        raise StepFailed("\n".join(errors))
    planned = _show(setup, folder, "plan.json", "change.tfplan")
    changed = {
        change["address"]
        for change in planned["resource_changes"]
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }
    services = [
        service
        for service, facts in plan.services.items()
        if any(source.ip_set == name for source in facts.environment.values())
    ]
    expected = {f'module.edge.aws_wafv2_ip_set.this["{name}-IPV4"]'}
    resources = ("aws_ecs_task_definition.service", "aws_ecs_service.this")
    expected |= {f'module.services.{resource}["{service}"]' for service in services for resource in resources}
    if changed != expected:
        raise StepFailed(f"changes {sorted(changed ^ expected)} besides or not at all")
    code, errors = setup.terraform.stream("apply", *_QUIET, "change.tfplan", on_event=lambda _event: None)
    if code != 0:
        raise StepFailed("\n".join(errors))
    step.result = f"1 set changed, and the tasks of {len(services)} services that compare with it; nothing else"


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
    report: Report,
    findings: list[Finding],
) -> None:
    checks = check_stack(stack, plan, applications, INFRA, list(filled.values()))
    for name in CHECKS:
        try:
            with report.step(name) as step:
                _, found = next(checks)
                findings += found
                if found:
                    raise StepFailed(f"{len(found)} findings")  # noqa: TRY301 - that is how a step fails
                step.result = "nothing found"
        except StepFailed:
            continue


def _probe(traffic: TrafficProbe, report: Report) -> None:
    for name, probe in traffic.probes():
        try:
            with report.step(name) as step:
                step.result = probe()
        except StepFailed:
            continue


def _bootstrap(folder: Path, emulators: Emulators, mirror: Path | None, report: Report) -> None:
    """The other root module, beside the first: what an account needs once."""
    try:
        with report.step("account") as step:
            root = copy_bootstrap(folder)
            terraform = Terraform(root=root, mirror=mirror, environment=emulators.environment())
            terraform.init()
            variables = ("-var=owner=rehearsal", "-var=cost_center=rehearsal", f"-var=account_id={emulators.account}")
            code, errors = terraform.stream("apply", "-auto-approve", *_QUIET, *variables, on_event=lambda _event: None)
            if code != 0:
                raise StepFailed("\n".join(errors))  # noqa: TRY301 - as above
            changed: list[str] = []
            code, _ = terraform.stream(
                "plan",
                "-detailed-exitcode",
                *_QUIET,
                *variables,
                on_event=lambda event: changed.extend(_changes(event)),
            )
            if code != 0:
                raise StepFailed(f"{len(changed)} differences: " + "; ".join(changed))  # noqa: TRY301 - as above
            step.result = "bootstrap applied and planned again: nothing to change"
    except (StepFailed, TerraformFailed) as error:
        (folder / "bootstrap.log").write_text(str(error), encoding="utf-8")


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends a rehearsal as Ctrl-C does: emulators do not outlive it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
