"""The command `python -m tests.mutants`."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from mutants.lanes import Fate, Lane, Verdict, lanes
from mutants.mutants import AREAS, EQUIVALENT, Mutant, chosen, equivalents, mutants_of, set_aside
from mutants.near import files_near

ROOT = Path(__file__).parents[2]
_MOST_SURVIVE = 0.05
#: A mutant may slow tests down, and the machine may have other work.
_TIMES_AS_LONG, _LONGER_SECONDS = 3, 120
_CHECK_WITHIN_SECONDS = 3600
#: A file of tests, where it was not measured.
_TAKES_SECONDS = 15
#: What starts the database with its schema.
_WARM_UP = Path("tests/adapters/postgres/test_database.py")


def main(words: list[str] | None = None) -> int:
    options = _options(words)
    mutants = _chosen(options)
    if options.list:
        for mutant in mutants:
            _say(f"{mutant.id} {mutant.path}:{mutant.line} {mutant.change.kind}: {mutant.was} → {mutant.became}")
        return 0
    verdicts: list[Verdict] = []
    with lanes(ROOT, options.lanes) as places:
        for number, verdict in enumerate(_verdicts(places, mutants, checked=not options.unchecked), 1):
            verdicts.append(verdict)
            _say(f"{number:3}/{len(mutants)} {_line(verdict)}")
    return _report(verdicts)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="how many mutants, as many of each area (60)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (1)")
    parser.add_argument("--area", choices=AREAS, action="append", help="only of this area; may be repeated")
    parser.add_argument("--file", action="append", default=[], help="only of files whose path has this in it")
    parser.add_argument("--line", action="append", default=[], help="only changes of lines with this in them")
    parser.add_argument("--kind", action="append", default=[], help="only changes of this kind, for instance predicate")
    parser.add_argument("--id", action="append", default=[], help="just this mutant; may be repeated")
    parser.add_argument("--lanes", type=int, default=min(2, os.cpu_count() or 1), help="how many live side by side (2)")
    parser.add_argument("--unchecked", action="store_true", help="do not first look whether the tests pass as it is")
    parser.add_argument("--list", action="store_true", help="say which they are, and run nothing")
    return parser.parse_args(words)


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    areas = options.area or list(AREAS)
    listed = equivalents(ROOT)
    everything = {area: mutants_of(ROOT, area) for area in AREAS}
    _, stale = set_aside([mutant for mutants in everything.values() for mutant in mutants], listed)
    for entry in stale:
        _say(f"{EQUIVALENT}: no mutant any more: {entry.path}: {entry.was} → {entry.became}")
    found: list[Mutant] = []
    for number, area in enumerate(areas):
        mutants, _ = set_aside(everything[area], listed)
        if options.id:
            found += [mutant for mutant in mutants if mutant.id in options.id]
            continue
        mutants = [each for each in mutants if _is_asked_for(each, options)]
        share = options.count // len(areas) + (number < options.count % len(areas))
        found += chosen(mutants, share, seed=options.seed)
    return found


def _verdicts(places: list[Lane], mutants: list[Mutant], *, checked: bool) -> Iterator[Verdict]:
    """What becomes of each, in their order."""
    near = {mutant.id: files_near(ROOT, mutant.path) for mutant in mutants}
    files = sorted({file for tests in near.values() for file in tests})
    free: SimpleQueue[Lane] = SimpleQueue()
    for place in places:
        free.put(place)

    def check(part: list[Path]) -> dict[Path, float]:
        with _taken(free) as lane:
            return lane.durations(part, time_limit_seconds=_CHECK_WITHIN_SECONDS)

    def judge(mutant: Mutant) -> Verdict:
        tests = near[mutant.id]
        limit = _TIMES_AS_LONG * sum(seconds.get(file, _TAKES_SECONDS) for file in tests) + _LONGER_SECONDS
        with _taken(free) as lane:
            return lane.judge(mutant, tests, time_limit_seconds=limit)

    with ThreadPoolExecutor(len(places)) as pool:
        # One part for each lane, so that each has its servers before it has a mutant.
        parts = (
            [files[number :: len(places)] for number in range(len(places))] if checked else [[_WARM_UP]] * len(places)
        )
        try:
            seconds = {file: each for part in pool.map(check, filter(None, parts)) for file, each in part.items()}
            yield from pool.map(judge, mutants)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for place in places:
                place.stop()
            raise


def _is_asked_for(mutant: Mutant, options: argparse.Namespace) -> bool:
    return (
        (not options.file or any(part in str(mutant.path) for part in options.file))
        and (not options.line or any(part in mutant.was for part in options.line))
        and (not options.kind or mutant.change.kind in options.kind)
    )


@contextmanager
def _taken(free: SimpleQueue[Lane]) -> Iterator[Lane]:
    lane = free.get()
    try:
        yield lane
    finally:
        free.put(lane)


def _line(verdict: Verdict) -> str:
    mutant = verdict.mutant
    noticed = f" by {verdict.by}" if verdict.by else ""
    where = f"{mutant.path}:{mutant.line} ({mutant.change.kind}, {mutant.id})"
    return f"{verdict.fate.value:8} {verdict.seconds:6.1f} s  {where}{noticed}"


def _report(verdicts: Iterable[Verdict]) -> int:
    """:returns: the exit code"""
    by_fate: dict[Fate, list[Verdict]] = {fate: [] for fate in Fate}
    for verdict in verdicts:
        by_fate[verdict.fate].append(verdict)
    for verdict in by_fate[Fate.SURVIVED]:
        mutant = verdict.mutant
        _say(f"\n{mutant.id} survived:\n{mutant.diff()}")
    total = sum(map(len, by_fate.values()))
    share = len(by_fate[Fate.SURVIVED]) / total if total else 0
    counted = ", ".join(f"{len(by_fate[fate])} {fate.value}" for fate in Fate)
    _say(f"\n{total} mutants: {counted}; {share:.1%} survived, {_MOST_SURVIVE:.0%} may")
    return int(share > _MOST_SURVIVE)
