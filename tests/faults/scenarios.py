"""What goes wrong, and how often: data for the one runner (`runner.py`).

A scenario of the quick set runs with `./tatemono test`; a larger one is the same with larger numbers.
"""

from dataclasses import dataclass

from faults.dying import RELAY_STEPS, WORKER_STEPS


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run: so many generations are asked for, and meanwhile things go wrong.

    :ivar kills: step → how often the service that has it is killed there
    :ivar sqs_messages: so many messages at least are disturbed
    :ivar painter_faults: the studio's word for a fault → how many generations ask for it
    :ivar drips: generations that come to a painter that never ends
    :ivar cancellations: generations whose user cancels them
    """

    name: str
    generations: int
    kills: dict[str, int] | None = None
    sqs_messages: int = 0
    painter_faults: dict[str, int] | None = None
    drips: int = 0
    cancellations: int = 0
    seed: int = 1

    def scaled(self, factor: int) -> "Scenario":
        """The same, so many times as large."""

        def times(counts: dict[str, int] | None) -> dict[str, int] | None:
            return counts and {name: count * factor for name, count in counts.items()}

        return Scenario(
            name=f"{self.name} x{factor}",
            generations=self.generations * factor,
            kills=times(self.kills),
            sqs_messages=self.sqs_messages * factor,
            painter_faults=times(self.painter_faults),
            drips=self.drips * factor,
            cancellations=self.cancellations * factor,
            seed=self.seed,
        )


WORKER_KILLED = Scenario(
    name="worker killed at each step",
    generations=90,
    kills=dict.fromkeys(WORKER_STEPS, 15),
    cancellations=10,
)
RELAY_KILLED = Scenario(name="relay killed at each step", generations=60, kills=dict.fromkeys(RELAY_STEPS, 8))
SQS_DISTURBED = Scenario(
    name="every call of SQS failing, doubled, late, lost", generations=400, sqs_messages=2000, cancellations=40
)
PAINTER_MISBEHAVES = Scenario(
    name="painter misbehaves in every way",
    generations=20,
    painter_faults={
        "429": 34,
        "500": 67,
        "hang": 100,
        "cut": 100,
        "cut=0": 100,
        "garbage": 100,
        "size": 100,
        "refuse": 200,
    },
    drips=100,
    cancellations=10,
)
QUICK_SET = (WORKER_KILLED, RELAY_KILLED, SQS_DISTURBED, PAINTER_MISBEHAVES)
