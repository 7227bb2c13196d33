"""`models.yaml`, checked, as the domain's registry of image models."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tatemono.adapters.yaml_file import Fault, UnreadableFile, YamlFile
from tatemono.domain.generations.generation import MAX_PICTURES, Background, OutputFormat, Quality, Size
from tatemono.domain.generations.image_models import ImageModel, Prices, Registry

MODELS_FILE = Path(__file__).parents[1] / "models.yaml"

#: A dollar for a million tokens is so many nano-dollars for one.
_NANOS_PER_DOLLAR_OF_A_MILLION = 1000


class WrongRegistry(ValueError):
    """The registry cannot be used; the message names the file, the line and the field of each fault."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _exact(dollars: Decimal) -> Decimal:
    if dollars < 0 or (dollars * _NANOS_PER_DOLLAR_OF_A_MILLION) % 1:
        raise ValueError("a price has at most three decimals and is not below zero")
    return dollars


_Dollars = Annotated[Decimal, AfterValidator(_exact)] | Literal["unknown"]
_Size = Annotated[str, Field(pattern=r"^[1-9]\d{2,3}x[1-9]\d{2,3}$")]


class _Prices(_Section):
    since: date
    source: str = Field(min_length=1)
    read: date
    text_input: _Dollars
    cached_text_input: _Dollars
    image_input: _Dollars
    cached_image_input: _Dollars
    image_output: _Dollars


class _Model(_Section):
    released: date
    shutdown: date | None = None
    successor: str | None = None
    sizes: tuple[_Size, ...] = Field(min_length=1)
    qualities: dict[Quality, str] = Field(min_length=1)
    output_formats: tuple[OutputFormat, ...] = Field(min_length=1)
    backgrounds: tuple[Background, ...] = Field(min_length=1)
    max_pictures: int = Field(ge=1, le=MAX_PICTURES)
    max_partial_images: int = Field(ge=0, le=3)
    edits: bool
    seed: bool = False
    negative_prompt: bool = False
    extra: dict[str, str | int | bool] = {}
    output_tokens: dict[Quality, Annotated[int, Field(ge=1, le=1_000_000)]]
    partial_image_tokens: int = Field(ge=0, le=100_000)
    reference_tokens: int = Field(ge=0, le=1_000_000)
    prices: tuple[_Prices, ...] = Field(min_length=1)


_MODELS: TypeAdapter[dict[str, _Model]] = TypeAdapter(dict[str, _Model])


def read_registry(path: Path = MODELS_FILE) -> Registry:
    """Read and check the registry.

    :raises WrongRegistry: with one line per fault, each naming file, line and field
    """
    try:
        file = YamlFile(path)
    except UnreadableFile as error:
        raise WrongRegistry(str(error)) from error
    faults, models = file.faults, {}
    try:
        models = _MODELS.validate_python(file.content)
    except ValidationError as error:
        faults += [(_field(fault["loc"]), fault["msg"].removeprefix("Value error, ")) for fault in error.errors()]
    else:
        faults += _faults_between(models)
    if faults:
        raise WrongRegistry(file.complaint(faults, "models"))
    return Registry({name: _model(name, model) for name, model in models.items()})


def _field(where: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Without the branches of unions that pydantic names, which the file does not have."""
    return tuple(step for step in where if not (isinstance(step, str) and ("[" in step or step.startswith("literal"))))


def _faults_between(models: dict[str, _Model]) -> list[Fault]:
    faults: list[Fault] = []
    for name, model in models.items():
        if model.successor is not None and model.successor not in models:
            faults.append(((name, "successor"), f"no model is called {model.successor}"))
        if missing := model.qualities.keys() - model.output_tokens.keys():
            faults.append(((name, "output_tokens"), f"says nothing about {', '.join(sorted(missing))}"))
        days = [prices.since for prices in model.prices]
        if days != sorted(set(days)):
            faults.append(((name, "prices"), "the days must come in order, each once"))
        if round_trip := _circle(name, models):
            faults.append(((name, "successor"), f"the successors go round: {round_trip}"))
    return faults


def _circle(name: str, models: dict[str, _Model]) -> str:
    seen = [name]
    while (following := models[seen[-1]].successor) in models and following is not None:
        if following in seen:
            return " → ".join([*seen, following])
        seen.append(following)
    return ""


def _model(name: str, read: _Model) -> ImageModel:
    values: dict[str, Any] = {field: getattr(read, field) for field in _Model.model_fields if field != "released"}
    values |= {
        "sizes": tuple(map(Size, read.sizes)),
        "prices": tuple(
            Prices(each.since, _nanos(each.text_input), _nanos(each.image_input), _nanos(each.image_output))
            for each in read.prices
        ),
    }
    return ImageModel(id=name, **values)


def _nanos(dollars: Decimal | Literal["unknown"]) -> int | None:
    return None if dollars == "unknown" else int(dollars * _NANOS_PER_DOLLAR_OF_A_MILLION)
