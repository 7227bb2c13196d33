"""All checks of one environment, in the order in which they are shown."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.agreement import check_agreement
from tatemono_tools.terraform.checks.firewall import check_firewall
from tatemono_tools.terraform.checks.policies import check_policies, check_sources, reasons
from tatemono_tools.terraform.checks.queues import check_queues
from tatemono_tools.terraform.checks.reachability import check_reachability
from tatemono_tools.terraform.checks.routing import Route, check_routing
from tatemono_tools.terraform.checks.secrets import check_secrets
from tatemono_tools.terraform.checks.stack import Finding, Stack

CHECKS = ("reachability", "routing", "firewall", "secrets", "queues", "policies", "agreement")


@dataclass(frozen=True, kw_only=True)
class Applications:
    """What the checks have to know of the services themselves.

    :ivar routes: every route that a service answers
    :ivar heartbeats: seconds after which the consumer of a queue asks for more time
    """

    routes: Sequence[Route]
    heartbeats: Mapping[str, float]


def check_stack(
    stack: Stack, plan: Plan, applications: Applications, infra: Path, secret_values: Collection[str] = ()
) -> Iterator[tuple[str, list[Finding]]]:
    """Each check by name, with what it found.

    :param infra: the folder of the Terraform files, where reasons for broad policies are written
    :param secret_values: the values that the secrets were given
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "reachability": lambda: check_reachability(stack, plan),
        "routing": lambda: check_routing(stack, plan, applications.routes),
        "firewall": lambda: check_firewall(stack, plan, applications.routes),
        "secrets": lambda: check_secrets(stack, plan, secret_values),
        "queues": lambda: check_queues(stack, plan, applications.heartbeats),
        "policies": lambda: chain(check_sources(infra), check_policies(stack, reasons(infra))),
        "agreement": lambda: check_agreement(stack, plan),
    }
    for name in CHECKS:
        yield name, list(checks[name]())
