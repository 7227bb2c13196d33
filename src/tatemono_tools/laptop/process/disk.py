"""How much room the disk of a building has: PostgreSQL and the embedded cloud stop when it has none."""

import shutil
from pathlib import Path

RESERVED_BYTES = 100_000_000
"""With less than this nothing new begins: it is for pictures that are being painted, and for PostgreSQL's own log."""


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write on the disk of `folder`, or of the folder that it will be made in."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def disk_problem(folder: Path, reserved_bytes: int = RESERVED_BYTES) -> str | None:
    """What is wrong with the disk of `folder`; None if nothing is."""
    free = free_bytes(folder)
    if free >= reserved_bytes:
        return None
    return f"the disk of {folder} is full: {free / 1e6:.0f} MB are free, {reserved_bytes / 1e6:.0f} MB are kept free"
