"""How a page is made: a template, texts in the browser's language, and headers that keep it from all other readers."""

from collections.abc import Mapping
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tatemono.entrypoints.http.languages import LANGUAGES
from tatemono.entrypoints.http.problems import Problem
from tatemono.entrypoints.web.cookies import LANGUAGE_COOKIE, language_of, set_cookie
from tatemono.entrypoints.web.operation_texts import operation_texts
from tatemono.entrypoints.web.template_filters import browser_name, utc_minute
from tatemono.entrypoints.web.texts import TEXTS

_YEAR_SECONDS = 31_536_000
_TEXTS = {language: texts | operation_texts(language) for language, texts in TEXTS.items()}


class Pages:
    def __init__(self, sign_in_origin: str) -> None:
        """:param sign_in_origin: of the pool's pages, which the form that signs out leads to"""
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("tatemono.entrypoints.web"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=True,
        )
        self._environment.filters |= {"utc_minute": utc_minute, "browser_name": browser_name}
        self._headers = {
            "cache-control": "no-store",
            # Nothing from other origins, nothing inline, no script at all.
            "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action 'self' {sign_in_origin}",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        headers = dict(request.scope["headers"])
        return self._rendered(language_of(headers), template, status, path=request.url.path, **values)

    def refusal(self, problem: Problem, headers: Mapping[bytes, bytes], request_id: str) -> Response:
        """What `HttpEdge` shows in place of problem details."""
        response = self._rendered(
            language_of(headers), "refusal.html.j2", problem.status, path="/", problem=problem, request_id=request_id
        )
        if "retry-after" in problem.headers:
            response.headers["retry-after"] = problem.headers["retry-after"]
        return response

    def switched_language(self, request: Request) -> Response | None:
        """A redirect to the same page in the language that its address asks for, which a cookie then remembers."""
        language = request.query_params.get("language", "")
        if language not in LANGUAGES:
            return None
        response = self.redirect(request.url.path)
        set_cookie(response, LANGUAGE_COOKIE, language, _YEAR_SECONDS)
        return response

    @staticmethod
    def redirect(address: str) -> Response:
        return RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "same-origin"})

    def _rendered(self, language: str, template: str, status: int, **values: Any) -> Response:
        other = next(known for known in LANGUAGES if known != language)
        text = self._environment.get_template(template).render(
            t=_TEXTS[language], language=language, other=other, other_name=_TEXTS[other]["language"], **values
        )
        headers = self._headers | {"content-language": language, "vary": "Accept-Language, Cookie"}
        return Response(text, status, headers, "text/html")
