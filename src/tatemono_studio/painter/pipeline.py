"""From a specification to encoded files: compose, paint, apply the style, add the watermark, encode."""

from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.PngImagePlugin import PngInfo

from tatemono_studio.category_patch import add_category_patch
from tatemono_studio.painter.composition import compose
from tatemono_studio.painter.edits import paint_edit
from tatemono_studio.painter.picture_spec import PaintedPicture, PictureSpec
from tatemono_studio.painter.placement import paint_cutout
from tatemono_studio.painter.scene import paint_scene
from tatemono_studio.painter.styles import STYLES
from tatemono_studio.painter.surface import Surface, grain
from tatemono_studio.painter.vocabulary import Theme, read

SOFTWARE = "Tatemono studio (offline stand-in)"
WATERMARK = "studio · offline"
WATERMARK_FROM_PIXELS = 160
DESCRIPTION_MAX_CHARACTERS = 2000
EXIF_DESCRIPTION, EXIF_SOFTWARE = 0x010E, 0x0131
DETAIL = {"low": 0.6, "medium": 1.0, "high": 1.5}
OVERSAMPLING = {"low": 1, "medium": 2, "high": 3}
GRAIN = 3
# Their areas are meant to be even.
WITHOUT_GRAIN = ("pixel", "flat")


def paint(spec: PictureSpec) -> PaintedPicture:
    theme = read(spec.prompt, spec.seed, spec.index)
    random = Random(theme.seed)  # noqa: S311 - the same prompt gives the same picture
    image, coverage = _compose(spec, theme, random)
    if theme.style:
        image = STYLES[theme.style](image, random, DETAIL[spec.quality])
    if theme.style not in WITHOUT_GRAIN:
        image = grain(image, random, GRAIN)
    if coverage is not None:
        # Invisible pixels compress best as black.
        image = Image.composite(image, Image.new("RGB", image.size), coverage.point([0, *[255] * 255]))
        image.putalpha(coverage)
    partials = tuple(_encode(_partial(image, at, spec.partials), spec) for at in range(spec.partials))
    _add_watermark(image)
    if spec.flagged_category:
        add_category_patch(image, spec.flagged_category)
    return PaintedPicture(_encode(image, spec), partials)


def _compose(spec: PictureSpec, theme: Theme, random: Random) -> tuple[Image.Image, Image.Image | None]:
    size, detail = (spec.width, spec.height), DETAIL[spec.quality]
    surface = Surface(*size, (226, 214, 200), OVERSAMPLING[spec.quality], transparent=spec.transparent)
    scene = compose(surface, theme, random, detail)
    if spec.sources:
        return paint_edit(scene, spec)
    if not spec.transparent:
        paint_scene(scene)
        return surface.image, None
    paint_cutout(scene)
    if surface.coverage is not None and not surface.coverage.getbbox():
        # No figure in the prompt: the landscape itself becomes the subject, as a round vignette.
        surface.coverage = None
        paint_scene(scene)
        surface.coverage = Image.new("L", size, 0)
        edge = min(size) * 0.06
        ImageDraw.Draw(surface.coverage).ellipse((edge, edge, size[0] - edge, size[1] - edge), fill=255)
        surface.coverage = surface.coverage.filter(ImageFilter.GaussianBlur(edge * 0.12))
    return surface.image, surface.coverage


def _partial(image: Image.Image, at: int, partials: int) -> Image.Image:
    """The picture blurred: the earlier the partial picture, the fewer its details."""
    share = (at + 1) / (partials + 1)
    across = max(6, round(min(image.size) * 0.012 * 14**share))
    scale = across / min(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
    )
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _add_watermark(image: Image.Image) -> None:
    if min(image.size) < WATERMARK_FROM_PIXELS:
        return
    unit = min(image.size) / 1000
    font = ImageFont.load_default(max(9, 15 * unit))
    layer = Image.new("L", image.size, 0)
    place = (image.width - 14 * unit, image.height - 11 * unit)
    ImageDraw.Draw(layer).text(place, WATERMARK, fill=150, font=font, anchor="rs")
    box = layer.getbbox()
    if box is None:
        return
    shadow = (box[0] + 1, box[1] + 1)
    letters = layer.crop(box)
    image.paste(
        (0, 0, 0, 160) if image.mode == "RGBA" else (0, 0, 0), shadow, letters.point([v // 2 for v in range(256)])
    )
    image.paste((255, 255, 255, 255) if image.mode == "RGBA" else (255, 255, 255), box[:2], letters)


def description_of(image: Image.Image) -> str:
    """The prompt a picture of the studio carries, empty for any other picture."""
    if text := image.info.get("Description"):
        return str(text)
    # Pillow reads EXIF's ASCII as Latin-1, in which UTF-8 survives.
    return str(image.getexif().get(EXIF_DESCRIPTION, "")).encode("latin-1", "replace").decode("utf-8", "replace")


def _encode(image: Image.Image, spec: PictureSpec) -> bytes:
    """The metadata names the software and the prompt, in the way of each format."""
    description = spec.prompt[:DESCRIPTION_MAX_CHARACTERS]
    buffer = BytesIO()
    if spec.output_format == "png":
        info = PngInfo()
        info.add_itxt("Software", SOFTWARE)
        info.add_itxt("Description", description)
        # Grain barely compresses: the usual level 6 costs four times the time to save a tenth of the bytes.
        image.save(buffer, "PNG", pnginfo=info, compress_level=1)
        return buffer.getvalue()
    exif = Image.Exif()
    exif[EXIF_DESCRIPTION] = description.encode()
    exif[EXIF_SOFTWARE] = SOFTWARE
    if spec.output_format == "jpeg":
        # libjpeg's 96 and more only add bytes.
        image.convert("RGB").save(buffer, "JPEG", quality=max(1, min(95, spec.compression)), exif=exif)
    else:
        image.save(buffer, "WEBP", quality=spec.compression, method=2, exif=exif)
    return buffer.getvalue()
