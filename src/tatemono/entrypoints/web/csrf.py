"""Forms that another site sends in an operator's name are refused."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from tatemono.domain.operators.sessions import CrossSiteForm, SessionToken
from tatemono.entrypoints.web.sessions import dependencies_of

_FORM: Final = "application/x-www-form-urlencoded"


async def check_form(request: Request, token: SessionToken) -> None:
    """:raises CrossSiteForm: another site has sent it, or it is of another session"""
    headers = request.headers
    own_origin = dependencies_of(request).settings.public_url
    if headers.get("origin", own_origin) != own_origin or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise CrossSiteForm
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise CrossSiteForm
    try:
        form = dict(parse_qsl((await request.body()).decode("latin-1"), max_num_fields=20))
    except ValueError:
        raise CrossSiteForm from None
    token.check_form(form.get("form_token", ""))
