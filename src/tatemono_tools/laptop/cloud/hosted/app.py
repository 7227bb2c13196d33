"""The routes for browsers: authorize, sign in, sign out. No request below these prefixes reaches MiniStack."""

import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import cookie_parser

from tatemono_tools.laptop.cloud.hosted import pages, users
from tatemono_tools.laptop.cloud.hosted.lockout import Lockout
from tatemono_tools.laptop.cloud.hosted.requests import (
    AuthorizationRequest,
    RefusedRequest,
    WrongRequest,
    client_with_pages,
    single_values,
    with_query,
)
from tatemono_tools.laptop.cloud.hosted.sign_ins import (
    CODE_SECONDS,
    SIGN_IN_SECONDS,
    SIGNED_IN_SECONDS,
    Grant,
    SignedIn,
    SignIn,
    SignInStore,
    digest,
    same,
)
from tatemono_tools.laptop.cloud.hosted.steps import Refused, advance
from tatemono_tools.laptop.cloud.hosted.tokens import Answer, OAuthError, TokenEndpoint

_PREFIXES = ("/oauth2/", "/saml2/", "/login/", "/logout/")
_WHOLE = ("/oauth2", "/saml2", "/login", "/logout")
_BROWSER, _SIGNED_IN, _LANGUAGE = "sign-in-browser", "cognito", "lang"
_MAX_BODY_BYTES = 16_384
_LANGUAGES = ("en", "ja")


def is_hosted(path: str) -> bool:
    return path.startswith(_PREFIXES) or path in _WHOLE


class HostedPages:
    """:param touch: called when the users have changed"""

    def __init__(self, touch: Callable[[set[str]], None]) -> None:
        self._touch = touch
        self._lockout = Lockout()
        self._sign_ins: SignInStore[SignIn] = SignInStore(SIGN_IN_SECONDS)
        self._grants: SignInStore[Grant] = SignInStore(CODE_SECONDS)
        self._signed_in: SignInStore[SignedIn] = SignInStore(SIGNED_IN_SECONDS)
        self._tokens = TokenEndpoint(self._grants)
        self._routes: dict[tuple[str, str], Callable[[_Request], Answer]] = {
            ("GET", "/oauth2/authorize"): self._authorize,
            ("GET", "/login"): self._show,
            ("POST", "/login"): self._submit,
            ("GET", "/login/style.css"): _style,
            ("POST", "/oauth2/token"): lambda request: self._tokens.token(request.headers, request.body),
            ("POST", "/oauth2/revoke"): lambda request: self._tokens.revoke(request.headers, request.body),
            ("GET", "/logout"): self._log_out,
        }

    async def answer(self, scope: dict[str, Any], receive: Any) -> Answer:
        route = self._routes.get((scope["method"], scope["path"]))
        if route is None:
            return 404, {"Content-Type": "text/plain"}, b"There is nothing here.\n"
        request = await _Request.read(scope, receive)
        try:
            return route(request)
        except OAuthError as error:
            return error.answer
        except RefusedRequest as refused:
            return _redirect(refused.location)
        except WrongRequest as wrong:
            text = pages.notice(request.language, "lost_title", "wrong_request", reason=str(wrong))
            return 400, pages.headers(None), text
        finally:
            if scope["method"] == "POST":
                self._touch({"cognito"})

    def _authorize(self, request: "_Request") -> Answer:
        asked = AuthorizationRequest.read(request.query)
        signed_in = self._signed_in.get(request.cookies.get(_SIGNED_IN, ""))
        if signed_in and asked.prompt != "login" and _still_good(signed_in, asked):
            return _redirect(self._granted(asked, signed_in.username))
        if asked.prompt == "none":
            raise RefusedRequest("login_required", asked.redirect_uri, asked.state)
        name = self._sign_ins.keep(SignIn(asked, digest(request.browser)))
        return _redirect(f"/login?sign_in={name}", {"Set-Cookie": _cookie(_BROWSER, request.browser)})

    def _show(self, request: "_Request") -> Answer:
        given = single_values(request.query)
        language = given.get("lang", "")
        if language in _LANGUAGES:
            back = with_query("/login", {"sign_in": given.get("sign_in", "")})
            return _redirect(back, {"Set-Cookie": _cookie(_LANGUAGE, language)})
        sign_in = self._under_way(request, given.get("sign_in", ""))
        if sign_in is None:
            return 400, pages.headers(None), pages.notice(request.language, "lost_title", "lost")
        return 200, pages.headers(sign_in), pages.page(sign_in, given["sign_in"], request.language)

    def _submit(self, request: "_Request") -> Answer:
        form = single_values(request.body)
        name = form.get("sign_in", "")
        # The cookie and the form's name belong together: another site cannot send a form that is accepted, and a person
        # cannot make another one finish a sign-in that the first has begun.
        sign_in = self._under_way(request, name) if request.from_here else None
        if sign_in is None:
            return 400, pages.headers(None), pages.notice(request.language, "lost_title", "lost")
        try:
            done = advance(sign_in, form, self._lockout)
        except Refused as refused:
            text = pages.page(sign_in, name, request.language, refused.text, **refused.facts)
            return 400, pages.headers(sign_in), text
        if not done:
            return _redirect(f"/login?sign_in={name}")
        self._sign_ins.drop(name)
        known = self._signed_in.keep(SignedIn(sign_in.request.pool_id, sign_in.username, users.now()))
        location = self._granted(sign_in.request, sign_in.username)
        return _redirect(location, {"Set-Cookie": _cookie(_SIGNED_IN, known, SIGNED_IN_SECONDS)})

    def _under_way(self, request: "_Request", name: str) -> SignIn | None:
        sign_in = self._sign_ins.get(name)
        mine = sign_in is not None and same(sign_in.browser, digest(request.cookies.get(_BROWSER, "")))
        return sign_in if mine else None

    def _granted(self, asked: AuthorizationRequest, username: str) -> str:
        code = self._grants.keep(Grant(asked, username))
        return with_query(asked.redirect_uri, {"code": code, "state": asked.state})

    def _log_out(self, request: "_Request") -> Answer:
        given = single_values(request.query)
        _pool_id, client = client_with_pages(given.get("client_id", ""))
        if given.get("logout_uri") not in client.get("LogoutURLs", []):
            raise WrongRequest("redirect_mismatch")
        self._signed_in.drop(request.cookies.get(_SIGNED_IN, ""))
        return _redirect(given["logout_uri"], {"Set-Cookie": _cookie(_SIGNED_IN, "", 0)})


