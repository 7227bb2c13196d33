"""The studio's errors and oddities are those that it says, to a client that reads the wire."""

import json
from base64 import b64decode
from typing import Any

import pytest

from running_studio import RunningStudio
from tatemono_studio.odd_answers import ODDITIES
from tatemono_studio.provider_errors import ERRORS


async def ask(studio: RunningStudio, fault: str, **more: Any) -> Any:
    return await studio.http.post(
        "/v1/images/generations",
        headers={"Authorization": "Bearer any", "X-Studio-Fault": fault},
        json={"model": "gpt-image-2", "prompt": "a hill", "quality": "low", **more},
    )


async def events(studio: RunningStudio, fault: str) -> list[dict[str, Any]]:
    answer = await ask(studio, fault, stream=True, partial_images=2)
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


class TestErrors:
    @pytest.mark.parametrize("name", sorted(ERRORS))
    async def test_have_their_status_and_form(self, studio: RunningStudio, name: str) -> None:
        answer = await ask(studio, f"error={name}")
        expected = ERRORS[name]()
        assert answer.status_code == expected.status
        if name.isdecimal():
            assert answer.headers["content-type"].startswith("text/html")
        else:
            assert answer.json() == expected.envelope()

    async def test_come_within_a_stream_after_the_partial_pictures(self, studio: RunningStudio) -> None:
        *partials, last = await events(studio, "late-error=quota")
        assert len(partials) == 2
        assert (last["type"], last["error"]["code"]) == ("error", "insufficient_quota")


class TestOddities:
    @pytest.mark.parametrize("name", sorted(ODDITIES))
    async def test_leave_a_good_status(self, studio: RunningStudio, name: str) -> None:
        assert (await ask(studio, f"odd={name}", n=2)).status_code == 200

    async def test_give_plain_json_to_a_stream(self, studio: RunningStudio) -> None:
        answer = await ask(studio, "odd=json", stream=True)
        assert answer.headers["content-type"] == "application/json"

    async def test_leave_the_last_event_out(self, studio: RunningStudio) -> None:
        assert {event["type"] for event in await events(studio, "odd=unfinished")} == {"image_generation.partial_image"}

    async def test_leave_the_bytes_of_partial_pictures_out(self, studio: RunningStudio) -> None:
        assert ["b64_json" in event for event in await events(studio, "odd=partial-empty")] == [False, False, True]

    async def test_give_an_address_that_has_the_picture(self, studio: RunningStudio) -> None:
        (entry,) = (await ask(studio, "odd=url")).json()["data"]
        assert "b64_json" not in entry
        assert (await studio.http.get(entry["url"])).content.startswith(b"\x89PNG")
        assert (await studio.http.get("/studio/pictures/unknown")).status_code == 404

    @pytest.mark.parametrize(("n", "name", "came"), [(1, "fewer", 0), (3, "fewer", 2), (2, "more", 3)])
    async def test_give_another_number_of_pictures(self, studio: RunningStudio, n: int, name: str, came: int) -> None:
        assert len((await ask(studio, f"odd={name}", n=n)).json()["data"]) == came

    @pytest.mark.parametrize(("name", "begins"), [("jpeg", b"\xff\xd8"), ("webp", b"RIFF")])
    async def test_give_another_format(self, studio: RunningStudio, name: str, begins: bytes) -> None:
        (entry,) = (await ask(studio, f"odd={name}")).json()["data"]
        assert b64decode(entry["b64_json"]).startswith(begins)

    async def test_break_base64_into_lines(self, studio: RunningStudio) -> None:
        (entry,) = (await ask(studio, "odd=lines")).json()["data"]
        assert max(map(len, entry["b64_json"].split("\r\n"))) == 76

    @pytest.mark.parametrize(
        ("name", "output"), [("usage-text", "272"), ("usage-huge", 2**40), ("usage-negative", -272), ("usage-zero", 0)]
    )
    async def test_count_what_makes_no_sense(self, studio: RunningStudio, name: str, output: object) -> None:
        assert (await ask(studio, f"odd={name}")).json()["usage"]["output_tokens"] == output
