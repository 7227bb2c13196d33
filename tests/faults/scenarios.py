"""What goes wrong, and how often: data for the one runner (`runner.py`).

Each runs small with `./tatemono test`, and with the numbers that are asked of a quick set with `-m long`; a larger one
is the same with larger numbers.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from faults.dying import RELAY_STEPS, WORKER_STEPS
from tatemono_studio.odd_answers import ODDITIES


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run: so many generations are asked for, and meanwhile things go wrong.

    :ivar kills: step → how often the service that has it is killed there
    :ivar sqs_messages: so many messages at least are disturbed
    :ivar painter_faults: the studio's word for a fault → how many generations ask for it
    :ivar lies: the share of calls of the store, and of statements, that are done and then reported as failed
    :ivar drips: generations that come to a painter that never ends
    :ivar cancellations: generations whose user cancels them
    :ivar enough: so many times as large, it has the numbers of the full set
    :ivar quick: it waits so little that each run of all tests has time for it
    """

    name: str
    generations: int
    kills: dict[str, int] | None = None
    sqs_messages: int = 0
    painter_faults: dict[str, int] | None = None
    lies: float = 0.0
    drips: int = 0
    cancellations: int = 0
    enough: int = 100
    quick: bool = True
    seed: int = 1

    def scaled(self, factor: int, seed: int) -> "Scenario":
        """The same, so many times as large, with other chances."""

        def times(counts: dict[str, int] | None) -> dict[str, int] | None:
            return counts and {name: count * factor for name, count in counts.items()}

        # Where it depends on the services, generations are asked for until it has happened often enough.
        again = 1 if self.kills or self.sqs_messages else factor
        return replace(
            self,
            generations=self.generations * again,
            kills=times(self.kills),
            sqs_messages=self.sqs_messages * factor,
            painter_faults=times(self.painter_faults),
            drips=self.drips * factor,
            cancellations=self.cancellations * again,
            seed=seed,
        )


# So many as a run of all tests has time for; FAULTS_TIMES makes them larger.
WORKER_KILLED = Scenario(
    name="worker killed at each step",
    generations=8,
    kills=dict.fromkeys(WORKER_STEPS, 2),
    cancellations=1,
    enough=215,
    quick=False,
)
RELAY_KILLED = Scenario(name="relay killed at each step", generations=8, kills=dict.fromkeys(RELAY_STEPS, 3))
SQS_DISTURBED = Scenario(
    name="every call of SQS failing, doubled, late, lost",
    # So few at a time that workers have nothing to do in between, and give their tickets up.
    generations=15,
    sqs_messages=290,
    cancellations=2,
    enough=175,
)
PAINTER_MISBEHAVES = Scenario(
    name="painter misbehaves in every way",
    generations=10,
    painter_faults={
        "429": 5,
        "500": 10,
        "hang": 15,
        "cut": 15,
        "cut=0": 15,
        "garbage": 15,
        "size": 15,
        "refuse": 29,
    },
    drips=15,
    cancellations=5,
    # Some are cancelled before they come to it.
    enough=108,
    quick=False,
)
#: Good answers that look odd, and errors that were not told apart once. What ends with an operator ends by `count`.
PAINTER_ANSWERS_ODDLY = Scenario(
    name="painter answers in every odd way",
    generations=5,
    painter_faults=dict.fromkeys(
        [
            *(f"odd={name}" for name in ODDITIES if name != "fewer"),
            *("error=quota,count=2", "error=unverified,count=1", "error=key,count=1", "late-error=billing,count=1"),
            *("error=content-filter", "error=user", "error=reference", "error=502", "error=524"),
            "late-error=overloaded",
        ],
        2,
    ),
    cancellations=2,
)
TOLD_LIES = Scenario(name="done, then reported as failed", generations=40, lies=0.2, cancellations=4)
#: So many times are more than what is asked of a quick set: 100 kills of workers, 2,000 messages, 200 of each fault of
#: the painter.
QUICK_TIMES = 8
TIMES = int(os.environ.get("FAULTS_TIMES", "1"))
#: A larger one is run in parts, which can be side by side, each with a database, a bucket and a queue of its own.
_TIMES_OF_A_PART = 12


def dependencies(times: int, most: int = _TIMES_OF_A_PART) -> list[int]:
    """How often each part does it, if all do it so often."""
    count = -(-times // most)
    return [times * (part + 1) // count - times * part // count for part in range(count)]


def _in_parts(times: int) -> Iterator[Scenario]:
    for scenario in (
        WORKER_KILLED,
        RELAY_KILLED,
        SQS_DISTURBED,
        PAINTER_MISBEHAVES,
        PAINTER_ANSWERS_ODDLY,
        TOLD_LIES,
    ):
        for seed, part in enumerate(dependencies(min(times, scenario.enough)), 1):
            yield scenario.scaled(part, seed)


SET = tuple(scenario for scenario in _in_parts(TIMES) if scenario.quick or TIMES > 1)
QUICK_SET = tuple(_in_parts(QUICK_TIMES)) if TIMES == 1 else ()