def _still_good(signed_in: SignedIn, asked: AuthorizationRequest) -> bool:
    """Whether the person of the cookie may still come in, and was not signed out or given another password since."""
    if signed_in.pool_id != asked.pool_id:
        return False
    user = users.find(users.pool_of(asked.pool_id), signed_in.username)
    if user is None or not users.may_sign_in(user) or users.must_choose_password(user):
        return False
    changed_at: float = max(user.get("_signout_at", 0), user.get("UserLastModifiedDate", 0))
    return changed_at <= signed_in.at


class _Request:
    def __init__(self, scope: dict[str, Any], body: str) -> None:
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.query = scope["query_string"].decode("latin-1")
        self.body = body
        # The cookies of all projects on this machine come along, and Python's own parser stops at the first odd one.
        self.cookies = cookie_parser(self.headers.get("cookie", ""))

    @classmethod
    async def read(cls, scope: dict[str, Any], receive: Any) -> "_Request":
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and len(body) <= _MAX_BODY_BYTES
        # A form that is too large loses its end, and with it its meaning.
        return cls(scope, body[:_MAX_BODY_BYTES].decode("latin-1"))

    @property
    def browser(self) -> str:
        """What this browser's cookie says, or a new value for it."""
        known = self.cookies.get(_BROWSER, "")
        if len(known) != 43:  # noqa: PLR2004 - 32 bytes in base64url
            self.cookies[_BROWSER] = known = users.random_name()
        return known

    @property
    def from_here(self) -> bool:
        """Whether the browser says that a page of ours sent the form (it may say nothing)."""
        origin = self.headers.get("origin")
        here = self.headers.get("host", "")
        return origin is None or hmac.compare_digest(urlsplit(origin).netloc.encode(), here.encode())

    @property
    def language(self) -> str:
        chosen = self.cookies.get(_LANGUAGE, "")
        if chosen in _LANGUAGES:
            return chosen
        first = self.headers.get("accept-language", "").partition(",")[0].strip().lower()
        return "ja" if first.startswith("ja") else "en"


def _style(_request: _Request) -> Answer:
    return 200, {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=300"}, pages.STYLE.read_bytes()


def _redirect(location: str, headers: dict[str, str] | None = None) -> Answer:
    return 302, {"Location": location, "Cache-Control": "no-store", **(headers or {})}, b""


def _cookie(name: str, value: str, seconds: int = SIGN_IN_SECONDS) -> str:
    """Not `Secure`: the embedded cloud speaks plain HTTP, on the loopback only."""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"
