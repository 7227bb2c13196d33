"""Bodies about style presets."""

from typing import Annotated

from pydantic import Field

from tatemono.entrypoints.http.bodies import ResponseBody, example


class Style(ResponseBody):
    id: str
    name: Annotated[str, Field(description="In the language asked for.")]
    name_en: str
    name_ja: str
    sample_url: Annotated[str | None, Field(description="A picture in this style; opens as a picture's `url` does.")]


class StyleList(ResponseBody):
    model_config = example(
        {
            "items": [
                {
                    "id": "ukiyo-e",
                    "name": "浮世絵",
                    "name_en": "Ukiyo-e",
                    "name_ja": "浮世絵",
                    "sample_url": "https://example.jp/pictures/styles/ukiyo-e/8a1f0c52.jpeg?Expires=1795470000&Signature=MEQCI…&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256",
                }
            ]
        }
    )

    items: list[Style]
