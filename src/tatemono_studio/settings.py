"""The studio's settings, from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from tatemono_studio.faults import Fault, FaultSyntaxError, parse_faults
from tatemono_studio.latency import Latency, parse_latency

MEGABYTE = 1024 * 1024
# Long enough to see a picture appear, short enough to work with.
USUAL_LATENCY = Latency("uniform", 2.0, 3.0)


class BadSettingError(ValueError):
    """A setting that cannot be understood; the message names the variable."""


@dataclass(frozen=True)
class StudioSettings:
    host: str = "127.0.0.1"
    port: int = 8050
    latency: Latency = USUAL_LATENCY
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    cache_bytes: int = 96 * MEGABYTE
    calls_kept: int = 1000
    painters: int = 2


def read_settings(environment: Mapping[str, str]) -> StudioSettings:
    """:raises BadSettingError: names the variable and what it should hold"""
    standard = StudioSettings()
    latency = environment.get("STUDIO_LATENCY", "").strip()
    try:
        faults = tuple(parse_faults(environment.get("STUDIO_FAULTS", "")))
    except FaultSyntaxError as error:
        raise BadSettingError(f"STUDIO_FAULTS: {error}") from None
    try:
        chosen = parse_latency(latency) if latency else standard.latency
    except ValueError as error:
        raise BadSettingError(f"STUDIO_LATENCY: {error}") from None
    return StudioSettings(
        host=environment.get("STUDIO_HOST", standard.host),
        port=_whole(environment, "STUDIO_PORT", standard.port, 65_535),
        latency=chosen,
        faults=faults,
        seed=_whole(environment, "STUDIO_SEED", standard.seed, 2**53),
        cache_bytes=_whole(environment, "STUDIO_CACHE_MEGABYTES", standard.cache_bytes // MEGABYTE, 8192) * MEGABYTE,
        calls_kept=max(1, _whole(environment, "STUDIO_CALLS_KEPT", standard.calls_kept, 1_000_000)),
        painters=max(1, _whole(environment, "STUDIO_PAINTERS", standard.painters, 64)),
    )


def _whole(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = environment.get(name, str(default)).strip()
    if not (text.isascii() and text.isdigit() and int(text) <= highest):
        raise BadSettingError(f"{name}: {text!r} is no whole number from 0 to {highest}")
    return int(text)
