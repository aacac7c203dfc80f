from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.serving import served
from tests.timing import PATIENCE
from ui.login.access import Access, choose_access
from ui.login.attempts import Refused
from ui.login.guard import Guard, login_page, safe_path
from ui.login.users import Users, add_user

QUICK = 4  # rounds of bcrypt
PAGE = {"accept": "text/html,*/*", "sec-fetch-mode": "navigate"}


async def tell(request: Request) -> Response:
    return JSONResponse({"user": request.state.user, "path": request.url.path})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def guarded(access: Access) -> Guard:
    routes = [WebSocketRoute("/ws", echo), Route("/{path:path}", tell, methods=["GET", "POST", "PUT", "DELETE"])]
    return Guard(Starlette(routes=routes), access)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    add_user(path, "ada", "open sesame", QUICK)
    add_user(path, "zoë", "ключ:🔑", QUICK)
    return path


@pytest.fixture
def site(users: Path) -> Iterator[httpx.Client]:
    with served(guarded(Access(users=Users(users)))) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture
def open_site() -> Iterator[httpx.Client]:
    with served(guarded(choose_access("127.0.0.1"))) as url, httpx.Client(base_url=url) as client:
        yield client


def log_in(client: httpx.Client, name: str = "ada", password: str = "open sesame", after: str = "/") -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password, "next": after})


PATHS = (
    *("/", "/static/exchange.css", "/gradio_api/queue/join", "/api/search", "/mcp", "/login/", "//login", "/LOGIN"),
    *("/login/../api/status", "/%6Cogin/x", "/login%2F..%2Fapi", "/loginx", "/favicon.ico"),
)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "OPTIONS"])
def test_no_path_is_open_but_the_login_page(site: httpx.Client, method: str) -> None:
    for path in PATHS:
        answer = site.request(method, f"{str(site.base_url).rstrip('/')}{path}")
        assert answer.status_code == 401, path
        assert method == "HEAD" or answer.json() == {"error": "Log in first: at /login, or by HTTP Basic."}
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_browser_is_sent_to_the_login_page_and_comes_back(site: httpx.Client) -> None:
    sent = site.get("/papers/2401.00001?q=a%20b&since=2023", headers=PAGE)
    assert sent.status_code == 303
    assert sent.headers["location"] == "/login?next=/papers/2401.00001%3Fq%3Da%2520b%26since%3D2023"
    page = site.get(sent.headers["location"], headers=PAGE)
    assert page.status_code == 200
    after = re.search(r'name="next" value="([^"]*)"', page.text)
    assert after
    back = log_in(site, after=after[1].replace("&amp;", "&"))
    assert back.status_code == 303
    assert back.headers["location"] == "/papers/2401.00001?q=a%20b&since=2023"
    assert site.get("/x", headers=PAGE).json() == {"user": "ada", "path": "/x"}


def test_the_cookie_is_not_for_scripts(site: httpx.Client) -> None:
    cookie = log_in(site).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie


def test_behind_a_proxy_with_tls_the_cookie_is_secure(site: httpx.Client) -> None:
    headers = {"x-forwarded-proto": "https", "x-forwarded-host": "papers.example", "origin": "https://papers.example"}
    answer = site.post("/login", data={"name": "ada", "password": "open sesame"}, headers=headers)
    assert answer.headers["set-cookie"].endswith("; Secure")


