"""How long the studio takes: a constant or a distribution, drawn from seeded randomness."""

import math
import re
from dataclasses import dataclass
from random import Random

LONGEST_SECONDS = 600.0
# The standard normal's 99th percentile: ln(p99 / p50) in a lognormal is this many standard deviations.
Z99 = 2.3263478740408408


@dataclass(frozen=True)
class Latency:
    """Seconds: `constant` (low), `uniform` (low to high), `lognormal` (low the median, high the 99th percentile)."""

    kind: str
    low: float
    high: float

    def draw(self, random: Random) -> float:
        if self.kind == "constant":
            return self.low
        if self.kind == "uniform":
            return random.uniform(self.low, self.high)
        sigma = math.log(self.high / self.low) / Z99
        return min(LONGEST_SECONDS, self.low * math.exp(random.gauss(0, sigma)))

    def __str__(self) -> str:
        if self.kind == "constant":
            return f"{self.low:g}s"
        if self.kind == "uniform":
            return f"uniform({self.low:g}s,{self.high:g}s)"
        return f"lognormal(p50={self.low:g}s,p99={self.high:g}s)"


def parse_seconds(text: str) -> float:
    """`2`, `2s`, `1.5s` or `300ms`, up to ten minutes.

    :raises ValueError: it is none of these
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s)?", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no duration: write 2s, 1.5s or 300ms")
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"{text!r} is longer than {LONGEST_SECONDS:g}s")
    return seconds


def parse_latency(text: str) -> Latency:
    """`2s`, `uniform(1s,3s)` or `lognormal(p50=2s,p99=8s)`.

    :raises ValueError: it is none of these
    """
    found = re.fullmatch(r"\s*(uniform|lognormal)\s*\((.*)\)\s*", text)
    if not found:
        seconds = parse_seconds(text)
        return Latency("constant", seconds, seconds)
    kind, arguments = found[1], found[2].split(",")
    if len(arguments) != 2:  # noqa: PLR2004 - both distributions have two parameters
        raise ValueError(f"{text!r}: {kind} takes two durations")
    names = ("", "") if kind == "uniform" else ("p50=", "p99=")
    values = []
    for name, argument in zip(names, arguments, strict=True):
        if not argument.strip().startswith(name):
            raise ValueError(f"{text!r}: write lognormal(p50=2s,p99=8s)")
        values.append(parse_seconds(argument.strip().removeprefix(name)))
    low, high = values
    if low > high or (kind == "lognormal" and low == 0):
        raise ValueError(f"{text!r}: the first duration must be the smaller one" + (", above 0" if low == 0 else ""))
    return Latency(kind, low, high)
