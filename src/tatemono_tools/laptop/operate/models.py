"""`tatemono models`: what will go wrong with the model that paints."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime

from rich.console import Console
from rich.text import Text

from tatemono.adapters.model_registry import read_registry
from tatemono.adapters.openai.models import announced_models
from tatemono.domain.generations.image_models import Finding
from tatemono_tools.laptop.process.screen import MARKS
from tatemono_tools.plan.building import read_plan

_OPENAI = "https://api.openai.com/v1"


def model_findings(model_id: str | None = None, announced: Mapping[str, date | None] | None = None) -> list[Finding]:
    """The findings about the model of the plan, or another, today.

    :param announced: what the painter says about its models; none: it was not asked
    :raises WrongPlan: the plan cannot be read
    :raises WrongRegistry: the registry cannot be read
    """
    model_id = model_id or read_plan().parameters["image-model"].value or ""
    return read_registry().examine(model_id, datetime.now(UTC).date(), announced)


def check(console: Console, *, model_id: str | None, ask: bool) -> int:
    """Print the findings.

    :returns: 1 if a person has to act
    :raises ModelsNotTold: the painter was to be asked, and gave no answer
    """
    announced = None
    if ask:
        base_url, key = os.environ.get("OPENAI_BASE_URL", _OPENAI), os.environ.get("OPENAI_API_KEY", "")
        announced = asyncio.run(announced_models(base_url, key))
    findings = model_findings(model_id, announced)
    for finding in findings:
        mark, style = ("✗", "bold red") if finding.failing else MARKS["ready"]
        console.print(Text.assemble((mark, style), " ", finding.text))
    return int(any(finding.failing for finding in findings))
