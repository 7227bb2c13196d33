from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from tatemono_studio.painter import PictureSpec, description_of, paint
from tatemono_studio.painter.figures import FIGURES
from tatemono_studio.painter.styles import STYLES
from tatemono_studio.painter.vocabulary import COLOURS, SUBJECTS, read


def picture(prompt: str, **more: object) -> Image.Image:
    spec = PictureSpec(prompt, 256, 256, **{"quality": "low", **more})  # type: ignore[arg-type]
    opened = Image.open(BytesIO(paint(spec).final))
    opened.load()
    return opened


def mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB")).mean


def difference(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


class TestPaint:
    def test_gives_the_same_bytes_for_the_same_spec(self) -> None:
        spec = PictureSpec("a fox under the moon", 320, 256, partials=2)
        assert paint(spec) == paint(spec)

    def test_moves_with_seed_index_and_unknown_words(self) -> None:
        prompts = [("zanzibar", {}), ("zanzibat", {}), ("zanzibar", {"seed": 1}), ("zanzibar", {"index": 1})]
        painted = [picture(prompt, **more).tobytes() for prompt, more in prompts]
        assert len(set(painted)) == 4

    def test_reads_a_seed_from_the_prompt(self) -> None:
        assert picture("a hill [seed:7]").tobytes() == picture("a hill", seed=7).tobytes()

    @pytest.mark.parametrize("name", sorted(SUBJECTS))
    def test_paints_every_subject_it_knows(self, name: str) -> None:
        word = SUBJECTS[name].split("|")[0]
        assert difference(picture(word), picture("")) > 5

    @pytest.mark.parametrize("style", sorted(STYLES))
    def test_paints_in_every_style(self, style: str) -> None:
        words = {"ukiyoe": "ukiyo-e", "pixel": "pixel art", "ink": "sumi-e"}
        assert difference(picture(f"a castle, {words.get(style, style)}"), picture("a castle")) > 5

    def test_darkens_at_night(self) -> None:
        assert sum(mean(picture("a lake at night"))) < sum(mean(picture("a lake by day"))) * 0.6

    @pytest.mark.parametrize(("word", "channel"), [("red", 0), ("緑", 1), ("blue", 2)])
    def test_leans_to_the_colours_of_the_prompt(self, word: str, channel: int) -> None:
        said, *others = (mean(picture(f"zzz {name}")) for name in dict.fromkeys((word, "red", "緑", "blue")))
        assert all(said[channel] / sum(said) > other[channel] / sum(other) for other in others)

    def test_gives_a_subject_its_own_colour(self) -> None:
        red, blue = (picture(f"{word} car", transparent=True) for word in ("red", "blue"))
        assert _solid_mean(red)[0] > _solid_mean(red)[2]
        assert _solid_mean(blue)[2] > _solid_mean(blue)[0]

    def test_marks_its_corner_and_its_metadata(self) -> None:
        painted = picture("猫", output_format="webp")
        assert description_of(painted) == "猫"
        assert "offline" in picture("猫").info["Software"]

    @pytest.mark.parametrize("size", [(16, 16), (64, 512), (900, 300)])
    def test_paints_in_any_shape(self, size: tuple[int, int]) -> None:
        painted = paint(PictureSpec("a city by the sea in the rain, oil painting", *size, quality="low"))
        assert Image.open(BytesIO(painted.final)).size == size

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.text(max_size=60),
        st.lists(st.sampled_from(sorted(SUBJECTS) + sorted(STYLES) + sorted(COLOURS)), max_size=5),
        st.booleans(),
    )
    def test_paints_any_prompt(self, text: str, words: list[str], transparent: bool) -> None:
        prompt = " ".join([text, *words])
        painted = paint(PictureSpec(prompt, 96, 64, quality="low", transparent=transparent, partials=1))
        assert Image.open(BytesIO(painted.final)).mode == ("RGBA" if transparent else "RGB")
        assert len(painted.partials) == 1


def _solid_mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB"), image.getchannel("A").point([255 * (v > 200) for v in range(256)])).mean


class TestRead:
    @pytest.mark.parametrize(
        ("prompt", "subjects"),
        [
            ("A starry sky over Mt Fuji", ("star", "fuji")),
            ("hot air balloons", ("balloon",)),
            ("butterflies and cherry blossoms", ("butterfly", "sakura")),
            ("富士山と桜", ("fuji", "sakura")),
            ("日本の海", ("sea",)),
            ("season's greetings", ()),
            ("宇宙飛行士と土星", ("astronaut", "planet")),
        ],
    )
    def test_finds_subjects_longest_first(self, prompt: str, subjects: tuple[str, ...]) -> None:
        assert read(prompt, None, 0).subjects == subjects

    def test_tells_a_subjects_colour_from_a_mood(self) -> None:
        theme = read("a red wooden boat on the sea, purple", None, 0)
        assert set(theme.own) == {"boat"}
        assert len(theme.colours) == 1

    def test_finds_hour_weather_and_style(self) -> None:
        theme = read("雨の夕暮れの街、水彩", None, 0)
        assert (theme.time, theme.weathers, theme.style) == ("sunset", ("rain",), "watercolor")

    def test_knows_at_least_forty_subjects_in_both_languages(self) -> None:
        both = [words for words in SUBJECTS.values() if words.isascii() is False and words[0].isascii()]
        assert len(both) >= 40

    def test_names_a_subject_for_every_figure(self) -> None:
        assert set(FIGURES) <= set(SUBJECTS)


def test_a_spec_has_a_key_of_its_own() -> None:
    one = PictureSpec("a", 64, 64)
    assert len({one.key, PictureSpec("b", 64, 64).key, PictureSpec("a", 64, 64, sources=(b"one",)).key}) == 3
