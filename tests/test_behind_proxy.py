from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from rag.errors import UsageError
from ui.behind_proxy import BehindProxy, parse_root_path
from ui.login.access import Access, site_path

TOLD = {"x-forwarded-proto": "https", "x-forwarded-host": "elsewhere.example, papers.example"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    seen = Request(scope)
    told = {name: seen.headers.getlist(name) for name in ("x-forwarded-host", "x-forwarded-proto", "x-gradio-server")}
    await JSONResponse({"scheme": scope["scheme"], "path": site_path(scope), **told})(scope, receive, send)


def seen(path: str = "/", peer: str = "127.0.0.1", root: str = "", headers: Mapping[str, str] = {}) -> dict[str, Any]:
    client = TestClient(BehindProxy(echo, Access(), root), "http://papers.example", client=(peer, 1))
    return dict(client.get(path, headers=headers).json())


def test_a_trusted_proxy_says_by_which_scheme_and_host_the_client_came() -> None:
    told = seen(headers=TOLD)
    assert told["scheme"] == "https"
    assert told["x-forwarded-host"] == ["papers.example"]  # what the nearest proxy has added
    assert told["x-forwarded-proto"] == ["https"]


def test_what_others_say_of_a_proxy_is_not_believed() -> None:
    told = seen(peer="192.0.2.1", headers={**TOLD, "x-gradio-server": "https://elsewhere.example"})
    assert told == {
        "scheme": "http",
        "path": "/",
        "x-forwarded-host": [],
        "x-forwarded-proto": [],
        "x-gradio-server": [],
    }
    assert seen(headers={"x-gradio-server": "https://elsewhere.example"})["x-gradio-server"] == []
    assert seen(headers={"x-forwarded-proto": "gopher"})["scheme"] == "http"


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/papers/", "/"),
        ("/papers/api/status", "/api/status"),
        ("/api/status", "/api/status"),
        ("/papersx", "/papersx"),
        ("/healthz", "/healthz"),
    ],
)
def test_a_path_comes_with_the_root_path_or_without(path: str, inside: str) -> None:
    assert seen(path, root="/papers")["path"] == inside


def test_root_path_itself_leads_to_the_page_below_it() -> None:
    client = TestClient(BehindProxy(echo, Access(), "/papers"), follow_redirects=False)
    moved = client.get("/papers")
    assert (moved.status_code, moved.headers["location"]) == (308, "/papers/")
    assert "frame-ancestors" in moved.headers["content-security-policy"]


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/papers", "/papers"), ("/a/b.c/", "/a/b.c")])
def test_root_path_is_read_without_its_last_slash(text: str, path: str) -> None:
    assert parse_root_path(text) == path


@pytest.mark.parametrize("text", ["papers", "//x", "/../x", "/a//b", "/a b", "/a?b", "/ä", "https://x/"])
def test_what_is_no_root_path_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Give one that begins with a slash, as in /papers"):
        parse_root_path(text)
