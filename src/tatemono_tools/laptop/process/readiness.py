"""Whether a building runs, and waiting for one that is still starting."""

import time
from collections.abc import Callable

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.process.state import NotRunning, StateFolder

_PAUSE_SECONDS = 0.1


def not_running(state: StateFolder) -> NotRunning:
    return NotRunning(f"no building runs in {state.path}: start it with `{typed()} up` in another terminal")


def wait_until_ready(state: StateFolder, tell: Callable[[str], object]) -> None:
    """Return when the building is up.

    :param tell: gets a sentence, once, if there is something to wait for
    :raises NotRunning: none runs in this folder, or it ended before it was up
    """
    told = False
    while not _is_ready(state):
        if state.running_pid() is None:
            raise not_running(state)
        if not told:
            tell("The building is still starting; this goes on when it is up.")
            told = True
        time.sleep(_PAUSE_SECONDS)


def _is_ready(state: StateFolder) -> bool:
    record = state.read_record()
    return record is not None and record.is_up
