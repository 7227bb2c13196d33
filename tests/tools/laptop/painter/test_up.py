"""The whole building with a painter that is not the studio: who paints, whose key is where, and back again."""

import io
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from images_api import ImagesApi
from laptop_building import PATIENCE_SECONDS, PROGRAM, Building

pytestmark = pytest.mark.slow

KEY = "sk-proj-right-0123456789"
ORANGE = (255, 119, 0)
SERVICES = ("--only", "mobile-api,image-worker,outbox-relay")


@pytest.fixture
def api() -> ImagesApi:
    return ImagesApi(key=KEY, models={"stablediffusion": None})


@pytest.fixture
def building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Building]:
    for name in ("OPENAI_API_KEY", "TATEMONO_PAINTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Building.new(tmp_path)
    yield made
    made.end()


def picture_of(building: Building, prompt: str) -> tuple[subprocess.CompletedProcess[str], bytes]:
    output = building.data_dir.parent / f"{prompt[:12]}.png"
    output.unlink(missing_ok=True)
    ran = building.run("demo", prompt, "--quality", "low", "--output", str(output))
    return ran, output.read_bytes() if output.exists() else b""


def painted(building: Building, prompt: str) -> tuple[int, ...]:
    """The colour of what the demo paints."""
    ran, data = picture_of(building, prompt)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return colour(data)


def colour(data: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(data)) as picture:
        found = picture.convert("RGB").getpixel((512, 512))
    assert isinstance(found, tuple)
    return found


def files_with(folder: Path, text: str) -> list[str]:
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and text.encode() in file.read_bytes()
    ]


def refused(building: Building, *words: str) -> str:
    """What `up` says when it does not begin."""
    command = [str(PROGRAM), "up", *SERVICES, "--data-dir", str(building.data_dir), *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    assert ran.returncode == 1
    return ran.stdout + ran.stderr


class TestUp:
    @pytest.mark.long
    def test_lets_another_server_paint_and_goes_back(
        self, building: Building, api: ImagesApi, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TATEMONO_PAINTER_KEY", KEY)
        assert "does not list gpt-image-2" in refused(building, "--painter", url)
        said = building.up(*SERVICES, "--painter", url, "--painter-model", "stablediffusion", "--painter-budget", "1")
        assert f"Painter: {url}, stablediffusion" in said
        assert "at most 1.00 USD are spent in a day" in said
        monkeypatch.delenv("TATEMONO_PAINTER_KEY")

        ran, data = picture_of(building, "A lighthouse")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert colour(data) == ORANGE
        assert f"Painter: {url}, stablediffusion" in ran.stdout
        status = building.status()
        assert status["painter"].startswith(f"{url}, stablediffusion")
        assert (status["parts"]["painter"]["address"], "studio" in status["parts"]) == (url, False)
        # It judges, too.
        ran, _ = picture_of(building, "A gory massacre")
        assert ran.returncode == 1
        assert "/v1/moderations" in [path for path, _ in api.asked]

        # The key is in the cloud's own state, and in no argument, log or other file.
        assert all(name.startswith("cloud/") for name in files_with(building.data_dir, KEY))
        supervisor = psutil.Process(status["supervisor_pid"])
        arguments = [" ".join(process.cmdline()) for process in (supervisor, *supervisor.children(recursive=True))]
        assert KEY not in " ".join(arguments) + said
        building.run("down")

        # It is remembered, with its key.
        said = building.up(*SERVICES)
        assert painted(building, "A boat") == ORANGE
        building.run("down")

        # A key that was withdrawn is noticed before a service starts.
        api.key = "sk-proj-another"
        told = refused(building)
        assert "painter cannot be had" in told
        assert "does not take the key" in told
        assert KEY[:8] not in told

        said = building.up(*SERVICES, "--painter", "studio")
        ran, data = picture_of(building, "A fox")
        assert ran.returncode == 0, ran.stdout
        assert "Painter: the studio" in ran.stdout
        assert colour(data) != ORANGE
        building.run("down")
        assert files_with(building.data_dir, KEY) == []

    def test_says_that_a_key_of_the_environment_is_not_used(
        self, building: Building, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        said = building.up()
        assert "OPENAI_API_KEY is set and not used: the studio" in said
        pid = building.status()["supervisor_pid"]
        children = psutil.Process(pid).children(recursive=True)
        assert all(KEY not in "".join(process.environ().values()) for process in children)
        assert files_with(building.data_dir, KEY) == []

    def test_refuses_openai_without_a_key_before_anything_starts(self, building: Building) -> None:
        told = refused(building, "--painter", "openai")
        assert "put it into OPENAI_API_KEY" in told
        assert not (building.data_dir / "postgres").exists()

    def test_asks_for_a_key_without_showing_it(self, building: Building, url: str) -> None:
        ours, theirs = pty.openpty()
        command = [str(PROGRAM), "up", "--painter", url, "--painter-key", "--data-dir", str(building.data_dir)]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as run:
            os.close(theirs)
            # The echo is off once the question is there in full.
            shown = _until(ours, f"Key for {url}: ".encode())
            os.write(ours, b"sk-proj-typed-wrongly\n")
            shown += _until(ours, None)
        os.close(ours)
        assert run.returncode == 1
        assert b"does not take the key" in shown
        assert b"sk-proj" not in shown


def _until(terminal: int, words: bytes | None) -> bytes:
    """What a terminal shows until these words, or until its end."""
    shown = b""
    while words is None or words not in shown:
        assert select.select([terminal], [], [], PATIENCE_SECONDS)[0], shown
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
    return shown