def test_who_logs_out_is_out_even_with_the_old_cookie(site: httpx.Client) -> None:
    log_in(site)
    old = {"cookie": f"citedesk_session={site.cookies['citedesk_session']}"}
    assert site.get("/").status_code == 200
    assert site.get("/logout").status_code == 405
    out = site.post("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert not site.cookies
    assert site.get("/", headers=old).status_code == 401


def test_a_wrong_password_says_one_calm_line(site: httpx.Client) -> None:
    for name in ("ada", "nobody", "<script>alert(1)</script>"):
        answer = log_in(site, name, "wrong")
        assert answer.status_code == 401
        assert "Wrong name or password." in answer.text
        assert "<script" not in answer.text
        assert "wrong" not in answer.text
        assert "set-cookie" not in answer.headers


def test_who_is_logged_in_needs_no_login_page(site: httpx.Client) -> None:
    log_in(site)
    assert site.get("/login?next=/api/docs").headers["location"] == "/api/docs"


ELSEWHERE = (
    *("//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "\\\\evil.example"),
    *("/\t/evil.example", "/x\r\nset-cookie: a=b", "/é", "///evil.example", "/" + "x" * 5000, " /x"),
)


def test_nobody_is_led_elsewhere_after_logging_in(site: httpx.Client) -> None:
    for after in ELSEWHERE:
        assert log_in(site, after=after).headers["location"] == "/", after


def test_a_program_logs_in_by_basic(site: httpx.Client) -> None:
    assert site.get("/x", auth=("ada", "open sesame")).json()["user"] == "ada"
    assert site.get("/x", auth=httpx.BasicAuth("zoë", "ключ:🔑")).json()["user"] == "zoë"
    assert site.get("/x", auth=("ada", "wrong")).status_code == 401
    assert site.get("/x", auth=("ada", "open sesame")).json()["user"] == "ada"


def test_a_broken_authorization_is_refused(site: httpx.Client) -> None:
    for value in ("Basic", "Basic !!!", "Basic YWRh", "Bearer YWRhOm9wZW4gc2VzYW1l", "Basic //79"):
        headers = {"authorization": value, "x-forwarded-for": f"192.0.2.{len(value)}"}
        assert httpx.get(site.base_url, headers=headers).status_code == 401, value


def test_another_password_ends_what_the_old_one_opened(site: httpx.Client, users: Path) -> None:
    log_in(site)
    basic = httpx.BasicAuth("ada", "open sesame")
    assert httpx.get(site.base_url, auth=basic).status_code == 200
    add_user(users, "ada", "another", QUICK)
    assert site.get("/").status_code == 401
    assert httpx.get(site.base_url, auth=basic).status_code == 401


def test_guessing_is_slowed_and_the_right_password_waits_too(site: httpx.Client) -> None:
    codes = [log_in(site, "ada", f"guess {number}").status_code for number in range(8)]
    assert codes == [401] * 5 + [429] * 3
    slowed = log_in(site)
    assert slowed.status_code == 429
    assert slowed.headers["retry-after"] == "1"
    assert "Too many attempts. Try again in 1 second." in slowed.text
    assert site.get("/", auth=("ada", "open sesame")).status_code == 429
    assert site.get("/", auth=httpx.BasicAuth("zoë", "ключ:🔑")).status_code == 200


def test_a_session_is_not_slowed_by_what_others_guess(site: httpx.Client) -> None:
    log_in(site)
    for number in range(7):
        httpx.post(f"{site.base_url}/login", data={"name": "ada", "password": f"guess {number}"})
    assert site.get("/").status_code == 200


def test_a_form_that_is_too_long_is_refused(site: httpx.Client) -> None:
    assert site.post("/login", content=b"name=" + b"x" * 20000).status_code == 413
    assert site.post("/login", content=b"\xff\x00=&&&name").status_code == 401
    assert site.put("/login").status_code == 405


def websocket_status(url: str, **headers: str) -> int:
    """Open a websocket by hand and return the status that comes back: 101 where it opens."""
    parts = urlsplit(url)
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: {headers.pop('host', parts.netloc)}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(1000).split()[1])


def test_a_websocket_opens_only_for_who_is_logged_in(site: httpx.Client) -> None:
    url = str(site.base_url)
    assert websocket_status(url) == 403
    log_in(site)
    cookie = f"citedesk_session={site.cookies['citedesk_session']}"
    assert websocket_status(url, cookie=cookie) == 101
    assert websocket_status(url, cookie=cookie, origin="http://evil.example") == 403


def test_without_a_login_a_websocket_opens_for_our_own_page_only(open_site: httpx.Client) -> None:
    url = str(open_site.base_url).rstrip("/")
    assert websocket_status(url, origin=url) == 101
    assert websocket_status(url, origin="http://evil.example") == 403
    assert websocket_status(url, host="evil.example") == 403


def test_another_sites_page_changes_nothing(open_site: httpx.Client) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "", "http://[", "file://"):
        answer = open_site.post("/api/ask", headers={"origin": origin})
        assert answer.status_code == 403, origin
        assert answer.json() == {"error": "Another site's page sent this request, so it is refused."}


