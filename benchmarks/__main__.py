"""`python -m benchmarks [NAME…]`: measure, print tables, and keep them in RESULTS.md."""

import argparse
import asyncio
import signal
import sys
from importlib import import_module

from rich.console import Console

NAMES = (
    *("requests", "connections", "overhead", "startup", "door", "tokens", "sign_in", "claims", "workers", "pipeline"),
    "streams",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and keep it in RESULTS.md.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"any of {', '.join(NAMES)}; all of them unless given")
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    console = Console(highlight=False)
    # Ended in whatever way, nothing that was started is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for name in names:
        try:
            section = asyncio.run(import_module(f"benchmarks.{name}").measure(console))
        except ModuleNotFoundError as error:
            # Of a package's metadata, too: what is compared with is in a group of its own.
            sys.exit(f"{name}: {error.name} is missing: uv run --group benchmarks python -m benchmarks {name}")
        section.show(console)
        section.keep()


if __name__ == "__main__":
    main()
