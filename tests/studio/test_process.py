import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime

import httpx2
import openai
import pytest

from running_studio import RunningStudio, StudioWith, free_port
from tatemono_studio.__main__ import start_line
from tatemono_studio.calls import Call, CallLog
from tatemono_studio.latency import Latency
from tatemono_studio.options import read_options
from tatemono_studio.painter import PictureSpec
from tatemono_studio.picture_cache import PictureCache
from tatemono_studio.settings import BadSettingError, StudioSettings, read_settings

COMMAND = [sys.executable, "-m", "tatemono_studio"]


class TestProcess:
    async def test_serves_and_stops_at_once_with_a_stream_open(self) -> None:
        port = free_port()
        environment = {**os.environ, "STUDIO_PORT": str(port), "STUDIO_LATENCY": "60s"}
        process = await asyncio.create_subprocess_exec(*COMMAND, env=environment, stdout=PIPE, stderr=PIPE)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            for _ in range(400):
                try:
                    assert (await http.get("/studio/health")).json()["status"] == "ok"
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.02)
            body = {"model": "gpt-image-2", "prompt": "x", "stream": True, "quality": "low"}
            key = {"Authorization": "Bearer any"}
            async with http.stream("POST", "/v1/images/generations", json=body, headers=key) as answer:
                assert answer.status_code == 200
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(10):
                    out, err = await process.communicate()
        assert process.returncode == 0
        assert b"Traceback" not in out + err

    async def test_names_a_setting_it_cannot_read(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, env={**os.environ, "STUDIO_LATENCY": "soon"}, stderr=PIPE
        )
        _, err = await process.communicate()
        assert process.returncode == 2
        assert b"STUDIO_LATENCY" in err

    async def test_says_its_base_url_when_it_starts(self) -> None:
        port = free_port()
        environment = {**os.environ, "STUDIO_PORT": "1", "STUDIO_FAULTS": "500,p=0.1"}
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--port", str(port), "--latency=0", env=environment, stderr=PIPE
        )
        assert process.stderr is not None
        line = (await process.stderr.readline()).decode()
        process.terminate()
        await process.communicate()
        assert line.startswith(f"studio: http://127.0.0.1:{port}/v1 ")
        assert line.endswith("latency 0s, faults 1 configured\n")

    async def test_helps_without_starting(self) -> None:
        process = await asyncio.create_subprocess_exec(*COMMAND, "--help", stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert b"STUDIO_CALLS_KEPT" in out


class TestOptions:
    def test_have_one_for_each_variable(self) -> None:
        class Asked(dict[str, str]):
            def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
                self[name] = default
                return default

        asked = Asked()
        read_settings(asked)
        options = [f"--{name.removeprefix('STUDIO_').replace('_', '-').lower()}=1" for name in asked]
        assert read_options(options) == dict.fromkeys(asked, "1")

    def test_win_over_the_variables_only_when_given(self) -> None:
        environment = {"STUDIO_PORT": "1", "STUDIO_SEED": "2"}
        settings = read_settings({**environment, **read_options(["--port", "3"])})
        assert (settings.port, settings.seed) == (3, 2)

    @pytest.mark.parametrize("argument", ["--prot=3", "--cache=3", "8050"])
    def test_refuses_what_it_does_not_know(self, argument: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            read_options([argument])
        assert ended.value.code == 2
        assert argument in capsys.readouterr().err


class TestStartLine:
    @pytest.mark.parametrize(
        ("host", "address"), [("127.0.0.1", "http://127.0.0.1:8050"), ("::1", "http://[::1]:8050")]
    )
    def test_names_address_latency_and_faults(self, host: str, address: str) -> None:
        assert start_line(StudioSettings(host=host)) == (
            f"studio: {address}/v1 is the base URL, {address}/ its pages; latency uniform(2s,3s), faults none\n"
        )


class TestSettings:
    def test_default_to_a_visible_latency(self) -> None:
        assert read_settings({}).latency == Latency("uniform", 2, 3)

    def test_reads_every_variable(self) -> None:
        settings = read_settings(
            {
                "STUDIO_HOST": "::1",
                "STUDIO_PORT": "1234",
                "STUDIO_LATENCY": "0",
                "STUDIO_FAULTS": "500,p=0.1",
                "STUDIO_SEED": "5",
                "STUDIO_CACHE_MEGABYTES": "1",
                "STUDIO_PAINTERS": "3",
            }
        )
        assert (settings.host, settings.port, settings.seed, settings.painters) == ("::1", 1234, 5, 3)
        assert (settings.latency, settings.cache_bytes) == (Latency("constant", 0, 0), 1024 * 1024)
        assert settings.faults[0].probability == 0.1

    @pytest.mark.parametrize("name", ["STUDIO_PORT", "STUDIO_LATENCY", "STUDIO_FAULTS", "STUDIO_SEED"])
    def test_names_the_variable_that_is_wrong(self, name: str) -> None:
        with pytest.raises(BadSettingError, match=name):
            read_settings({name: "?"})


class TestPages:
    async def test_logs_a_call_without_its_prompt(self, studio: RunningStudio) -> None:
        await studio.openai.images.generate(
            model="gpt-image-2",
            prompt="a secret hill",
            quality="low",
            extra_headers={"X-Client-Request-Id": "logged"},
        )
        call = await studio.last_call("logged")
        assert call["outcome"] == "succeeded"
        assert (call["model"], call["status"], call["output_tokens"]) == ("gpt-image-2", 200, 272)
        assert len(call["prompt_sha256"]) == 64
        assert "secret" not in str(call)

    async def test_logs_refusals_and_rejections(self, studio: RunningStudio) -> None:
        for prompt, name in (("nude", "refused"), ("", "rejected")):
            with pytest.raises(openai.BadRequestError):
                await studio.openai.images.generate(
                    model="gpt-image-2", prompt=prompt, extra_headers={"X-Client-Request-Id": name}
                )
            assert (await studio.last_call(name))["outcome"] == name

    async def test_shows_as_many_calls_as_asked_for(self, studio: RunningStudio) -> None:
        await studio.openai.moderations.create(input="x")
        assert len((await studio.http.get("/studio/calls?limit=1")).json()["data"]) == 1
        assert (await studio.http.get("/studio/calls?limit=x")).status_code == 400

    async def test_welcomes_a_browser(self, studio: RunningStudio) -> None:
        assert "/studio/faults" in (await studio.http.get("/")).text

    async def test_starts_with_the_faults_of_its_settings(self, studio_with: StudioWith) -> None:
        settings = read_settings({"STUDIO_FAULTS": "500,count=1", "STUDIO_LATENCY": "0"})
        async with studio_with(settings) as studio:
            with pytest.raises(openai.InternalServerError):
                await studio.openai.images.generate(model="gpt-image-2", prompt="x", quality="low")
            assert (await studio.openai.images.generate(model="gpt-image-2", prompt="x", quality="low")).data


class TestPictureCache:
    async def test_keeps_no_more_bytes_than_allowed(self) -> None:
        cache = PictureCache(cache_bytes=40_000, painters=1)
        specs = [PictureSpec(f"hill {n}", 64, 64, quality="low") for n in range(8)]
        for spec in specs:
            await cache.get(spec)
        assert 0 < cache.size_bytes <= 40_000
        assert cache.has(specs[-1])
        assert not cache.has(specs[0])

    async def test_paints_the_same_picture_once_for_many_callers(self) -> None:
        cache = PictureCache(cache_bytes=10**6, painters=2)
        spec = PictureSpec("shared", 64, 64, quality="low")
        first, *others = await asyncio.gather(*(cache.get(spec) for _ in range(5)))
        assert all(other is first for other in others)


class TestCallLog:
    def test_forgets_the_oldest(self) -> None:
        log = CallLog(kept=2)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        for name in "abc":
            log.open(Call(name, now, "generations"))
        assert [call.request_id for call in log.newest(10)] == ["c", "b"]
        assert log.total == 3
