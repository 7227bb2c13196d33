"""IAM policies: none allows every action, and none is for every resource without a written reason."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from tatemono_tools.terraform.checks.stack import Finding, Resource, Stack, as_list, json_of

_CHECK = "policies"
_POLICIES = {
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}
"""Of identities. In a policy of a resource, `*` means that resource."""
_TRUSTS = {"aws_iam_role": "assume_role_policy"}
_BLOCK = re.compile(r'^data "aws_iam_policy_document" "(\w+)" \{\n(.*?)^\}', re.DOTALL | re.MULTILINE)
_STATEMENT = re.compile(r"^( +)(?:statement|content) \{\n(.*?)^\1\}", re.DOTALL | re.MULTILINE)
_ACTIONS = re.compile(r"actions\s*=\s*\[(.*?)\]", re.DOTALL)
_EVERYTHING = re.compile(r'resources\s*=\s*\["\*"\](.*)')


def reasons(infra: Path) -> set[str]:
    """Actions that the source allows on every resource, with the reason on the line.

    :param infra: the folder with Terraform's files
    """
    found: set[str] = set()
    for file in infra.glob("modules/*/*.tf"):
        for _, body in _BLOCK.findall(file.read_text(encoding="utf-8")):
            for _, statement in _STATEMENT.findall(body):
                everything = _EVERYTHING.search(statement)
                if everything and "#" in everything[1]:
                    found |= {
                        action
                        for actions in _ACTIONS.findall(statement)
                        for action in re.findall(r'"([^"]+)"', actions)
                    }
    return found


def check_sources(infra: Path) -> Iterator[Finding]:
    """The same rules on Terraform's files, for every environment at once."""
    for file in sorted(infra.glob("modules/*/*.tf")):
        text = file.read_text(encoding="utf-8")
        for name, body in _BLOCK.findall(text):
            where = f"{file.relative_to(infra)}: {name}"
            for _, statement in _STATEMENT.findall(body):
                # Of a resource's own policy: `*` is that resource. Refusing everything is no danger.
                if "principals {" in statement or re.search(r'effect\s*=\s*"Deny"', statement):
                    continue
                for actions in _ACTIONS.findall(statement):
                    for action in re.findall(r'"([^"]+)"', actions):
                        if action == "*" or action.endswith(":*"):
                            yield Finding(check=_CHECK, where=where, what=f"allows {action}")
                everything = _EVERYTHING.search(statement)
                if everything and "#" not in everything[1]:
                    yield Finding(
                        check=_CHECK, where=where, what="is for every resource, and the line does not say why"
                    )


def check_policies(stack: Stack, reasoned: Collection[str]) -> Iterator[Finding]:
    """:param reasoned: actions that may be for every resource (`reasons`)"""
    for type_, attribute in _POLICIES.items():
        for resource in stack.all(type_):
            yield from _statements(resource, attribute, reasoned)
    for type_, attribute in _TRUSTS.items():
        for resource in stack.all(type_):
            for statement in _of(resource, attribute):
                if statement.get("Effect") == "Allow" and _any_principal(statement) and not statement.get("Condition"):
                    yield Finding(check=_CHECK, where=resource.address, what="any principal may assume this role")


def _statements(resource: Resource, attribute: str, reasoned: Collection[str]) -> Iterator[Finding]:
    for statement in _of(resource, attribute):
        if statement.get("Effect") != "Allow":
            continue
        if "NotAction" in statement or "NotResource" in statement:
            yield Finding(check=_CHECK, where=resource.address, what="allows everything but something")
        for action in as_list(statement.get("Action")):
            if action == "*" or action.endswith(":*"):
                yield Finding(check=_CHECK, where=resource.address, what=f"allows {action}")
            if "*" in as_list(statement.get("Resource")) and action not in reasoned:
                yield Finding(
                    check=_CHECK,
                    where=resource.address,
                    what=f"allows {action} on every resource, and no line says why",
                )


def _of(resource: Resource, attribute: str) -> list[dict[str, object]]:
    policy = json_of(resource.get(attribute))
    return as_list(policy.get("Statement")) if isinstance(policy, dict) else []


def _any_principal(statement: dict[str, object]) -> bool:
    principal = statement.get("Principal")
    return principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS")))
