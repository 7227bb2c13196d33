"""Everything above the horizon: the gradient, sun and moon, stars, clouds, and what falls from them."""

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tatemono_studio.painter.colour import BLACK, WHITE, Colour, Light, mix
from tatemono_studio.painter.surface import Surface, gradient, levels, noise


def paint_sky(surface: Surface, light: Light, horizon: float) -> None:
    """From the top of the picture to a little below the horizon, in pixels."""
    height = min(surface.height, round(horizon * 1.04) + 2)
    stops = (
        light.top,
        mix(light.top, light.middle, 0.55),
        light.middle,
        mix(light.middle, light.horizon, 0.6),
        light.horizon,
    )
    surface.image.paste(gradient((surface.width, height), stops), (0, 0))
    surface.image.paste(light.horizon, (0, height, surface.width, surface.height))


def paint_stars(surface: Surface, random: Random, horizon: float, count: int, *, band: bool) -> None:
    """Most are faint, few are bright; `band` adds a Milky Way."""
    if band:
        _milky_way(surface, random, horizon)
    draw = ImageDraw.Draw(surface.image)
    for _ in range(count):
        x, y = random.random() * surface.width, random.random() ** 1.3 * horizon
        brightness = random.random() ** 3
        radius = surface.unit * (0.5 + 1.5 * brightness)
        under = surface.image.getpixel((min(surface.width - 1, int(x)), min(surface.height - 1, int(y))))
        assert isinstance(under, tuple)
        tone = mix((255, 248, 232), (200, 216, 255), random.random())
        colour = mix((under[0], under[1], under[2]), tone, 0.35 + 0.65 * brightness)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        if brightness > 0.8:
            surface.glow(x, y, surface.unit * 16, tone, 0.7, 3)
            draw = ImageDraw.Draw(surface.image)


