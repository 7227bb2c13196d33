"""`tatemono infra plan`, `apply` and `drift`: Terraform in a real account, with the environment's own files."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from tatemono_tools.terraform.building_parts import BuildingPart, part_of
from tatemono_tools.terraform.runner import INFRA, Terraform, TerraformFailed, find_mirror

ROOT = INFRA / "environment"
_SAME, _FAILED, _CHANGED = 0, 1, 2
_ACTIONS = {
    ("create",): ("+", "green", "made"),
    ("delete",): ("-", "red", "taken away"),
    ("update",): ("~", "yellow", "changed"),
    ("delete", "create"): ("±", "magenta", "made anew"),
    ("create", "delete"): ("±", "magenta", "made anew"),
}


def show_plan(environment: str, console: Console, *, image: str | None) -> int:
    """0: nothing would change; 2: something; 1: Terraform refused."""
    with TemporaryDirectory() as folder:
        return _plan(environment, console, Path(folder, "plan"), image=image)[0]


def apply_plan(environment: str, console: Console, confirm: Callable[[], bool], *, image: str | None) -> int:
    """Apply what was shown, if `confirm` says yes. 0: it is applied; 1: it is not."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "plan")
        code, terraform = _plan(environment, console, file, image=image)
        if code != _CHANGED or terraform is None:
            return code
        if not confirm():
            console.print("Nothing was changed.")
            return _FAILED
        return terraform.run_interactively("apply", "-input=false", str(file))


def show_drift(environment: str, console: Console, *, image: str | None) -> int:
    """0: everything is as the blueprints say; 2: something is not; 1: Terraform refused."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "plan")
        try:
            terraform = _ready(environment)
            code = _planned(terraform, environment, file, "-lock=false", quiet=True, image=image)
            if code == _FAILED:
                return _FAILED
            plan = json.loads(terraform.run("show", "-json", str(file)))
        except TerraformFailed as error:
            console.print(str(error), markup=False, highlight=False)
            return _FAILED
    if code == _SAME:
        console.print(f"{environment} is as the blueprints say.")
    else:
        console.print(drift_table(environment, plan))
    return code


def drift_table(environment: str, plan: dict[str, Any]) -> Table:
    """What a plan would change, by part of the building."""
    parts: dict[BuildingPart, list[tuple[str, tuple[str, ...], list[str]]]] = defaultdict(list)
    for change in plan["resource_changes"]:
        actions = tuple(change["change"]["actions"])
        if actions in _ACTIONS:
            parts[part_of(change["address"])].append((change["address"], actions, _changed(change["change"])))
    table = Table(title=f"{environment} is not as the blueprints say", title_justify="left", box=None, padding=(0, 1))
    for heading in ("part", "", "resource", "what differs"):
        table.add_column(heading, overflow="fold")
    for part, changes in parts.items():
        for number, (address, actions, names) in enumerate(changes):
            mark, colour, action = _ACTIONS[actions]
            differs = ", ".join(names) if names else action
            table.add_row(
                part.english if number == 0 else "", f"[{colour}]{mark}[/]", address.replace("[", r"\["), differs
            )
    return table


def _changed(change: dict[str, Any]) -> list[str]:
    """Names of what differs, never the values: one of them may be a secret."""
    before, after = change.get("before") or {}, change.get("after") or {}
    if not before or not after:
        return []
    unknown = change.get("after_unknown") or {}
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name) and not unknown.get(name)
    )


def _plan(environment: str, console: Console, file: Path, *, image: str | None) -> tuple[int, Terraform | None]:
    try:
        terraform = _ready(environment)
        return _planned(terraform, environment, file, image=image), terraform
    except TerraformFailed as error:
        console.print(str(error), markup=False, highlight=False)
        return _FAILED, None


def _ready(environment: str) -> Terraform:
    """:raises TerraformFailed: the backend cannot be reached"""
    terraform = Terraform(root=ROOT, mirror=find_mirror())
    terraform.init("-reconfigure", f"-backend-config=../env/{environment}.tfbackend")
    return terraform


def _planned(
    terraform: Terraform, environment: str, file: Path, *arguments: str, image: str | None, quiet: bool = False
) -> int:
    """:raises TerraformFailed: no image is named, and none runs yet"""
    running = image or running_image(terraform)
    words = (
        *("plan", "-input=false", "-detailed-exitcode", f"-out={file}", *arguments),
        *(f"-var-file=../env/{environment}.tfvars", f"-var=image={running}"),
    )
    if not quiet:
        return terraform.run_interactively(*words)
    code, errors = terraform.stream(*words, "-json", on_event=lambda _event: None)
    if code == _FAILED:
        raise TerraformFailed("\n".join(errors))
    return code


def running_image(terraform: Terraform) -> str:
    """The image in the state's task definitions: the deploy workflow rolls new ones, Terraform follows them.

    :raises TerraformFailed: there is none yet
    """
    state = json.loads(terraform.run("show", "-json"))
    modules = state.get("values", {}).get("root_module", {}).get("child_modules", [])
    for module in modules:
        for resource in module.get("resources", []):
            if resource["type"] == "aws_ecs_task_definition":
                return str(json.loads(resource["values"]["container_definitions"])[0]["image"])
    raise TerraformFailed("There is no image yet: build one (docs/how-to/aws.md) and name it with --image.")
