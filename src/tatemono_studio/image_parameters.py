"""A request for pictures: its parameters read, checked and given their defaults.

Source: https://platform.openai.com/docs/api-reference/images
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tatemono_studio.errors import ApiError, invalid, missing
from tatemono_studio.models import Model

PROMPT_MAX_CHARACTERS = 32_000
UNSUPPORTED = {
    "response_format": "GPT image models always answer b64_json",
    "style": "describe the style in the prompt",
    "svg": "the studio paints png, jpeg and webp",
    "frame_count": "the studio paints no gif",
    "frame_duration_ms": "the studio paints no gif",
    "markup": "the studio takes image and mask",
}


@dataclass(frozen=True)
class ImageParameters:
    """What was asked for. `size` is still text: `auto` depends on the prompt or on the picture to edit."""

    model: Model
    prompt: str
    n: int = 1
    size: str = "auto"
    quality: str = "medium"
    transparent: bool = False
    output_format: str = "png"
    compression: int = 100
    moderation: str = "auto"
    stream: bool = False
    partial_images: int = 0
    safety_identifier: str | None = None
    seed: int | None = None
    sources: tuple[bytes, ...] = field(default=(), repr=False)
    mask: bytes | None = field(default=None, repr=False)


class Fields:
    """A body's parameters, each taken once; what is left over was not known.

    Values come as JSON types or, from a multipart form, as text: `text_values` allows `"3"` for 3.
    """

    def __init__(self, values: Mapping[str, Any], *, text_values: bool) -> None:
        # The SDK leaves out what is not given; null means the default everywhere.
        self._values = {name: value for name, value in values.items() if value is not None}
        self._text_values = text_values

    def text(self, name: str, default: str | None = None, longest: int = 1024) -> str | None:
        value = self._values.pop(name, default)
        if value is not None and not isinstance(value, str):
            raise invalid(name, f"Invalid type for '{name}': expected a string.", "invalid_type")
        if value is not None and len(value) > longest:
            raise invalid(
                name,
                f"Invalid '{name}': string too long, {len(value)} of {longest} characters.",
                "string_above_max_length",
            )
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            listed = ", ".join(f"'{item}'" for item in allowed)
            raise invalid(name, f"Invalid value: '{value}'. Supported values are: {listed}.")
        return str(value)

    def integer(self, name: str, low: int, high: int, default: int | None) -> int | None:
        value = self._values.pop(name, default)
        if self._text_values and isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
            value = int(value[:20])
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid(name, f"Invalid type for '{name}': expected an integer.", "invalid_type")
        if not low <= value <= high:
            code = "integer_below_min_value" if value < low else "integer_above_max_value"
            raise invalid(name, f"Invalid '{name}': {value} is not between {low} and {high}.", code)
        return value

    def flag(self, name: str) -> bool:
        value = self._values.pop(name, False)
        if self._text_values and value in ("true", "false"):
            value = value == "true"
        if not isinstance(value, bool):
            raise invalid(name, f"Invalid type for '{name}': expected a boolean.", "invalid_type")
        return value

    def refuse_rest(self) -> None:
        for name in self._values:
            if name in UNSUPPORTED:
                raise invalid(name, f"'{name}' is not supported: {UNSUPPORTED[name]}.", "unsupported_parameter")
            raise invalid(name, f"Unknown parameter: '{name}'.", "unknown_parameter")


def read_image_parameters(
    fields: Fields,
    find_model: Callable[[str], Model],
    sources: tuple[bytes, ...] = (),
    mask: bytes | None = None,
) -> ImageParameters:
    """:raises ApiError: 400 naming the parameter, 404 for the model"""
    prompt = fields.text("prompt", longest=PROMPT_MAX_CHARACTERS)
    if not prompt or not prompt.strip():
        raise missing("prompt")
    user = fields.text("user")
    parameters = ImageParameters(
        model=_model(fields, find_model),
        prompt=prompt,
        n=fields.integer("n", 1, 10, 1) or 1,
        size=fields.text("size", "auto") or "auto",
        quality=fields.choice("quality", ("auto", "low", "medium", "high"), "auto").replace("auto", "medium"),
        transparent=fields.choice("background", ("auto", "transparent", "opaque"), "auto") == "transparent",
        output_format=fields.choice("output_format", ("png", "jpeg", "webp"), "png"),
        compression=_given(fields.integer("output_compression", 0, 100, 100)),
        moderation=fields.choice("moderation", ("auto", "low"), "auto"),
        stream=fields.flag("stream"),
        partial_images=_given(fields.integer("partial_images", 0, 3, 0)),
        safety_identifier=fields.text("safety_identifier") or user,
        seed=fields.integer("seed", 0, 2**53, None),
        sources=sources,
        mask=mask,
    )
    fields.choice("complexity", ("low", "medium", "high"), "medium")
    if sources:
        fields.choice("input_fidelity", ("low", "high"), "low")
    fields.refuse_rest()
    _check_together(parameters)
    return parameters


def _model(fields: Fields, find_model: Callable[[str], Model]) -> Model:
    name = fields.text("model")
    if not name:
        raise missing("model")
    model = find_model(name)
    if not model.paints:
        raise invalid("model", f"The model '{name}' paints no pictures.")
    return model


def _given(value: int | None) -> int:
    assert value is not None
    return value


def _check_together(parameters: ImageParameters) -> None:
    problem: ApiError | None = None
    if parameters.transparent and parameters.output_format == "jpeg":
        problem = invalid("background", "Transparent background needs output_format png or webp, jpeg has none.")
    elif parameters.compression < 100 and parameters.output_format == "png":  # noqa: PLR2004 - 100 is "not compressed"
        problem = invalid("output_compression", "Compression less than 100 is not supported for PNG output format.")
    elif parameters.partial_images and not parameters.stream:
        problem = invalid("partial_images", "partial_images needs stream=true.")
    if problem:
        raise problem
