"""What can be known of a painter before anything is asked of it in earnest, and what only a picture shows.

That a model is listed does not mean that a call works: the API checks what is asked for first, and whether the
organization is verified only afterwards. So without paying there is no way to know that.
"""

import time
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any, Literal

import httpx2

from tatemono.adapters.openai.answers import address_of, entries_of, json_of, picture_of, usage_of
from tatemono.adapters.openai.error_answers import ErrorAnswer
from tatemono.domain.generations.generation import PictureRequest, Quality
from tatemono.domain.generations.image_models import ImageModel, PaintingUnavailable, Registry
from tatemono.domain.generations.painting import Failure
from tatemono_tools.invocation import typed
from tatemono_tools.laptop.painter.painter import OPENAI, Painter, PainterRefused

_TIMEOUT_SECONDS = 20
_TRIAL_SECONDS = 300
_MOST_NAMES = 12
_NO_SUCH_ROUTE = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
#: Of a server without moderation. One that is busy may have it.
_NO_MODERATION = {*_NO_SUCH_ROUTE, HTTPStatus.OK, HTTPStatus.INTERNAL_SERVER_ERROR}
#: A size that no model has: https://platform.openai.com/docs/api-reference/images/create
_IMPOSSIBLE_SIZE = "1x1"
_TRIAL = PictureRequest(prompt="A small blue circle on white paper", quality=Quality.LOW)

