"""A commission carried out: composed, painted, finished in its style, marked and encoded."""

from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.PngImagePlugin import PngInfo

from tatemono_studio.category_patch import put_flag
from tatemono_studio.painter.composition import compose
from tatemono_studio.painter.edits import paint_edit
from tatemono_studio.painter.picture_spec import Commission, Painted
from tatemono_studio.painter.placing import paint_cutout
from tatemono_studio.painter.scene import paint_scene
from tatemono_studio.painter.styles import STYLES
from tatemono_studio.painter.surface import Surface, grain
from tatemono_studio.painter.vocabulary import Theme, read

SOFTWARE = "Tatemono studio (offline stand-in)"
MARK = "studio · offline"
MARK_FROM_PIXELS = 160
DESCRIPTION_MAX_CHARACTERS = 2000
EXIF_DESCRIPTION, EXIF_SOFTWARE = 0x010E, 0x0131
DETAIL = {"low": 0.6, "medium": 1.0, "high": 1.5}
OVERSAMPLING = {"low": 1, "medium": 2, "high": 3}
GRAIN = 3
# Without grain: their areas are meant to be clean.
CLEAN = ("pixel", "flat")


def paint(commission: Commission) -> Painted:
    theme = read(commission.prompt, commission.seed, commission.index)
    random = Random(theme.seed)  # noqa: S311 - the same prompt gives the same picture
    image, coverage = _compose(commission, theme, random)
    if theme.style:
        image = STYLES[theme.style](image, random, DETAIL[commission.quality])
    if theme.style not in CLEAN:
        image = grain(image, random, GRAIN)
    if coverage is not None:
        # What nobody sees compresses best as black.
        image = Image.composite(image, Image.new("RGB", image.size), coverage.point([0, *[255] * 255]))
        image.putalpha(coverage)
    partials = tuple(_encode(_faint(image, at, commission.partials), commission) for at in range(commission.partials))
    _mark(image)
    if commission.flag:
        put_flag(image, commission.flag)
    return Painted(_encode(image, commission), partials)


def _compose(commission: Commission, theme: Theme, random: Random) -> tuple[Image.Image, Image.Image | None]:
    size, detail = (commission.width, commission.height), DETAIL[commission.quality]
    surface = Surface(*size, (226, 214, 200), OVERSAMPLING[commission.quality], transparent=commission.transparent)
    scene = compose(surface, theme, random, detail)
    if commission.sources:
        return paint_edit(scene, commission)
    if not commission.transparent:
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


def _faint(image: Image.Image, at: int, partials: int) -> Image.Image:
    """The picture as if seen through water that clears: fewer details the earlier it is."""
    share = (at + 1) / (partials + 1)
    across = max(6, round(min(image.size) * 0.012 * 14**share))
    scale = across / min(image.size)
    small = image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX
    )
    return small.resize(image.size, Image.Resampling.BICUBIC)


def _mark(image: Image.Image) -> None:
    if min(image.size) < MARK_FROM_PIXELS:
        return
    unit = min(image.size) / 1000
    font = ImageFont.load_default(max(9, 15 * unit))
    layer = Image.new("L", image.size, 0)
    place = (image.width - 14 * unit, image.height - 11 * unit)
    ImageDraw.Draw(layer).text(place, MARK, fill=150, font=font, anchor="rs")
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


def _encode(image: Image.Image, commission: Commission) -> bytes:
    """The metadata says what made the picture and from which words, in the way each format has for it."""
    description = commission.prompt[:DESCRIPTION_MAX_CHARACTERS]
    buffer = BytesIO()
    if commission.output_format == "png":
        info = PngInfo()
        info.add_itxt("Software", SOFTWARE)
        info.add_itxt("Description", description)
        # Grain barely compresses: the usual level 6 costs four times the time to save a tenth of the bytes.
        image.save(buffer, "PNG", pnginfo=info, compress_level=1)
        return buffer.getvalue()
    exif = Image.Exif()
    exif[EXIF_DESCRIPTION] = description.encode()
    exif[EXIF_SOFTWARE] = SOFTWARE
    if commission.output_format == "jpeg":
        # libjpeg's 96 and more only add bytes.
        image.convert("RGB").save(buffer, "JPEG", quality=max(1, min(95, commission.compression)), exif=exif)
    else:
        image.save(buffer, "WEBP", quality=commission.compression, method=2, exif=exif)
    return buffer.getvalue()
