"""The image models: what each of them takes, what it charges, when it ends, and how a request is put to it.

Prices are in whole nano-dollars a token (a thousandth of a dollar per million tokens), so that money stays exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar

from tatemono.domain.errors import Invalid, Unavailable
from tatemono.domain.generations.attempts import MAX_ATTEMPTS
from tatemono.domain.generations.budgets import Cost
from tatemono.domain.generations.generation import Background, OutputFormat, PictureRequest, Quality, Size
from tatemono.domain.generations.painting import PainterUsage, PaintRequest

#: How long before a model ends an operator is warned.
WARN_DAYS = 60

_NANOS_PER_MICRO = 1000
_PIXELS_OF_THE_TABLE = 1024 * 1024
#: A style adds so many characters at most (the table's own limit), of up to four bytes.
_MOST_SUFFIX_BYTES = 2000
_NEGATIVE = "\nDo not show: "


class PaintingUnavailable(Unavailable):
    """Nothing can be painted until the configuration is mended; `reason` says what, for the log."""

    code = "painting_unavailable"
    texts: ClassVar[dict[str, str]] = {
        "en": "Pictures cannot be made at the moment. It cost nothing; try again later.",
        "ja": "現在、画像を作成できません。クレジットは消費されていません。しばらくしてからもう一度お試しください。",
    }

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__()


class _NotTaken(Invalid):
    """The model paints now does not take that; `{taken}` lists what it does."""


class SizeNotTaken(_NotTaken):
    code = "size_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "Pictures of {asked} cannot be made now. These can: {taken}.",
        "ja": "{asked} の画像は現在作成できません。使えるサイズ: {taken}。",
    }


class QualityNotTaken(_NotTaken):
    code = "quality_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "The quality {asked} cannot be had now. These can: {taken}.",
        "ja": "品質 {asked} は現在使えません。使える品質: {taken}。",
    }


class FormatNotTaken(_NotTaken):
    code = "output_format_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "Pictures cannot be had as {asked} now. These formats can: {taken}.",
        "ja": "{asked} 形式は現在使えません。使える形式: {taken}。",
    }


class BackgroundNotTaken(_NotTaken):
    code = "background_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "The background {asked} cannot be had now. These can: {taken}.",
        "ja": "背景 {asked} は現在使えません。使える背景: {taken}。",
    }


class TooManyPictures(_NotTaken):
    code = "too_many_pictures"
    texts: ClassVar[dict[str, str]] = {
        "en": "{asked} pictures at once cannot be had now; at most {taken}.",
        "ja": "一度に {asked} 枚は現在作成できません。最大 {taken} 枚です。",
    }


class SeedNotTaken(Invalid):
    code = "seed_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "The painter takes no seed now: the same seed would not give the same picture. Leave it out.",
        "ja": "現在のモデルは seed に対応していません。同じ seed でも同じ画像にはならないため、指定しないでください。",
    }


class ReferenceNotTaken(Invalid):
    code = "reference_not_taken"
    texts: ClassVar[dict[str, str]] = {
        "en": "The painter takes no reference picture now. Leave it out.",
        "ja": "現在のモデルは参照画像に対応していません。参照画像を外してください。",
    }


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model charges from the day `since` on, in nano-dollars a token; None is an unknown price."""

    since: date
    text_input: int | None
    image_input: int | None
    image_output: int | None

    @property
    def unknown(self) -> bool:
        return None in (self.text_input, self.image_input, self.image_output)

    def micros(self, usage: PainterUsage) -> int | None:
        """Rounded up. Cached input is charged as if it were not: the painter does not say how much of it there was."""
        if self.text_input is None or self.image_input is None or self.image_output is None:
            return None
        nanos = (
            usage.input_text_tokens * self.text_input
            + usage.input_image_tokens * self.image_input
            + usage.output_tokens * self.image_output
        )
        return -(-nanos // _NANOS_PER_MICRO)


@dataclass(frozen=True, slots=True)
class ImageModel:
    """One model of the painter.

    :ivar shutdown: from this day on it is gone
    :ivar qualities: our words for quality → the painter's
    :ivar extra: what is sent with every request besides
    :ivar output_tokens: for one picture of 1024x1024 at most; larger ones cost more in proportion to their area
    :ivar reference_tokens: for a reference picture, at most
    :ivar prices: the newest last
    """

    id: str
    shutdown: date | None
    successor: str | None
    sizes: tuple[Size, ...]
    qualities: Mapping[Quality, str]
    output_formats: tuple[OutputFormat, ...]
    backgrounds: tuple[Background, ...]
    max_pictures: int
    max_partial_images: int
    edits: bool
    seed: bool
    negative_prompt: bool
    output_tokens: Mapping[Quality, int]
    partial_image_tokens: int
    reference_tokens: int
    prices: tuple[Prices, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    def check(self, request: PictureRequest) -> None:
        """:raises Invalid: the model does not take it; says what it takes"""
        refusals: list[tuple[type[_NotTaken], object, Sequence[object]]] = [
            (SizeNotTaken, request.size, self.sizes),
            (QualityNotTaken, request.quality, tuple(self.qualities)),
            (FormatNotTaken, request.output_format, self.output_formats),
            (BackgroundNotTaken, request.background, self.backgrounds),
        ]
        for refusal, asked, taken in refusals:
            if asked not in taken:
                raise refusal(asked=str(asked), taken=", ".join(map(str, taken)))
        if request.n > self.max_pictures:
            raise TooManyPictures(asked=request.n, taken=self.max_pictures)
        if request.seed is not None and not self.seed:
            raise SeedNotTaken
        if request.reference_id is not None and not self.edits:
            raise ReferenceNotTaken

    def partial_images(self, request: PictureRequest) -> int:
        return min(request.partial_pictures, self.max_partial_images)

    def most_tokens(self, request: PictureRequest) -> PainterUsage:
        """What one call may come to. No token is shorter than a byte of UTF-8, so a text has at most as many."""
        text = len(request.prompt.encode()) + len((request.negative_prompt or "").encode()) + len(_NEGATIVE)
        if request.style is not None:
            text += _MOST_SUFFIX_BYTES
        area = max(request.size.width * request.size.height, _PIXELS_OF_THE_TABLE)
        picture = -(-self.output_tokens[request.quality] * area // _PIXELS_OF_THE_TABLE)
        partials = self.partial_images(request) * self.partial_image_tokens
        return PainterUsage(
            input_text_tokens=text,
            input_image_tokens=self.reference_tokens if request.reference_id else 0,
            output_tokens=(picture + partials) * request.n,
        )

    def micros(self, usage: PainterUsage, on: date) -> int:
        """What a call of that day cost, in micro-dollars.

        :raises PaintingUnavailable: a price is unknown
        """
        prices = next((prices for prices in reversed(self.prices) if prices.since <= on), None)
        micros = prices.micros(usage) if prices else None
        if micros is None:
            raise PaintingUnavailable(f"no known price of {self.id} on {on}")
        return micros

    def cost(self, request: PictureRequest, on: date) -> Cost:
        """What is to be set aside for a request.

        :raises PaintingUnavailable: a price is unknown
        """
        expected = self.micros(self.most_tokens(request), on)
        return Cost(expected, expected * MAX_ATTEMPTS)

    def translate(
        self,
        request: PictureRequest,
        prompt: str,
        *,
        safety_identifier: str,
        client_request_id: str,
        references: tuple[bytes, ...] = (),
    ) -> PaintRequest:
        """The request in the words of this model.

        :param prompt: with what the style adds
        """
        extra = dict(self.extra)
        if request.negative_prompt:
            if self.negative_prompt:
                extra["negative_prompt"] = request.negative_prompt
            else:
                prompt = f"{prompt}{_NEGATIVE}{request.negative_prompt}"
        if request.seed is not None and self.seed:
            extra["seed"] = request.seed
        return PaintRequest(
            model=self.id,
            prompt=prompt,
            size=request.size,
            quality=self.qualities[request.quality],
            background=request.background,
            output_format=request.output_format,
            n=request.n,
            partial_images=self.partial_images(request),
            safety_identifier=safety_identifier,
            client_request_id=client_request_id,
            extra=extra,
            references=references,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the model that will go wrong, or does already. `failing`: a person has to act."""

    failing: bool
    text: str


@dataclass(frozen=True, slots=True)
class Registry:
    """All models that are known, by their id."""

    models: Mapping[str, ImageModel]

    def at(self, model_id: str, today: date) -> ImageModel:
        """The model that requests for `model_id` go to: itself, or once it is gone its successor, and so on.

        :raises PaintingUnavailable: it is not known, or nothing follows it
        """
        seen: list[str] = []
        while model_id not in seen:
            seen.append(model_id)
            model = self.models.get(model_id)
            if model is None:
                raise PaintingUnavailable(f"no model is called {model_id} ({' → '.join(seen)})")
            if model.shutdown is None or today < model.shutdown:
                return model
            if model.successor is None:
                raise PaintingUnavailable(f"{model_id} ended on {model.shutdown} and has no successor")
            model_id = model.successor
        raise PaintingUnavailable(f"the successors go round: {' → '.join([*seen, model_id])}")

    def examine(self, model_id: str, today: date, announced: Mapping[str, date | None] | None = None) -> list[Finding]:
        """What there is to say about the configured model.

        :param announced: shutdown dates that the painter told of its models lately, by id; none: it was not asked
        """
        findings = []
        try:
            model = self.at(model_id, today)
        except PaintingUnavailable as error:
            return [Finding(failing=True, text=error.reason)]
        if model.id != model_id:
            findings.append(Finding(failing=True, text=f"{model_id} is gone: requests go to {model.id}"))
        prices = next((prices for prices in reversed(model.prices) if prices.since <= today), None)
        if prices is None or prices.unknown:
            findings.append(Finding(failing=True, text=f"{model.id} has a price that is unknown: nothing is painted"))
        findings += self._about_the_end(model, today, announced)
        return findings or [Finding(failing=False, text=f"{model.id}: prices known, no end in sight")]

    def _about_the_end(
        self, model: ImageModel, today: date, announced: Mapping[str, date | None] | None
    ) -> list[Finding]:
        findings = []
        ends = model.shutdown
        if announced is not None:
            if model.id not in announced:
                findings.append(Finding(failing=True, text=f"the painter does not list {model.id}"))
            elif (told := announced[model.id]) is not None and told != ends:
                findings.append(
                    Finding(failing=True, text=f"the painter ends {model.id} on {told}, the registry says {ends}")
                )
                ends = told if ends is None else min(ends, told)
        if ends is not None and today >= ends - timedelta(days=WARN_DAYS):
            text = f"{model.id} ends on {ends}, in {(ends - today).days} days; its successor is {model.successor}"
            findings.append(Finding(failing=True, text=text))
        return findings
