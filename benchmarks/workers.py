"""Jobs a second of one worker: its own processor time, which the queue and the database do not limit."""

from benchmarks.pipeline import measure_workers as measure

__all__ = ["measure"]
