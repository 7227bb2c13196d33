"""What the person with the phone does, through `tatemono up` and the front door."""

import asyncio
import io
import json
import ssl
import subprocess
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from journeys.conftest import RunningBuilding
from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused

pytestmark = pytest.mark.slow


async def status_of(phone: Phone, url: str) -> int:
    try:
        await phone.download(url)
    except PhoneRefused as refused:
        return refused.status
    return 200


class TestFirstPicture:
    async def test_goes_from_the_phone_to_the_gallery(self, building: RunningBuilding, phone: Phone) -> None:
        before = (await phone.call("GET", "/v1/api/me"))["credits"]["available"]
        # Long enough that on a busy machine, too, the partial picture is painted well before the last.
        prompt = "[studio:latency=6s] A red boat on a blue sea at sunset"
        generation = await phone.submit(prompt=prompt, quality="low", size="1536x1024")
        events = [event async for event in phone.follow(generation["id"])]
        names = [event.name for event in events if event.name != "position"]
        assert names[0] == "queued"
        assert names[1] == "started"
        assert names[-1] == "done"
        assert "partial" in names
        (picture,) = events[-1].data["pictures"]
        data = await phone.download(picture["url"])
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", (1536, 1024))
            # A red boat on a blue sea is no grey rectangle.
            assert len(image.convert("RGB").resize((64, 64)).getcolors(4096) or []) > 50
        assert len(data) == picture["size_bytes"]
        with Image.open(io.BytesIO(await phone.download(picture["thumbnail_url"]))) as thumbnail:
            assert thumbnail.format == "WEBP"
            assert max(thumbnail.size) <= 512
        gallery = await phone.call("GET", "/v1/api/pictures")
        assert [found["id"] for found in gallery["items"]] == [picture["id"]]
        me = await phone.call("GET", "/v1/api/me")
        assert me["credits"]["available"] == before - 3
        assert me["credits"]["held"] == 0

    async def test_can_be_asked_for_by_hand_with_the_demos_token(self, building: RunningBuilding) -> None:
        ran = await asyncio.to_thread(
            subprocess.run, building.command("demo", "--token"), capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        token = ran.stdout.removesuffix("\n")
        assert token.isprintable()
        assert " " not in token
        assert f"{building.address}/v1/api/docs" in ran.stderr
        assert token not in ran.stderr
        trusting = ssl.create_default_context(cafile=str(building.authority))
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=building.address, headers=headers, verify=trusting) as browser:
            assert (await browser.get("/v1/api/me")).json()["kind"] == "guest"
            asked = await browser.post(
                "/v1/api/generations", json={"prompt": "By hand"}, headers={"idempotency-key": "0123456789abcdef"}
            )
        assert asked.status_code == 201, asked.text

    async def test_is_the_same_user_at_every_launch(self, building: RunningBuilding, phone: Phone) -> None:
        again = await phone.sign_in()
        assert again["user"]["new"] is False

    async def test_deletes_a_picture_for_good(self, building: RunningBuilding, phone: Phone) -> None:
        generation = await phone.submit(prompt="A snowy mountain", quality="low")
        events = [event async for event in phone.follow(generation["id"])]
        (picture,) = events[-1].data["pictures"]
        await phone.call("DELETE", f"/v1/api/pictures/{picture['id']}")
        assert (await phone.call("GET", "/v1/api/pictures"))["items"] == []
        async with asyncio.timeout(60):
            while await status_of(phone, picture["url"]) == 200:  # noqa: ASYNC110 - a worker sets no event of ours
                await asyncio.sleep(0.5)
        assert await status_of(phone, picture["url"]) in (403, 404)

    async def test_hides_pictures_from_everybody_else(self, building: RunningBuilding, phone: Phone) -> None:
        generation = await phone.submit(prompt="A secret garden", quality="low")
        events = [event async for event in phone.follow(generation["id"])]
        (picture,) = events[-1].data["pictures"]
        async with Phone(building.address, building.authority) as other:
            await other.sign_in()
            assert (await other.call("GET", "/v1/api/pictures"))["items"] == []
            for method, path in (
                ("GET", f"/v1/api/generations/{generation['id']}"),
                ("GET", f"/v1/api/generations/{generation['id']}/events"),
                ("POST", f"/v1/api/generations/{generation['id']}/cancel"),
                ("DELETE", f"/v1/api/pictures/{picture['id']}"),
            ):
                with pytest.raises(PhoneRefused) as refused:
                    await other.call(method, path)
                assert refused.value.status == 404
            for altered in (picture["url"].split("?")[0], picture["url"].replace("Signature=", "Signature=A")):
                with pytest.raises(PhoneRefused) as refused:
                    await other.download(altered)
                assert refused.value.status == 403

    async def test_says_why_a_prompt_is_refused_in_the_language_of_the_phone(
        self, building: RunningBuilding, phone: Phone
    ) -> None:
        phone.language = "ja"
        before = (await phone.call("GET", "/v1/api/me"))["credits"]["available"]
        generation = await phone.submit(prompt="[studio:refuse] a fox", quality="low")
        events = [event async for event in phone.follow(generation["id"])]
        assert events[-1].name == "failed"
        assert events[-1].data["failure"]["code"] == "prompt_refused"
        assert any("぀" <= character <= "ヿ" for character in events[-1].data["failure"]["text"])
        assert (await phone.call("GET", "/v1/api/me"))["credits"]["available"] == before

    async def test_cancels_while_it_is_painted(self, building: RunningBuilding, phone: Phone) -> None:
        generation = await phone.submit(prompt="[studio:hang] a fox", quality="low")
        names = []
        async for event in phone.follow(generation["id"]):
            names.append(event.name)
            if event.name == "started":
                await phone.call("POST", f"/v1/api/generations/{generation['id']}/cancel")
        assert names[-1] == "cancelled"


class TestFrontDoor:
    def test_is_the_only_way_in(self, building: RunningBuilding) -> None:
        status = subprocess.run(building.command("status", "--json"), capture_output=True, text=True, check=True)
        parts = {part["name"]: part for part in json.loads(status.stdout)["parts"]}
        response = httpx2.get(f"{parts['mobile-api']['address']}/v1/api/styles")
        assert response.status_code == 403
        assert response.json()["code"] == "origin_not_verified"

    async def test_shows_the_documentation(self, building: RunningBuilding, phone: Phone) -> None:
        page = await phone._client.get("/v1/api/docs")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")


class TestDemo:
    def test_saves_the_picture_it_was_asked_for(self, building: RunningBuilding, tmp_path: Path) -> None:
        output = tmp_path / "out" / "fox.png"
        done = subprocess.run(
            building.command("demo", "A fox in the snow", "--quality", "low", "--output", str(output)),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with Image.open(output) as image:
            assert (image.format, image.size) == ("PNG", (1024, 1024))

    def test_keeps_the_picture_that_is_there(self, building: RunningBuilding, tmp_path: Path) -> None:
        kept = tmp_path / "fox.png"
        kept.write_bytes(b"of somebody")
        command = building.command("demo", "A fox", "--quality", "low", "--output", str(kept))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert kept.read_bytes() == b"of somebody"
        assert "fox-2.png" in done.stdout.replace("\n", "")
        with Image.open(tmp_path / "fox-2.png") as image:
            assert image.format == "PNG"

    def test_measures_many_phones(self, building: RunningBuilding) -> None:
        done = subprocess.run(
            building.command("demo", "A boat", "--quality", "low", "--users", "4", "--pictures", "2"),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "8 of 8 pictures" in done.stdout
        assert "picture done" in done.stdout
