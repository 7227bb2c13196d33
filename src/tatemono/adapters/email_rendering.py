"""Mails in words: one template for each kind and language, from which both the HTML and the plain text come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jinja2

from tatemono.adapters.unsubscribe_links import UnsubscribeLinks
from tatemono.domain.mail.message import OPTIONAL_FACTS, Mail
from tatemono.domain.mail.sending import SendFailure, SendingFailed
from tatemono.usecases.mail.ports import RenderedEmail

_TEMPLATES = Path(__file__).parent / "email_templates"
#: In quotes of one kind only: they stand in attributes.
_FONTS = {
    "ja": "-apple-system,'Hiragino Sans','Noto Sans JP','Noto Sans CJK JP','Yu Gothic',Meiryo,sans-serif",
    "en": "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans',sans-serif",
}
# Readers of Japanese are told the time of Japan; other readers have to know their own distance from UTC.
_JAPAN = timezone(timedelta(hours=9))
_UNITS = ((2**30, "GB"), (2**20, "MB"), (2**10, "KB"))
# No name of a month depends on where the process runs.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


class JinjaEmailRenderer:
    """Writes mails. :param links: for the kinds that may be unsubscribed from"""

    def __init__(self, links: UnsubscribeLinks) -> None:
        self._links = links
        self._html = _environment("html")
        self._text = _environment("txt")

    def write(self, mail: Mail) -> RenderedEmail:
        """:raises SendingFailed: `CANNOT_BE_WRITTEN`: the template is missing or wrong"""
        unsubscribe_url = self._links.link(mail.to, mail.kind) if mail.kind.optional else ""
        known: dict[str, Any] = dict.fromkeys(OPTIONAL_FACTS.get(mail.kind, {}), "")
        known |= dict(mail.facts) | {
            "language": mail.language,
            "fonts": _FONTS[mail.language],
            "unsubscribe_url": unsubscribe_url,
        }
        name = f"{mail.kind}.{mail.language}.j2"
        try:
            subject = _subject(self._text.get_template(name), known)
            known |= {"subject": subject, "heading": subject}
            text = self._text.get_template(name).render(known, layout="layout.txt.j2")
            html = self._html.get_template(name).render(known, layout="layout.html.j2")
        except jinja2.TemplateError as error:
            raise SendingFailed(SendFailure.CANNOT_BE_WRITTEN, f"{name}: {error}") from error
        return RenderedEmail(subject, text.strip() + "\n", html, _headers(unsubscribe_url))


def _environment(medium: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=medium == "html",  # noqa: S701 - plain text has no markup to escape
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"moment": _moment, "day": _day, "number": _number, "size": _size, "parts": _parts}
    environment.globals["words"] = environment.get_template(f"words.{medium}.j2").module
    return environment


def _subject(template: jinja2.Template, known: dict[str, Any]) -> str:
    """In one line: a line break would end the header."""
    written: Callable[..., Any] = template.blocks["subject"]
    return " ".join("".join(written(template.new_context(known))).split())


def _headers(unsubscribe_url: str) -> dict[str, str]:
    if not unsubscribe_url:
        # RFC 3834: no absence note shall answer it.
        return {"Auto-Submitted": "auto-generated"}
    # RFC 2369 and RFC 8058: the reader's own button sends a POST to the link, without a question.
    return {
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Precedence": "bulk",
    }


@jinja2.pass_context
def _moment(context: jinja2.runtime.Context, iso: str) -> str:
    """A moment, to the minute, with the zone it is in."""
    moment = datetime.fromisoformat(iso)
    if context["language"] == "ja":
        moment = moment.astimezone(_JAPAN)
        return f"{_day_in_japan(moment)} {moment:%H:%M}（日本時間）"
    moment = moment.astimezone(UTC)
    return f"{_day_in_utc(moment)}, {moment:%H:%M} UTC"


@jinja2.pass_context
def _day(context: jinja2.runtime.Context, iso: str) -> str:
    moment = datetime.fromisoformat(iso)
    japanese = context["language"] == "ja"
    return _day_in_japan(moment.astimezone(_JAPAN)) if japanese else _day_in_utc(moment.astimezone(UTC))


def _day_in_japan(moment: datetime) -> str:
    return f"{moment.year}年{moment.month}月{moment.day}日"


def _day_in_utc(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _number(value: int) -> str:
    return f"{value:,}"


def _size(count: int) -> str:
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}".replace(".0 ", " ")
    return f"{count:,} B"


def _parts(text: str) -> list[str]:
    """What stands between blank lines."""
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
