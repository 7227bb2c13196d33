"""The gallery and the style presets, from outside."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from phone import PUBLIC_URL, Phone
from tatemono.bootstrap.mobile_api import MobileApiBackend
from tatemono.entrypoints.mobile_api.pictures.picture_schemas import PicturePage
from tatemono.entrypoints.mobile_api.pictures.style_schemas import StyleList
from worker_steps import paint

pytest_plugins = ["mobile_api"]

API = "/v1/api"


class TestPictures:
    async def test_have_urls_that_expire(self, phone: Phone, backend: MobileApiBackend) -> None:
        await paint(backend.settings, (await phone.ask())["id"])
        response = await phone.client.get(f"{API}/pictures")
        picture = PicturePage.model_validate_json(response.content).items[0]
        expires = picture.urls_expire_at.timestamp()
        assert 900 <= expires - phone.clock() <= 1200
        for url, ending in ((picture.url, ".png"), (picture.thumbnail_url, "-thumbnail.webp")):
            parts = urlsplit(url)
            assert f"{parts.scheme}://{parts.netloc}" == PUBLIC_URL
            assert parts.path.startswith(f"/pictures/{phone.user_id}/")
            assert parts.path.endswith(ending)
            assert parse_qs(parts.query)["Expires"] == [str(int(expires))]

    async def test_keep_their_urls_for_minutes(self, phone: Phone, backend: MobileApiBackend) -> None:
        await paint(backend.settings, (await phone.ask())["id"])
        phone.clock.now -= phone.clock.now % 300 - 1
        first = (await phone.client.get(f"{API}/pictures")).json()
        phone.clock.now += 298
        assert (await phone.client.get(f"{API}/pictures")).json() == first
        phone.clock.now += 2
        assert (await phone.client.get(f"{API}/pictures")).json()["items"][0]["url"] != first["items"][0]["url"]

    async def test_are_gone_when_deleted(self, phone: Phone, backend: MobileApiBackend) -> None:
        asked = await phone.ask(n=2)
        first, second = await paint(backend.settings, asked["id"])
        for _ in range(2):
            response = await phone.client.delete(f"{API}/pictures/{first}")
            assert (response.status_code, response.content) == (204, b"")
        left = (await phone.client.get(f"{API}/pictures")).json()["items"]
        assert [UUID(item["id"]) for item in left] == [second]
        generation = (await phone.client.get(f"{API}/generations/{asked['id']}")).json()
        assert [UUID(item["id"]) for item in generation["pictures"]] == [second]

    async def test_come_in_pages(self, phone: Phone, backend: MobileApiBackend) -> None:
        pictures = await paint(backend.settings, (await phone.ask(n=3))["id"])
        page = (await phone.client.get(f"{API}/pictures", params={"limit": 2})).json()
        rest = (await phone.client.get(f"{API}/pictures", params={"cursor": page["next_cursor"]})).json()
        assert [UUID(item["id"]) for item in page["items"] + rest["items"]] == pictures[::-1]
        assert rest["next_cursor"] is None


class TestListStyles:
    async def test_names_them_in_the_language_asked_for(self, phone: Phone) -> None:
        for language, name in (
            ("ja,en;q=0.8", "浮世絵"),
            ("fr, en;q=0.5", "Ukiyo-e"),
            ("en;q=0.1, ja;q=0.2", "浮世絵"),
        ):
            response = await phone.client.get(f"{API}/styles", headers={"accept-language": language})
            styles = StyleList.model_validate_json(response.content)
            assert name in [style.name for style in styles.items]
        assert all(style.name_ja and style.name_en for style in styles.items)