def _milky_way(surface: Surface, random: Random, horizon: float) -> None:
    width, height = surface.width, max(2, round(horizon))
    cloud = noise((width, height), random, (6, 5), 5)
    band = Image.new("L", (width // 4, height // 4), 0)
    lean = random.choice((-1, 1))
    start, end = (0.2, 0.85) if lean > 0 else (0.85, 0.2)
    ImageDraw.Draw(band).line((width / 4 * start, height / 4, width / 4 * end, 0), fill=255, width=max(1, width // 26))
    band = band.filter(ImageFilter.GaussianBlur(width / 56)).resize((width, height), Image.Resampling.BICUBIC)
    mask = ImageChops.multiply(levels(cloud, 80, 190), band)
    part = surface.image.crop((0, 0, width, height))
    tints = [mask.point([level * part_of // 255 for level in range(256)]) for part_of in (150, 140, 190)]
    surface.image.paste(ImageChops.screen(part, Image.merge("RGB", tints)), (0, 0))


def paint_sun(surface: Surface, light: Light, x: float, y: float, radius: float, colour: Colour | None) -> None:
    shine = colour or light.shine
    surface.glow(x, y, radius * 7, mix(shine, light.horizon, 0.35), 0.5, 2.2)
    surface.glow(x, y, radius * 2.6, shine, 0.6, 2)
    surface.oval(x, y, radius, radius, (mix(shine, WHITE, 0.5), shine))


def paint_moon(
    surface: Surface, light: Light, random: Random, x: float, y: float, radius: float, *, crescent: bool
) -> None:
    surface.glow(x, y, radius * 5, mix(light.shine, light.middle, 0.4), 0.55, 2.4)
    surface.glow(x, y, radius * 1.9, light.shine, 0.5, 2)
    if crescent:
        outer = [(x + radius * math.cos(a / 40), y + radius * math.sin(a / 40)) for a in range(-44, 107)]
        inner = [
            (x - radius * 0.42 + radius * 0.93 * math.cos(a / 40), y - radius * 0.28 + radius * 0.93 * math.sin(a / 40))
            for a in range(100, -52, -1)
        ]
        surface.fill([outer + inner], light.shine)
        return
    surface.oval(x, y, radius, radius, (mix(light.shine, WHITE, 0.4), light.shine))
    for crater in range(7):
        angle, far = crater * 2.4 + random.random(), 0.2 + 0.075 * crater
        size = radius * random.uniform(0.08, 0.24)
        at = (x + math.cos(angle) * radius * far, y + math.sin(angle) * radius * far)
        surface.oval(*at, size, size * 0.9, mix(light.shine, light.middle, 0.45), opacity=0.35, blur=size * 0.2)


def paint_clouds(surface: Surface, light: Light, random: Random, horizon: float, amount: float) -> None:
    """Banks of noise, shaded below and lit above. `amount` is 0 to 1.

    They are soft, so a third of the size is enough to compute them.
    """
    width, height = max(2, surface.width // 3), max(2, round(horizon * 0.95 / 3))
    field = noise((width, height), random, (max(2, round(2.4 * width / height)), 4), 5).filter(
        ImageFilter.GaussianBlur(1)
    )
    # Fewer clouds at the top, none at the very horizon.
    fade = (
        gradient((1, height), ((90, 90, 90), (235, 235, 235), (255, 255, 255), (40, 40, 40)))
        .convert("L")
        .resize((width, height))
    )
    low = 198 - 96 * amount
    body = ImageChops.multiply(levels(field, low - 10, low + 62, 225), fade)
    # The same clouds moved down and taken away leave their upper rims.
    down = max(1, height // 24)
    rim = ImageChops.subtract(body, ImageChops.offset(body, 0, down))
    # The shift wraps around: what came in at the top is the horizon.
    rim.paste(0, (0, 0, width, down))
    rim = rim.filter(ImageFilter.GaussianBlur(1.4)).point([min(200, v * 2) for v in range(256)])
    bright = mix(mix(light.horizon, light.shine, 0.6), WHITE, 0.05 if light.dark else 0.45)
    shade = mix(mix(light.middle, light.horizon, 0.55), bright, 0.1 if light.dark else 0.55)
    full = (surface.width, height * 3)
    surface.image.paste(
        gradient(full, (shade, mix(shade, bright, 0.6))), (0, 0), body.resize(full, Image.Resampling.BICUBIC)
    )
    surface.image.paste(bright, (0, 0), rim.resize(full, Image.Resampling.BICUBIC))


def paint_aurora(surface: Surface, random: Random, horizon: float) -> None:
    """Curtains: narrow noise stretched tall, hung from a wandering line."""
    width, height = surface.width, round(horizon)
    rays = noise((width, 64), random, (26, 1), 3).resize((width, height))
    for colour, lift in (((70, 255, 170), 0.0), ((120, 120, 255), 0.12), ((255, 90, 190), 0.22)):
        curtain = Image.new("L", (width, height), 0)
        pen = ImageDraw.Draw(curtain)
        phase, wander = random.random() * 6, random.uniform(0.8, 1.5)
        for step in range(0, width, 4):
            along = step / width
            base = height * (
                0.62 - lift + 0.13 * math.sin(along * 5 * wander + phase) + 0.05 * math.sin(along * 13 + phase)
            )
            pen.rectangle((step, base - height * 0.34, step + 4, base), fill=190)
        curtain = curtain.filter(ImageFilter.GaussianBlur(height / 17))
        mask = ImageChops.multiply(curtain, levels(rays, 60, 210))
        part = surface.image.crop((0, 0, width, height))
        tints = [mask.point([level * channel // 300 for level in range(256)]) for channel in colour]
        surface.image.paste(ImageChops.screen(part, Image.merge("RGB", tints)), (0, 0))


def paint_rainbow(surface: Surface, horizon: float) -> None:
    width, radius = surface.width, surface.width * 0.46
    thickness = surface.unit * 9
    for band, colour in enumerate(
        ((230, 70, 70), (240, 150, 60), (245, 220, 90), (90, 190, 110), (80, 140, 225), (140, 90, 200))
    ):
        size = radius - band * thickness
        points = [
            (width / 2 + size * math.cos(a / 60 * math.pi), horizon - size * 0.98 * math.sin(a / 60 * math.pi))
            for a in range(61)
        ]
        surface.stroke(points, thickness * 1.15, colour, opacity=0.42)


def paint_fireworks(surface: Surface, random: Random, horizon: float) -> None:
    for burst in range(6):
        x, y = surface.width * random.uniform(0.12, 0.88), horizon * random.uniform(0.14, 0.62)
        size = surface.unit * random.uniform(70, 170)
        colour = ((255, 120, 90), (255, 214, 110), (120, 210, 255), (255, 140, 210), (150, 255, 180), (255, 240, 220))[
            burst
        ]
        surface.glow(x, y, size * 1.5, colour, 0.4)
        for ray in range(38):
            angle = ray / 38 * math.tau + random.random() * 0.1
            reach = size * random.uniform(0.72, 1.0)
            drop = reach * reach / size * 0.16
            points = [
                (x + math.cos(angle) * reach * t, y + math.sin(angle) * reach * t + drop * t * t)
                for t in (0.35, 0.6, 0.8, 1.0)
            ]
            surface.stroke(points, surface.unit * 1.6, mix(colour, WHITE, 0.25), opacity=0.85)
            surface.oval(*points[-1], surface.unit * 2.6, surface.unit * 2.6, mix(colour, WHITE, 0.6))


def paint_rain(surface: Surface, light: Light, random: Random, count: int) -> None:
    layer = Image.new("L", surface.image.size, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(count):
        x, y = random.uniform(-0.1, 1.1) * surface.width, random.uniform(-0.1, 1) * surface.height
        length = surface.unit * random.uniform(18, 60)
        draw.line(
            (x, y, x - length * 0.22, y + length), fill=random.randint(50, 150), width=max(1, round(surface.unit * 1.4))
        )
    layer = layer.filter(ImageFilter.GaussianBlur(0.6))
    surface.image.paste(mix(light.horizon, WHITE, 0.6), (0, 0), layer)


def paint_snow(surface: Surface, random: Random, count: int) -> None:
    for blur, share, size in ((0.8, 0.6, 2.4), (1.6, 0.3, 4.6), (4.0, 0.1, 9.0)):
        layer = Image.new("L", surface.image.size, 0)
        draw = ImageDraw.Draw(layer)
        for _ in range(round(count * share)):
            x, y = random.random() * surface.width, random.random() * surface.height
            radius = surface.unit * size * random.uniform(0.5, 1.2)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=random.randint(140, 245))
        surface.image.paste(WHITE, (0, 0), layer.filter(ImageFilter.GaussianBlur(blur * surface.unit)))


def paint_fog(surface: Surface, light: Light, random: Random, horizon: float) -> None:
    """Banks of mist around the horizon."""
    width, height = surface.width, surface.height
    field = noise((width, height), random, (3, 7), 3)
    centre = horizon / height
    around = [round(235 * math.exp(-(((row / 40 - centre - 0.05) / 0.26) ** 2))) for row in range(41)]
    fall = gradient((1, height), [(v, v, v) for v in around]).convert("L").resize((width, height))
    mask = ImageChops.multiply(levels(field, 40, 170), fall)
    surface.image.paste(mix(light.horizon, WHITE, 0.25), (0, 0), mask)


def paint_lightning(surface: Surface, random: Random, horizon: float) -> None:
    x, y = surface.width * random.uniform(0.25, 0.75), 0.0
    points = [(x, y)]
    while y < horizon:
        x += random.uniform(-50, 50) * surface.unit
        y += random.uniform(30, 70) * surface.unit
        points.append((x, y))
    surface.glow(points[0][0], points[2][1], surface.unit * 560, (190, 200, 255), 0.5)
    surface.stroke(points, surface.unit * 9, (150, 160, 255), opacity=0.35)
    surface.stroke(points, surface.unit * 3.2, (250, 250, 255))


def vignette(surface: Surface, strength: float) -> None:
    mask = Image.radial_gradient("L").resize(surface.image.size, Image.Resampling.BICUBIC)
    surface.image.paste(
        BLACK, (0, 0), mask.point([round(strength * max(0, level - 120) * 1.0) for level in range(256)])
    )