_NO_CREDIT = {
    *("insufficient_quota", "credit_balance_exhausted", "billing_not_active", "billing_hard_limit_reached"),
    *("project_spend_limit_exceeded", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded"),
}

_NO_MODEL = {"model_not_found", "deploymentnotfound"}
_WANTS_VERIFICATION = "must be verified"

Mark = Literal["good", "notice", "unknown"]


@dataclass
class Findings:
    """What was found, for the person.

    :ivar judges: whether the painter's moderation answers
    """

    lines: list[tuple[Mark, str]] = field(default_factory=list)
    judges: bool = True

    def add(self, mark: Mark, text: str) -> None:
        self.lines.append((mark, text))


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """
    :ivar key: goes into one header, and into no message
    :ivar moderation_model: of the plan
    """

    painter: Painter
    key: str = field(repr=False)
    registry: Registry
    moderation_model: str
    today: date

    async def run(self, *, trial: bool) -> Findings:
        """
        :param trial: whether a picture is painted, and paid for
        :raises PainterRefused: it will not paint for this key
        """
        findings = Findings()
        headers = {"authorization": f"Bearer {self.key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=_TIMEOUT_SECONDS, follow_redirects=False) as client:
            await self._look_for_the_model(client, findings)
            if self.painter.place == OPENAI:
                await self._try_the_right_to_ask(client, findings)
            await self._try_moderation(client, findings)
            self._say_the_price(findings)
            if trial:
                await self._paint(client, findings)
            else:
                most = _dollars(self._price(_TRIAL))
                findings.add(
                    "unknown",
                    "not checked: whether the organization is verified and has credit. Only a picture shows that; "
                    f"--painter-trial paints one first, for at most {most}"
                    if self.painter.place == OPENAI
                    else "not checked: whether it paints. Only a picture shows that; --painter-trial paints one first",
                )
        return findings

    async def run_again(self) -> None:
        """For a painter that was chosen before.

        :raises PainterRefused: as `run`; or it judges no more, which it did when it was chosen
        """
        findings = await self.run(trial=False)
        if self.painter.judges and not findings.judges:
            raise PainterRefused(
                f"{self.painter.url} had a moderation and has none now: `{typed()} up --painter {self.painter.place}` "
                "goes on without"
            )

    @property
    def _model(self) -> ImageModel:
        return self.registry.at(self.painter.model, self.today)

    def _price(self, request: PictureRequest) -> int:
        return self._model.cost(request, self.today).expected

    async def _look_for_the_model(self, client: httpx2.AsyncClient, findings: Findings) -> None:
        answer = await self._asked(client, "GET", "models")
        if answer.status_code in _NO_SUCH_ROUTE and self.painter.place != OPENAI:
            findings.add("unknown", "it does not list its models: whether it has this one is not known")
            return
        if answer.status_code != HTTPStatus.OK:
            raise self._refusal(answer, "asked for its models")
        name, announced = self.painter.model_name, _announced(answer)
        findings.add("good", "it takes the key" if not self.painter.keyless else "it answers without a key")
        if name not in announced:
            others = ", ".join(sorted(announced)[:_MOST_NAMES]) or "none"
            raise PainterRefused(
                f"{self.painter.url} does not list {name} for this key; it lists: {others}. "
                f"Choose one: `{typed()} up --painter {self.painter.place} --painter-model NAME`"
            )
        ends = announced[name]
        findings.add("good" if ends is None else "notice", f"{name} is listed{f', and ends on {ends}' if ends else ''}")

    async def _try_the_right_to_ask(self, client: httpx2.AsyncClient, findings: Findings) -> None:
        """A restricted key may list models and yet not ask for pictures."""
        body = {"model": self.painter.model_name, "prompt": _TRIAL.prompt, "size": _IMPOSSIBLE_SIZE}
        answer = await self._asked(client, "POST", "images/generations", body)
        read = ErrorAnswer.of(answer)
        if answer.status_code == HTTPStatus.OK:
            findings.add(
                "notice", f"it painted a picture of {_IMPOSSIBLE_SIZE}, which it should not have: see your bill"
            )
        elif read.failure is Failure.ACCOUNT_REFUSED:
            raise self._refusal(answer, "asked for a picture")
        elif read.failure is Failure.BAD_REQUEST:
            findings.add("good", "the key may ask for pictures (one of an impossible size was refused for its size)")
        else:
            findings.add("unknown", f"whether the key may ask for pictures is not known ({_named(read)})")

    async def _try_moderation(self, client: httpx2.AsyncClient, findings: Findings) -> None:
        body = {"model": self.moderation_model, "input": [{"type": "text", "text": _TRIAL.prompt}]}
        answer = await self._asked(client, "POST", "moderations", body)
        if answer.status_code == HTTPStatus.OK and _judges(answer):
            who = "OpenAI" if self.painter.place == OPENAI else "the same server"
            findings.add("good", f"{who} judges prompts and pictures ({self.moderation_model})")
            return
        none = answer.status_code in _NO_MODERATION or ErrorAnswer.of(answer).failure is Failure.BAD_REQUEST
        if self.painter.place == OPENAI or not none:
            raise self._refusal(answer, "asked to judge a prompt (moderation)")
        findings.judges = False
        findings.add(
            "notice",
            "it has no moderation: prompts and pictures are held against the blocked words and pictures only. "
            "Let no strangers ask for pictures",
        )

    def _say_the_price(self, findings: Findings) -> None:
        requests = [
            (quality, PictureRequest(prompt=_TRIAL.prompt, quality=quality)) for quality in self._model.qualities
        ]
        most = ", ".join(f"{quality} {_dollars(self._price(request))}" for quality, request in requests)
        if self.painter.place == OPENAI:
            findings.add("good", f"a picture of 1024x1024 costs at most: {most}")
        else:
            findings.add(
                "notice",
                f"what it charges is not known here. The day's budget counts as OpenAI would for {self._model.id}, "
                f"for 1024x1024 at most: {most}",
            )
        findings.add(
            "notice",
            f"at most {self.painter.budget_dollars} USD are spent in a day, by all together (--painter-budget). "
            "A request sets aside what three attempts would cost",
        )

    async def _paint(self, client: httpx2.AsyncClient, findings: Findings) -> None:
        began = time.monotonic()
        body = {
            "model": self.painter.model_name,
            "prompt": _TRIAL.prompt,
            "size": "1024x1024",
            "quality": "low",
            "n": 1,
        }
        answer = await self._asked(client, "POST", "images/generations", body, within_seconds=_TRIAL_SECONDS)
        if answer.status_code != HTTPStatus.OK:
            raise self._refusal(answer, "asked for a picture")
        content = json_of(answer)
        if not any(picture_of(entry) or address_of(entry) for entry in entries_of(content)):
            raise PainterRefused(f"{self.painter.url} answers, and without a picture. It may be on your bill")
        took = time.monotonic() - began
        micros = self._model.micros(usage_of(content.get("usage")), self.today) or self._price(_TRIAL)
        findings.add("good", f"a picture came after {took:.0f} s, for about {_dollars(micros)}: it works")

    async def _asked(
        self,
        client: httpx2.AsyncClient,
        method: str,
        path: str,
        body: Any = None,
        *,
        within_seconds: float = _TIMEOUT_SECONDS,
    ) -> httpx2.Response:
        """:raises PainterRefused: nothing answers"""
        try:
            return await client.request(method, f"{self.painter.url}/{path}", json=body, timeout=within_seconds)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise PainterRefused(
                f"{self.painter.url} does not answer ({type(error).__name__}). "
                f"`{typed()} up --painter studio` paints without a network"
            ) from None

    def _refusal(self, answer: httpx2.Response, asked: str) -> PainterRefused:
        """Never quotes the answer: it may hold a part of the key."""
        read = ErrorAnswer.of(answer)
        return PainterRefused(f"{self.painter.url}, {asked}, {_meaning(read, self.painter)} ({_named(read)})")


def price_is_known(registry: Registry, model: str, today: date) -> str | None:
    """What keeps a model from being asked, by what the registry says of it; None if nothing does."""
    try:
        registry.at(model, today).cost(_TRIAL, today)
    except PaintingUnavailable as error:
        return error.reason
    return None


def _meaning(read: ErrorAnswer, painter: Painter) -> str:
    again = f"`{typed()} up --painter {painter.place} --painter-key` asks for another"
    if _WANTS_VERIFICATION in read.message.lower():
        return "wants the organization verified first: https://platform.openai.com/settings/organization/general"
    if read.code in _NO_CREDIT or read.status == HTTPStatus.PAYMENT_REQUIRED:
        return "says that the account has no credit, or is at its limit: see its billing page"
    if read.code in _NO_MODEL:
        return f"says that there is no {painter.model_name}, or that this key may not use it: --painter-model NAME"
    if read.failure is Failure.ACCOUNT_REFUSED:
        refused = {401: "does not take the key", 404: "does not know that address"}
        if painter.keyless and read.status == HTTPStatus.UNAUTHORIZED:
            return f"wants a key: put it into TATEMONO_PAINTER_KEY, or {again.replace('another', 'it')}"
        return f"{refused.get(read.status or 0, 'does not let this key in')}: {again}"
    return "does not answer as it should"


def _named(read: ErrorAnswer) -> str:
    named = [str(read.status or ""), *(word for word in (read.code or read.type,) if word.isidentifier())]
    return " ".join(filter(None, named))


def _announced(answer: httpx2.Response) -> dict[str, str | None]:
    """:raises PainterRefused: it is no list of models"""
    try:
        return {str(model["id"]): model.get("shutdown_date") for model in json_of(answer)["data"]}
    except (TypeError, KeyError, AttributeError):
        raise PainterRefused(f"{answer.url} answers with no list of models: is this an images API?") from None


def _judges(answer: httpx2.Response) -> bool:
    content = json_of(answer)
    try:
        return all(isinstance(result["categories"], dict) for result in content["results"]) and bool(content["results"])
    except (TypeError, KeyError):
        return False


def _dollars(micros: int) -> str:
    return f"{max(micros, 1000) / 1e6:.3f} USD"
