"""`python -m tatemono_tools.release.pins [--upgrade [--cooldown-days N]]`: writes the exact version of everything
installed into two files.

`[tool.uv] constraint-dependencies` in pyproject.toml makes every `uv run` resolve to the same versions, on Linux and
macOS and for each Python. requirements/production.txt locks what the image installs, by hash. Neither names a host, so
both serve an installation through a mirror; uv.lock does name hosts and stays out of the repository.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tatemono_tools.invocation import PROJECT, NoUv, find_uv

PRODUCTION = PROJECT / "requirements" / "production.txt"

_IMAGE_PYTHON = "3.14"
_IMAGE_PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
_CONSTRAINTS = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


class PinsFailed(Exception):
    """The pins could not be worked out; the message says why."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tatemono_tools.release.pins", description=(__doc__ or "").split(":", 1)[1]
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions rather than the pinned ones")
    parser.add_argument(
        "--cooldown-days",
        type=int,
        metavar="N",
        help="with --upgrade: go to no version that is younger, and back to none",
    )
    arguments = parser.parse_args()
    if arguments.cooldown_days is not None and not arguments.upgrade:
        parser.error("--cooldown-days goes with --upgrade")
    try:
        write_pins(upgrade=arguments.upgrade, cooldown_days=arguments.cooldown_days)
    except (NoUv, PinsFailed) as error:
        sys.exit(f"pins: {error}")


def write_pins(*, upgrade: bool, cooldown_days: int | None = None) -> None:
    """Resolve, then write both files; neither is touched when something fails.

    :param upgrade: forget the present pins
    :param cooldown_days: with `upgrade`, only versions that are older; the present pins are then the least
    :raises NoUv: uv is missing
    :raises PinsFailed: uv cannot resolve (a present pin may be younger than the cooldown), or resolves differently for
        the image's two platforms
    """
    file = PROJECT / "pyproject.toml"
    before = file.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "pyproject.toml")
        least = [] if cooldown_days is None else least_versions(constraints_in(before))
        copy.write_text(with_constraints(before, least) if upgrade else before, encoding="utf-8")
        if not upgrade and (PROJECT / "uv.lock").exists():
            shutil.copy(PROJECT / "uv.lock", folder)
        _say("Resolving for each Python, on Linux and macOS ...")
        cooldown = [] if cooldown_days is None else ["--exclude-newer", f"{cooldown_days} days"]
        _uv(copy.parent, "lock", "--quiet", "--python", sys.executable, *cooldown)
        constraints = constraints_of(Path(folder, "uv.lock").read_text(encoding="utf-8"))
        after = with_constraints(before, constraints)
        copy.write_text(after, encoding="utf-8")
        production = _production(copy.parent)
    _say(f"{len(constraints)} pins in pyproject.toml, {production.count('==')} of them in the image.")
    for line in sorted(set(constraints) ^ set(constraints_in(before))):
        _say(f"  {'+' if line in constraints else '-'} {line}")
    PRODUCTION.parent.mkdir(exist_ok=True)
    _replace(PRODUCTION, production)
    _replace(file, after)


def constraints_of(lock: str) -> list[str]:
    """A constraint for each package of a uv.lock; one with several versions says with markers where each belongs."""
    packages = [package for package in tomllib.loads(lock)["package"] if "registry" in package["source"]]
    names = [package["name"] for package in packages]
    return sorted(
        f"{package['name']}=={package['version']}"
        + (f" ; {' or '.join(f'({marker})' for marker in package['resolution-markers'])}" if several else "")
        for package in packages
        for several in [names.count(package["name"]) > 1]
    )


def constraints_in(pyproject: str) -> list[str]:
    """What `[tool.uv] constraint-dependencies` says now."""
    constraints: list[str] = tomllib.loads(pyproject)["tool"]["uv"].get("constraint-dependencies", [])
    return constraints


def least_versions(constraints: list[str]) -> list[str]:
    """The constraints that let everything become newer and nothing older."""
    return [constraint.replace("==", ">=", 1) for constraint in constraints]


def with_constraints(pyproject: str, constraints: list[str]) -> str:
    """The text of pyproject.toml with other constraints, and nothing else changed."""
    lines = "".join(f'    "{constraint}",\n' for constraint in constraints)
    block = f"constraint-dependencies = [\n{lines}]\n"
    if _CONSTRAINTS.search(pyproject):
        return _CONSTRAINTS.sub(lambda _: block, pyproject, count=1)
    return pyproject.replace("[tool.uv]\n", f"[tool.uv]\n{block}", 1)


def _production(folder: Path) -> str:
    """The hash-locked requirements of the image, which must be the same for each platform it is built for."""
    found = {}
    for platform in _IMAGE_PLATFORMS:
        _say(f"Locking the image for {platform} ...")
        options = ["--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--python-version", _IMAGE_PYTHON]
        found[platform] = _uv(folder, "pip", "compile", "pyproject.toml", *options, "--python-platform", platform)
    first, second = (set(text.splitlines()) for text in found.values())
    if first != second:
        raise PinsFailed(f"the image's platforms need different packages: {', '.join(sorted(first ^ second))}")
    return found[_IMAGE_PLATFORMS[0]]


def _uv(folder: Path, *words: str) -> str:
    ran = subprocess.run([find_uv(), *words], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise PinsFailed(f"uv {' '.join(words)}:\n{ran.stderr.strip()}")
    return ran.stdout


def _replace(file: Path, text: str) -> None:
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
