"""Stands before everything that a server serves: lets in who may, sends people to the login page, refuses the rest.

It also refuses what another site's page makes a browser send (cross-site requests), and, where no login is asked for,
host names that are not the server's own (DNS rebinding).
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.login.access import Access
from ui.login.asked import Asked
from ui.login.gate import Gate, Verdict
from ui.login.page import WRONG, login_page, safe_path, wait_said
from ui.login.sessions import Sessions
from ui.plain_page import HEADERS

_LONGEST_FORM = 16 * 1024  # bytes
_LONGEST_USER = 200  # characters of a name that a proxy gives
_LOGIN, _LOGOUT = "/login", "/logout"


class Guard:
    """ASGI middleware over a whole application; tells it the user as `scope["state"]["user"]`."""

    def __init__(
        self, app: ASGIApp, access: Access, sessions: Sessions | None = None, gate: Gate | None = None
    ) -> None:
        self._app = app
        self._access = access
        self._sessions = sessions or Sessions()
        self._gate = gate or (Gate(access.users) if access.users else None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = Asked(scope, self._access)
        passed = await self._pass(asked, Request(scope, receive) if scope["type"] == "http" else None)
        if isinstance(passed, Response):
            await _refuse(passed, scope, receive, send)
            return
        scope.setdefault("state", {})["user"] = passed
        await self._app(scope, receive, send)

    async def _pass(self, asked: Asked, request: Request | None) -> Response | str | None:
        """Give the user that a request comes from, None where nobody needs to be one, or what it is answered with."""
        if not self._access.serves(asked.host):
            return _error(403, "This server does not go by that host name. Open it as localhost or 127.0.0.1.")
        if asked.foreign:
            return _error(403, "Another site's page asked for this, so it is refused.")
        if self._access.header is not None:
            return self._by_proxy(asked, self._access.header)
        if self._gate is None:
            return None
        return await self._by_login(asked, request, self._gate)

    def _by_proxy(self, asked: Asked, header: str) -> Response | str:
        name = (asked.header(header) or "").strip()
        if not asked.by_proxy or not 1 <= len(name) <= _LONGEST_USER or not name.isprintable():
            return _error(401, "The proxy before this server named no user. Log in there.")
        return name

    async def _by_login(self, asked: Asked, request: Request | None, gate: Gate) -> Response | str:
        user = self._sessions.user(asked.cookie or "", gate.users.known())
        if request is not None and asked.path == _LOGIN:
            return await self._login(asked, request, gate, user)
        if request is not None and asked.path == _LOGOUT:
            return self._logout(asked, gate)
        if user is not None:
            return user
        authorization = asked.header("authorization")
        verdict = await gate.check_header(authorization, asked.address) if authorization else Verdict()
        return verdict.user or _unknown(asked, verdict)

    async def _login(self, asked: Asked, request: Request, gate: Gate, user: str | None) -> Response:
        if asked.method in ("GET", "HEAD"):
            after = safe_path(request.query_params.get("next", ""), f"{asked.root}/")
            return _see_other(after) if user else _page(asked, after)
        if asked.method != "POST":
            return _error(405, "Log in by GET or POST.", allow="GET, HEAD, POST")
        form = await _form(request)
        if form is None:
            return _error(413, "That is too much for a name and a password.")
        name, after = form.get("name", ""), safe_path(form.get("next", ""), f"{asked.root}/")
        verdict = await gate.check(name, form.get("password", ""), asked.address)
        kept = gate.users.known().get(name)
        if verdict.user is None or kept is None:
            return _page(asked, after, name[:64], verdict)
        response = _see_other(after)
        response.headers["set-cookie"] = self._sessions.cookie(self._sessions.start(name, kept), asked.secure)
        return response

    def _logout(self, asked: Asked, gate: Gate) -> Response:
        if asked.method != "POST":
            return _error(405, "Log out by POST.", allow="POST")
        self._sessions.end(asked.cookie or "", gate.users.known())
        response = _see_other(f"{asked.root}{_LOGIN}")
        response.headers["set-cookie"] = self._sessions.cookie("", asked.secure)
        return response


async def _refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "not logged in"})
        return
    await response(scope, receive, send)


def _unknown(asked: Asked, verdict: Verdict) -> Response:
    if verdict.wait:
        return _error(429, wait_said(verdict.wait), **{"retry-after": _seconds(verdict)})
    if asked.wants_page:
        after = f"{asked.path}?{asked.query}" if asked.query else asked.path
        return _see_other(f"{asked.root}{_LOGIN}?next={quote(asked.root + after, safe='/')}")
    challenge = {} if asked.by_browser else {"www-authenticate": 'Basic realm="Citedesk", charset="UTF-8"'}
    return _error(401, f"Log in first: at {asked.root}{_LOGIN}, or by HTTP Basic.", **challenge)


def _page(asked: Asked, after: str, name: str = "", verdict: Verdict | None = None) -> Response:
    """Show the login page; with the verdict on an attempt that failed it says what was wrong."""
    status, said, headers = 200, "", dict(HEADERS)
    if verdict is not None and verdict.wait:
        status, said = 429, wait_said(verdict.wait)
        headers["retry-after"] = _seconds(verdict)
    elif verdict is not None:
        status, said = 401, WRONG
    return HTMLResponse(login_page(f"{asked.root}{_LOGIN}", after, name, said), status, headers)


def _see_other(path: str) -> Response:
    return RedirectResponse(path, 303, {"cache-control": "no-store"})


def _error(status: int, said: str, **headers: str) -> Response:
    return JSONResponse({"error": said}, status, {"cache-control": "no-store", **headers})


def _seconds(verdict: Verdict) -> str:
    return str(max(1, round(verdict.wait)))


async def _form(request: Request) -> dict[str, str] | None:
    """Read a form's fields; None where it is longer than any login."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            return None
    fields = parse_qs(body.decode("latin-1"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}