def test_our_own_page_and_programs_may_change_things(open_site: httpx.Client) -> None:
    own = str(open_site.base_url).rstrip("/")
    assert open_site.post("/api/ask", headers={"origin": own}).status_code == 200
    assert open_site.post("/api/ask").json()["user"] is None
    assert open_site.post("/api/ask", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert open_site.post("/api/ask", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert open_site.get("/", headers={"sec-fetch-site": "cross-site", **PAGE}).status_code == 200
    part = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert open_site.get("/api/search", headers=part).status_code == 403


def test_logging_in_from_another_site_is_refused(site: httpx.Client) -> None:
    form = {"name": "ada", "password": "open sesame"}
    assert site.post("/login", data=form, headers={"origin": "http://evil.example"}).status_code == 403


OWN_HOSTS = ("localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST", "127.9.9.9:1")
OTHER_HOSTS = (
    *("evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "localhost.evil.example", "10.0.0.1"),
    *("169.254.169.254", "::1.evil.example", "[::1].evil.example", "localhost@evil.example"),
)


def test_on_loopback_a_rebound_host_name_is_refused(open_site: httpx.Client) -> None:
    for host in OWN_HOSTS:
        assert open_site.get("/", headers={"host": host}).status_code == 200, host
    for host in OTHER_HOSTS:
        assert open_site.get("/", headers={"host": host}).status_code == 403, host


@pytest.fixture
def proxied() -> Iterator[httpx.Client]:
    access = choose_access("0.0.0.0", trust_header="X-Forwarded-User")
    with served(guarded(access)) as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_proxys_header_names_the_user(proxied: httpx.Client) -> None:
    assert proxied.get("/", headers={"x-forwarded-user": "ada@example.org"}).json()["user"] == "ada@example.org"
    assert proxied.get("/", headers={"x-forwarded-user": "zoë".encode()}).json()["user"] == "zoë"


def test_without_the_header_nobody_comes_in(proxied: httpx.Client) -> None:
    twice = [("x-forwarded-user", "a"), ("x-forwarded-user", "b")]
    single = [
        ("x-forwarded-user", ""),
        ("remote-user", "a"),
        ("x-forwarded-user", "x" * 201),
        ("x-forwarded_user", "a"),
    ]
    for headers in ([], twice, *([each] for each in single)):
        for path in ("/", "/login", "/api/search"):
            answer = proxied.get(path, headers=[*headers, ("accept", "text/html")])
            assert answer.status_code == 401, headers
            assert answer.json() == {"error": "The proxy before this server named no user. Log in there."}


def test_the_header_is_believed_from_its_proxy_only() -> None:
    access = choose_access("0.0.0.0", trust_header="X-Forwarded-User", peers=("10.0.0.0/8", "192.0.2.7"))
    assert access.trusts("10.1.2.3")
    assert access.trusts("::ffff:10.1.2.3")
    assert not access.trusts("127.0.0.1")
    assert not access.trusts(None)
    with served(guarded(access)) as url:
        assert httpx.get(url, headers={"x-forwarded-user": "ada"}).status_code == 401


def test_the_page_works_without_scripts_and_asks_nobody_else(site: httpx.Client) -> None:
    page = site.get("/login")
    assert "<script" not in page.text
    assert not re.search(r"(?:https?:)?//", page.text)
    assert '<html lang="en">' in page.text
    assert '<label for="password">' in page.text
    assert "prefers-color-scheme: dark" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"


def test_what_is_shown_on_the_page_is_escaped() -> None:
    page = bytes(login_page("/login", '/"><b>', '"><i>', Refused(401, "<u>")).body).decode()
    assert "<b>" not in page
    assert "<i>" not in page
    assert "<u>" not in page
    assert safe_path("/a?b=c#d", "/") == "/a?b=c#d"


def test_password_that_bcrypt_would_cut_is_refused_in_one_line(site: httpx.Client) -> None:
    long = "open sesame" + "x" * 62
    answer = log_in(site, "ada", long)
    assert answer.status_code == 401
    assert "A password has at most 72 bytes." in answer.text
    basic = site.get("/", auth=("ada", long))
    assert (basic.status_code, basic.json()) == (401, {"error": "A password has at most 72 bytes."})
