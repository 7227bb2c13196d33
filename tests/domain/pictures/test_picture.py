from uuid import UUID

import pytest

from tatemono.domain.pictures.picture import generation_of_key, may_belong_to, object_key, thumbnail_key

USER, GENERATION = UUID(int=1), UUID(int=2)
KEY = object_key(USER, GENERATION, 3, 0, "png")


class TestKeys:
    def test_name_the_user_the_generation_the_fence_and_the_place(self) -> None:
        assert object_key(USER, GENERATION, 3, 1, "webp") == f"pictures/{USER}/{GENERATION}/3-1.webp"

    @pytest.mark.parametrize("key", [KEY, thumbnail_key(KEY)])
    def test_lead_back_to_the_generation(self, key: str) -> None:
        assert generation_of_key(key) == GENERATION

    @pytest.mark.parametrize(
        "key",
        [
            "",
            f"exports/{USER}/{GENERATION}/3-0.png",
            f"pictures/{USER}/{GENERATION}",
            f"pictures/{USER}/{GENERATION}/more/3-0.png",
            f"pictures/{USER}/none/3-0.png",
        ],
    )
    def test_of_something_else_lead_nowhere(self, key: str) -> None:
        assert generation_of_key(key) is None

    def test_of_a_thumbnail_belong_to_a_picture_of_any_format(self) -> None:
        assert KEY in may_belong_to(thumbnail_key(KEY))
        assert may_belong_to(KEY) == [KEY]
