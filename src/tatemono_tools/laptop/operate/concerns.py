"""What does not work although the building runs: its disk, and what its health route tells."""

import asyncio
from urllib.parse import urlsplit

from tatemono_tools.laptop.building import HEALTH_PATH
from tatemono_tools.laptop.process.disk import disk_problem
from tatemono_tools.laptop.process.health import health_concerns
from tatemono_tools.laptop.process.state import StateFolder

_SENTENCES = {
    "painter": "no painter takes our account: key, rights, model, credit (docs/how-to/runbooks/alarm-lines.md)",
    "moderation": "moderation did not answer when it was last asked (docs/how-to/keep-safety-running.md)",
}
"""By the name of a concern in the health route. One without a sentence is shown as it is."""


def find_concerns(state: StateFolder) -> dict[str, str]:
    """A sentence for each concern, by its name."""
    record = state.read_record()
    found: dict[str, str] = {}
    if record is not None and record.is_up:
        port, authority = urlsplit(record.address).port or 0, state.certificates / "authority.pem"
        told = asyncio.run(health_concerns(port, HEALTH_PATH, authority))
        found = {name: _SENTENCES.get(name, f"{name} is {word}") for name, word in told.items()}
    # Looked at here as well: it is known also when nothing runs.
    if full := disk_problem(state.path):
        found["disk"] = f"{full}. Nothing new begins until there is room"
    return found
