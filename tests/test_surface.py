"""Each path by each method, without a login and with one: what answers, and with which headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from tests.fakes import EASY_RANKER, SHELF, hash_library, hash_models, hash_settings
from tests.serving import served
from tests.timing import PATIENCE, wait_until
from ui.login.access import choose_access
from ui.login.users import add_user
from ui.site import SiteOptions, make_site

ADA = ("ada", "open sesame")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PATHS = (
    *("/", "/?__theme=dark", "/?deep_link=../../x", "/healthz", "/readyz", "/metrics", "/login", "/logout", "/nothing"),
    *("/page", "/page/static", "/page/static/", "/page/static/chat.js", "/page/status", "/page/examples"),
    *("/page/export", "/page/browse/papers", "/page/browse/paper/2401.00001", "/page/browse/paper/x", "/page/report"),
    *("/api", "/api/status", "/api/search", "/api/search?q=cache", "/api/ask", "/api/papers/x", "/api/export"),
    *("/api/openapi.json", "/api/docs", "/api/feedback", "/mcp", "/mcp/"),
    *("/assets/x.js", "/theme.css", "/config", "/openapi.json", "/gradio_api/upload", "/gradio_api/file=/etc/passwd"),
    *("/page/static/..%2f..%2fcommand.py", "/page/static/%2e%2e/command.py", "/page/static//etc/passwd"),
    *("//elsewhere.example/", "/%5Celsewhere.example", "/healthz/../config", "/HEALTHZ", "/healthz%2f"),
    "/api/papers/%00",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A site with users and MCP, whose chat is a stand-in."""
    folder = tmp_path_factory.mktemp("surface")
    hash_library(folder / "home", SHELF).close()
    add_user(folder / "users.txt", *ADA)
    pages = [
        Route("/", lambda request: HTMLResponse("<body>")),
        Route("/theme.css", lambda request: PlainTextResponse()),
    ]
    options = SiteOptions(choose_access("127.0.0.1", folder / "users.txt"), mcp=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ui.site._load_chat", lambda *_: Starlette(routes=pages))
        patch.setattr("rag.models.loading.load_models", lambda settings: hash_models())
        patch.setattr("rag.retrieval.scoring.load_ranker", lambda depth: EASY_RANKER)
        served_site = served(make_site(hash_settings(folder / "home"), options))
        with served_site as url, httpx.Client(base_url=url, timeout=PATIENCE, auth=ADA) as client:
            for name in ("ready", "open"):
                wait_until(lambda name=name: client.get("/page/status").json()[name])
            client.auth = None
            yield client


@pytest.mark.parametrize("method", METHODS)
def test_without_a_login_only_the_probes_and_the_login_page_answer(site: httpx.Client, method: str) -> None:
    answered = {path for path in PATHS if _sent(site, method, path).status_code not in (401, 404, 405)}
    probes = {"/healthz", "/readyz"}
    pages = {"GET": {*probes, "/login"}, "HEAD": {*probes, "/login"}, "POST": {"/logout"}}
    assert answered == pages.get(method, set())


@pytest.mark.parametrize("method", METHODS)
def test_every_response_says_what_may_be_done_with_it(site: httpx.Client, method: str) -> None:
    for path in PATHS:
        for login in (None, ADA):
            reply = _sent(site, method, path, auth=login)
            about = (method, path, login, reply.status_code)
            assert reply.status_code < 500, about
            assert reply.headers["x-content-type-options"] == "nosniff", about
            assert "frame-ancestors" in reply.headers["content-security-policy"], about
            assert reply.headers["referrer-policy"] == "same-origin", about
            assert reply.headers["x-request-id"], about
            shared = path in ("/page/static/chat.js", "/theme.css") and reply.is_success
            wanted = ("no-cache", "private, max-age=86400") if shared else ("no-store", "no-cache")
            assert reply.headers["cache-control"] in wanted, about


def _sent(site: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    site.cookies.clear()
    return site.request(method, f"{str(site.base_url).rstrip('/')}{path}", **options)
