"""The sign-in pages. Their stylesheet is that of the admin site, which they lead to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
import segno

from tatemono.entrypoints import web
from tatemono_tools.laptop.cloud.hosted import users
from tatemono_tools.laptop.cloud.hosted.sign_ins import SignIn, Step
from tatemono_tools.laptop.cloud.hosted.texts import TEXTS

STYLE = Path(web.__file__).parent / "assets" / "site.css"

_TITLES = {Step.NEW_PASSWORD: "new_password_title", Step.ENROL: "enrol_title", Step.CODE: "code_title"}
_LEADS = {Step.NEW_PASSWORD: "new_password_lead", Step.ENROL: "enrol_lead", Step.CODE: "code_lead"}
_ISSUER = "Tatemono (laptop)"

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("tatemono_tools.laptop.cloud.hosted", "."),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    autoescape=True,
)


def page(sign_in: SignIn, name: str, language: str, error: str = "", **facts: Any) -> bytes:
    """The form of the step that the sign-in is at.

    :param name: the form's, which only this browser was given
    :param error: of the texts; `facts` fill it
    """
    facts |= {"username": sign_in.username, "characters": _characters(sign_in)}
    texts = _filled(language, facts)
    return _render(
        language,
        texts,
        title=texts[_TITLES.get(sign_in.step, "title")],
        lead=texts[_LEADS[sign_in.step]] if sign_in.step in _LEADS else "",
        error=texts[error] if error else "",
        step=str(sign_in.step),
        sign_in=name,
        username=sign_in.username,
        characters=facts["characters"],
        qr=_qr(sign_in) if sign_in.step is Step.ENROL else "",
        key=" ".join(_groups_of_four(sign_in.app_secret)),
    )


def notice(language: str, title: str, text: str, **facts: str) -> bytes:
    """A page without a form."""
    texts = _filled(language, facts)
    return _render(language, texts, title=texts[title], lead=texts[text], error="", step="")


def headers(sign_in: SignIn | None) -> dict[str, str]:
    """A form may lead to the app: browsers check where its answer redirects to."""
    target = ""
    if sign_in is not None:
        parts = urlsplit(sign_in.request.redirect_uri)
        target = f" {parts.scheme}://{parts.netloc}"
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self'{target}",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _render(language: str, texts: dict[str, str], **values: Any) -> bytes:
    other = "en" if language == "ja" else "ja"
    template = _environment.get_template("page.html.j2")
    return template.render(language=language, other=other, t=texts, **values).encode()


def _filled(language: str, facts: Mapping[str, Any]) -> dict[str, str]:
    known = {"characters": "", "username": "", "seconds": "", "reason": "", **facts}
    return {key: text.format_map(known) for key, text in TEXTS[language].items()}


def _characters(sign_in: SignIn) -> int:
    return users.min_characters(users.pool_of(sign_in.request.pool_id))


def _qr(sign_in: SignIn) -> str:
    """https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    label, issuer = quote(f"{_ISSUER}:{sign_in.username}"), quote(_ISSUER)
    uri = f"otpauth://totp/{label}?secret={sign_in.app_secret}&issuer={issuer}"
    drawn: str = segno.make(uri, error="m").svg_data_uri(scale=4, border=3, light="#fff")
    return drawn


def _groups_of_four(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]
