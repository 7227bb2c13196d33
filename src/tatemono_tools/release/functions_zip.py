"""The zip of the Lambda functions: their modules and the database driver, and nothing else."""

import ast
import importlib.metadata
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tatemono_tools.invocation import find_uv

HANDLERS = ("tatemono.entrypoints.cognito_trigger",)
DRIVER = "asyncpg"
#: Of Lambda's runtime, as the plan's functions are deployed.
PYTHON_VERSION = "3.13"
PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}

_SOURCES = Path(__file__).parents[2]
# What a driver is built from, and its tests.
_LEFT_OUT = {".c", ".h", ".pxd", ".pyi", ".pyx"}
_LEFT_OUT_FOLDERS = {"__pycache__", "_testbase", "bin"}
#: The first moment that a zip can hold: the same content makes the same bytes, whenever it was built.
_MOMENT = (1980, 1, 1, 0, 0, 0)


class BuildFailed(Exception):
    """The zip cannot be made; the message says why."""


def zip_of_modules() -> bytes:
    """Our modules alone, for the embedded cloud, whose Python has the driver."""
    return _zip((str(path.relative_to(_SOURCES)), path) for path in _modules())


def build(output: Path, architecture: str, uv: str | None = None) -> int:
    """Write the zip for Lambda.

    :param architecture: `x86_64` or `arm64`
    :returns: its size in bytes
    :raises BuildFailed: the driver cannot be had
    :raises NoUv: there is no uv to fetch it
    """
    uv = uv or find_uv()
    with tempfile.TemporaryDirectory() as folder:
        wheel = f"{DRIVER}=={importlib.metadata.version(DRIVER)}"
        ran = subprocess.run(
            [
                *(uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", folder),
                *("--python-version", PYTHON_VERSION, "--python-platform", PLATFORMS[architecture], wheel),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise BuildFailed(f"{wheel} for Lambda cannot be had:\n{ran.stderr.strip()}")
        content = zip_with_driver(Path(folder))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    return len(content)


def zip_with_driver(site_packages: Path) -> bytes:
    """Our modules and the driver as it is installed there."""
    modules = [(str(path.relative_to(_SOURCES)), path) for path in _modules()]
    return _zip([*modules, *_driver_files(site_packages)])


def _driver_files(site_packages: Path) -> Iterator[tuple[str, Path]]:
    """The driver as it is installed there, by name in the zip, with its licence."""
    for path in sorted(site_packages.glob(f"{DRIVER}/**/*")):
        inner = path.relative_to(site_packages)
        if path.is_file() and path.suffix not in _LEFT_OUT and not _LEFT_OUT_FOLDERS & set(inner.parts):
            yield str(inner), path
    for path in sorted(site_packages.glob(f"{DRIVER}-*.dist-info/**/LICENSE*")):
        yield str(path.relative_to(site_packages)), path


def _modules() -> list[Path]:
    """The handlers and all of ours that they import, in the end."""
    found: dict[str, Path] = {}
    waiting = list(HANDLERS)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or name in found:
            continue
        found[name] = path
        # A module comes with the packages that it is in.
        waiting += [name.rpartition(".")[0], *_imported(path)]
    return sorted(found.values())


def _path(name: str) -> Path | None:
    stem = _SOURCES / name.replace(".", "/")
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if name and path.exists()), None)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("tatemono"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tatemono"):
            yield from (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names))


def _zip(files: Iterable[tuple[str, Path]]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, path in files:
            entry = zipfile.ZipInfo(name, _MOMENT)
            # Lambda runs as another user than the one that unpacks.
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes())
    return archive.getvalue()
