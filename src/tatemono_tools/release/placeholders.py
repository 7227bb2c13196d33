"""`python -m tatemono_tools.release.placeholders [--refuse]`: what an adopter has yet to fill in, by file and line.

In this repository they stay, so it warns; `--refuse`, or ADOPTED=true, makes them an error. `tatemono doctor` names
them too.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[3]
#: File, from the project's folder → what stands there for an adopter's own.
PLACEHOLDERS = {
    "SECURITY.md": re.compile(r"\S+@example\.com\b"),
    ".github/CODEOWNERS": re.compile(r"@your-org/\S+"),
}


@dataclass(frozen=True)
class Placeholder:
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text} is a placeholder: write your own"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tatemono_tools.release.placeholders", description=(__doc__ or "").split(":", 1)[1]
    )
    adopted = os.environ.get("ADOPTED") == "true"
    parser.add_argument("--refuse", action="store_true", default=adopted, help="exit code 1 if there are any")
    refuse = parser.parse_args().refuse
    found = list(placeholders(PROJECT))
    for each in found:
        sys.stdout.write(f"{each}\n")
        if os.environ.get("GITHUB_ACTIONS") == "true":
            # Shown at the line, in the pull request.
            level = "error" if refuse else "warning"
            sys.stdout.write(f"::{level} file={each.file},line={each.line}::{each.text} is a placeholder\n")
    sys.exit(1 if refuse and found else 0)


def placeholders(project: Path) -> Iterator[Placeholder]:
    """Those that are left, in the files that are there."""
    for file, pattern in PLACEHOLDERS.items():
        if (project / file).exists():
            for number, line in enumerate((project / file).read_text(encoding="utf-8").splitlines(), 1):
                for found in pattern.findall(line):
                    yield Placeholder(file, number, found)


if __name__ == "__main__":
    main()
