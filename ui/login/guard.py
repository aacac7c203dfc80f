"""ASGI middleware before everything that is served: admits users, sends people to the login page, refuses the rest."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ui.login.access import Access, peer, single_header, site_path
from ui.login.attempts import PasswordChecker, Refused, WrongPassword
from ui.login.sessions import COOKIE, SECONDS, Sessions
from ui.login.users import MAX_NAME_LENGTH
from ui.pages import page_response

_MAX_FORM_LENGTH = 16 * 1024  # bytes
_MAX_USER_LENGTH = 200  # characters of a name that a proxy gives
_NO_STORE = {"cache-control": "no-store"}


class Guard:
    """Protects an application, which reads the user's name from `scope["state"]["user"]` (None without a login).

    Whoever reaches the server may ask for the paths in `public`.
    """

    def __init__(self, app: ASGIApp, access: Access, public: Collection[str] = ()) -> None:
        self._app = app
        self._access = access
        self._public = public
        self._sessions = Sessions()
        self._passwords = PasswordChecker(access.users) if access.users else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answer = self._app
        if scope["type"] != "lifespan":
            request = Request(scope, receive) if scope["type"] == "http" else HTTPConnection(scope)
            try:
                answer = await self._admit(request) or self._app
            except Refused as refused:
                answer = JSONResponse({"error": str(refused)}, refused.status, {**_NO_STORE, **refused.headers})
            if isinstance(answer, Response) and scope["type"] == "websocket":
                answer = WebSocketClose(1008, "not logged in")
        await answer(scope, receive, send)

    async def _admit(self, request: HTTPConnection) -> Response | None:
        """Return None for a request that may pass, the response to one that is about logging in; raises Refused."""
        access, root, path = self._access, request.scope.get("root_path", ""), site_path(request.scope)
        if path in self._public:
            request.scope.setdefault("state", {})["user"] = None
            return None
        if not access.serves(single_header(request, "host")):
            raise Refused(403, "This server does not go by that host name. Open it as localhost or 127.0.0.1.")
        if access.is_cross_site(request):
            raise Refused(403, "Another site's page sent this request, so it is refused.")
        user = None
        if access.header is not None:
            user = (single_header(request, access.header) or "").strip()
            if not access.trusts(peer(request)) or not 1 <= len(user) <= _MAX_USER_LENGTH or not user.isprintable():
                raise Refused(401, "The proxy before this server named no user. Log in there.")
        elif self._passwords is not None:
            user = self._sessions.user(request.cookies.get(COOKIE, ""), self._passwords.users.hashes())
            if path == "/login" and isinstance(request, Request):
                return await self._log_in(request, root, self._passwords, user)
            if path == "/logout" and isinstance(request, Request):
                return self._log_out(request, root)
            if user is None and (header := single_header(request, "authorization")):
                with suppress(WrongPassword):
                    user = await self._passwords.check_basic(header, access.client(request))
            if user is None:
                return _login_first(request, root, path)
        request.scope.setdefault("state", {})["user"] = user
        return None

    async def _log_in(self, request: Request, root: str, passwords: PasswordChecker, user: str | None) -> Response:
        if request.method in ("GET", "HEAD"):
            after = safe_path(request.query_params.get("next", ""), f"{root}/")
            return _see_other(after) if user else login_page(f"{root}/login", after)
        if request.method != "POST":
            raise Refused(405, "Log in by GET or POST.", {"allow": "GET, HEAD, POST"})
        form = await _form(request)
        name, after = form.get("name", ""), safe_path(form.get("next", ""), f"{root}/")
        try:
            await passwords.check(name, form.get("password", ""), self._access.client(request))
        except Refused as refused:
            return login_page(f"{root}/login", after, name, refused)
        cookie = self._sessions.start(name, passwords.users.hashes().get(name, ""))
        return self._with_cookie(request, _see_other(after), cookie, SECONDS)

    def _log_out(self, request: Request, root: str) -> Response:
        if request.method != "POST":
            raise Refused(405, "Log out by POST.", {"allow": "POST"})
        self._sessions.end(request.cookies.get(COOKIE, ""))
        return self._with_cookie(request, _see_other(f"{root}/login"), "", 0)

    def _with_cookie(self, request: Request, response: Response, value: str, seconds: int) -> Response:
        secure, path = self._access.is_secure(request), request.scope.get("root_path") or "/"
        response.set_cookie(COOKIE, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=secure)
        return response


def login_page(action: str, after: str, name: str = "", refused: Refused | None = None) -> Response:
    """Return the login form, which says in one line why the last attempt was refused."""
    values: dict[str, Any] = {"action": action, "after": after, "name": name[:MAX_NAME_LENGTH]}
    if refused is None:
        return page_response("login.html", message="", **values)
    return page_response("login.html", refused.status, refused.headers, message=str(refused), **values)


def safe_path(after: str, otherwise: str) -> str:
    """Return a path of this server to go to after logging in; `otherwise` for what might lead to another site."""
    inside = re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", after)
    return after if inside and len(after) <= 4000 else otherwise


def _login_first(request: HTTPConnection, root: str, path: str) -> Response:
    """Send a person's browser to the login page; raises Refused for everything else."""
    accepts_page = "text/html" in request.headers.get("accept", "")
    if accepts_page and request.scope["type"] == "http" and request.scope["method"] in ("GET", "HEAD"):
        query = request.scope.get("query_string", b"").decode("latin-1")
        after = f"{root}{path}?{query}" if query else f"{root}{path}"
        return _see_other(f"{root}/login?next={quote(after, safe='/')}")
    # A browser would answer a challenge with a dialog of its own.
    browser = accepts_page or "sec-fetch-mode" in request.headers
    challenge = {} if browser else {"www-authenticate": 'Basic realm="Citedesk", charset="UTF-8"'}
    raise Refused(401, f"Log in first: at {root}/login, or by HTTP Basic.", challenge)


def _see_other(path: str) -> Response:
    return RedirectResponse(path, 303, _NO_STORE)


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM_LENGTH:
            raise Refused(413, "That is too much for a name and a password.")
    fields = parse_qs(body.decode("latin-1"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}
