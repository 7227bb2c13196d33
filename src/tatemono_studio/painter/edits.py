"""Edits: a given picture, changed by what the prompt says."""

from io import BytesIO
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from tatemono_studio.painter.colour import LIGHTS, WHITE, Light, mix
from tatemono_studio.painter.composition import Scene
from tatemono_studio.painter.landscape import sky
from tatemono_studio.painter.picture_spec import PictureSpec
from tatemono_studio.painter.placement import paint_figures
from tatemono_studio.painter.scene import paint_scene, paint_weather
from tatemono_studio.painter.styles import STYLES, tint
from tatemono_studio.painter.surface import gradient

# For a prompt without a known word, chosen by its hash: an edit always changes the picture.
TONES = (((24, 40, 84), (255, 214, 170)), ((44, 20, 60), (255, 190, 190)), ((10, 54, 60), (250, 236, 190)))


def paint_edit(scene: Scene, spec: PictureSpec) -> tuple[Image.Image, Image.Image | None]:
    """With a mask, a new scene where it is transparent; without, the whole picture in another light."""
    size = (spec.width, spec.height)
    opened = [ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGBA") for data in spec.sources]
    base = _side_by_side([ImageOps.fit(picture, size, Image.Resampling.LANCZOS) for picture in opened])
    alpha = base.getchannel("A")
    ground = Image.new("RGB", size, WHITE)
    ground.paste(base, (0, 0), base)
    coverage, scene.surface.coverage = scene.surface.coverage, None
    if spec.mask is not None:
        paint_scene(scene)
        keep = ImageOps.fit(Image.open(BytesIO(spec.mask)).convert("RGBA"), size).getchannel("A")
        scene.surface.image.paste(ground, (0, 0), keep.filter(ImageFilter.GaussianBlur(1.2)))
    else:
        scene.surface.image = ground
        _change(scene)
    if coverage is None:
        return scene.surface.image, None
    see_through = alpha.histogram()[255] < size[0] * size[1]
    return scene.surface.image, alpha if see_through else _oval(size)


def _side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """Several pictures side by side, each blended into the next."""
    result = pictures[0]
    for index, picture in enumerate(pictures[1:], 1):
        edge = result.width * index // len(pictures)
        soft = max(1, result.width // (len(pictures) * 5))
        mask = Image.new("L", result.size, 0)
        ImageDraw.Draw(mask).rectangle((edge, 0, *result.size), fill=255)
        result = Image.composite(picture, result, mask.filter(ImageFilter.GaussianBlur(soft / 2)))
    return result


def _change(scene: Scene) -> None:
    theme, surface, random = scene.theme, scene.surface, scene.random
    if theme.time:
        surface.image = _in_light(surface.image, LIGHTS[theme.time])
        if theme.time == "night":
            sky.paint_stars(surface, random, scene.y(0.45), 160, band=False)
            sky.paint_moon(surface, scene.light, random, *scene.shine, surface.unit * 40, crescent=True)
    for colour in theme.colours:
        surface.image = tint(surface.image, mix(colour, (0, 0, 0), 0.5), colour, 0.55)
    if "snow" in theme.weathers:
        surface.image = Image.blend(
            tint(surface.image, (70, 86, 120), (240, 246, 255), 0.45), Image.new("RGB", surface.image.size, WHITE), 0.1
        )
    paint_figures(scene)
    paint_weather(scene)
    known = theme.time or theme.colours or theme.weathers or theme.style or theme.subjects
    if not known:
        surface.image = tint(surface.image, *TONES[theme.seed % len(TONES)], 0.5)
        surface.image = STYLES["oil"](surface.image, Random(theme.seed), 0.5)  # noqa: S311 - repeatable


def _in_light(image: Image.Image, light: Light) -> Image.Image:
    """The picture at another time of day: its colours under that light, the sky's colours laid over from above."""
    lit = ImageChops.multiply(image, Image.new("RGB", image.size, mix(light.light, WHITE, 0.1)))
    veil = gradient(image.size, (light.top, light.middle, light.horizon, light.light))
    return Image.blend(lit, ImageChops.soft_light(lit, veil), 0.75)


def _oval(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((size[0] * 0.04, size[1] * 0.04, size[0] * 0.96, size[1] * 0.96), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(min(size) * 0.01))
