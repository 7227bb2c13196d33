"""Which tests are near a module: those that would notice if it did something else."""

import re
from collections.abc import Iterator
from pathlib import Path

from mutants.mutants import AREAS

_TESTS = Path("tests")
_SUBJECTS = ("identity", "generations", "pictures", "safety", "mail", "privacy", "operators")
#: Of a subject, beside the folders that have its name.
_BESIDES = {
    "identity": ("entrypoints/test_cognito_trigger.py", "entrypoints/mobile_api/test_routes.py"),
    "generations": ("entrypoints/image_worker", "entrypoints/mobile_api/test_routes.py"),
    "pictures": (
        *("usecases/generations/test_run_generation.py", "usecases/safety"),
        *("entrypoints/image_worker/test_pipeline.py", "entrypoints/mobile_api/test_routes.py"),
    ),
    "mail": ("entrypoints/mail_worker", "entrypoints/mobile_api/test_unsubscribing.py"),
    "operators": ("entrypoints/admin_api/test_authority.py", "entrypoints/web"),
}
_LAYERS = ("domain", "usecases", "adapters", "entrypoints")
#: Of modules that belong to no subject, or to all.
_OF_ALL = ("adapters/postgres", "usecases/generations", "entrypoints/mobile_api/test_routes.py")


def subject_of(path: Path) -> str | None:
    return next((part for part in path.parts[:-1] if part in _SUBJECTS), None)


def files_near(root: Path, path: Path) -> list[Path]:
    """Files of tests, those first that are most likely to notice.

    First what imports the module or has its name, then its own layer's tests of the subject, then the other layers'.
    """
    subject = subject_of(path)
    folders = list(_folders(root, path, subject))
    files = [file for folder in folders for file in _files(root / _TESTS / folder)]
    closest = [file for file in files if _is_closest(file, path)]
    everywhere = [file for layer in _LAYERS for file in _files(root / _TESTS / layer)]
    named = [file for file in everywhere if file.stem == f"test_{path.stem.removesuffix('_sql')}"]
    importing = [file for file in everywhere if _imports(file, path)]
    return [file.relative_to(root) for file in dict.fromkeys([*closest, *named, *importing, *files])]


def _folders(root: Path, path: Path, subject: str | None) -> Iterator[str]:
    if subject is None:
        yield from _OF_ALL
        return
    layers = {"domain": "domain", "usecases": "usecases", "postgres": "adapters/postgres"}
    own = next(layers[area] for area, folder in AREAS.items() if path.is_relative_to(folder))
    for layer in (own, *(each for each in layers.values() if each != own)):
        yield f"{layer}/{subject}"
    for folder in sorted((root / _TESTS / "entrypoints").glob(f"*/{subject}")):
        yield str(folder.relative_to(root / _TESTS))
    yield from _BESIDES.get(subject, ())


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("test_*.py"))


def _is_closest(file: Path, path: Path) -> bool:
    stem = path.stem.removesuffix("_sql")
    return stem in file.stem or file.stem.removeprefix("test_") in stem


def _imports(file: Path, path: Path) -> bool:
    package, _, name = ".".join(path.with_suffix("").parts[1:]).rpartition(".")
    text = file.read_text(encoding="utf-8")
    return f"{package}.{name} import" in text or re.search(rf"from {package} import .*\b{name}\b", text) is not None
