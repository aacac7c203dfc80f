"""The whole site behind the proxies of docs/deploy, with TLS, below a path and without one."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from eval.chat.page import PATIENCE, answered, ask, finished, loaded, to_tab
from eval.speed.program import Site, running
from tests.browser.proxies import PROXIES, free_port
from tests.browser.reader import QUANTIZATION, Faults, scripted
from tests.fakes import ScriptedEndpoint
from ui.login.users import add_user

_ADA = ("ada", "a long password")
_WRITTEN = ("FlashAttention-2 reduces the number of non-matmul FLOPs [1].", "It parallelizes the forward pass [1].")


@pytest.fixture(
    scope="module", params=[("nginx", "/papers"), ("caddy", "/papers"), ("caddy", "")], ids=lambda each: "".join(each)
)
def address(
    request: pytest.FixtureRequest,
    home: Path,
    _endpoint: ScriptedEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of the site behind a proxy, with its last slash."""
    name, root = request.param
    if not shutil.which(name):
        pytest.skip(f"needs {name}, which is not installed")
    folder = tmp_path_factory.mktemp(name)
    add_user(folder / "users.txt", *_ADA)
    settings = {"CITEDESK_LLM_BASE_URL": _endpoint.url, "CITEDESK_LLM_MODEL": "small-model"}
    arguments = ("--mcp", "--users", str(folder / "users.txt"), "--root-path", root)
    site = Site(shutil.copytree(home, folder / "home"), settings, arguments)
    with running(site, wait=False):
        port = free_port()
        with PROXIES[name](folder, root, site.port, port):
            yield f"https://localhost:{port}{root}/"


@pytest.fixture
def secure(browser: Browser, address: str, endpoint: ScriptedEndpoint) -> Iterator[BrowserContext]:
    """A reader's browser that accepts the proxy's certificate, and asks for nothing outside the site."""
    made = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    made.set_default_timeout(PATIENCE)
    noted = Faults(address)
    noted.meant += ["Failed to load resource.* 401", f"request: {address.rstrip('/')}$"]  # a wrong password, no slash
    noted.follow(made)
    yield made
    made.close()
    noted.assert_none()


def _logged_in(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Name").fill(_ADA[0])
    page.get_by_label("Password").fill(_ADA[1])
    page.keyboard.press("Enter")
    loaded(page)
    return page


def _client(address: str, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=address, verify=False, timeout=PATIENCE / 1000, **options)


def test_login_sets_a_cookie_for_this_site_and_tls_only(secure: BrowserContext, address: str) -> None:
    page = secure.new_page()
    page.goto(address.rstrip("/"))
    assert page.url.startswith(f"{address}login")
    page.get_by_label("Name").fill(_ADA[0])
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(_ADA[1])
    page.keyboard.press("Enter")
    loaded(page)
    assert page.url == address
    (cookie,) = secure.cookies()
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert cookie["path"] == (httpx.URL(address).path.rstrip("/") or "/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert secure.cookies() == []


def test_chat_browsing_and_files_work(secure: BrowserContext, address: str, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = scripted(_WRITTEN)
    page = _logged_in(secure, address)
    to_tab(page, "Browse")
    expect(page.locator(".cd-browse-count")).to_contain_text("44 papers")
    page.locator(".cd-rows summary").first.click()
    expect(page.locator(".cd-rows .cd-card")).to_be_visible()
    to_tab(page, "Ask")
    exchange = answered(page, "What does FlashAttention-2 do?")
    expect(exchange.locator(".cd-prose")).to_contain_text("non-matmul FLOPs")
    exchange.get_by_role("button", name="Details").first.click()
    expect(exchange.locator(".cd-details .cd-abstract")).to_be_visible()
    exchange.get_by_role("button", name="Helpful", exact=True).click()
    exchange.get_by_role("button", name="Send").click()
    expect(exchange.get_by_text("Thank you. Your rating is stored.")).to_be_visible()
    answered(page, QUANTIZATION)
    to_tab(page, "Measure")
    to_tab(page, "Settings")
    expect(page.locator(".cd-chosen")).to_be_visible()
    page.reload()
    loaded(page)
    expect(page.locator(".cd-exchange")).to_have_count(2)


def test_answer_is_shown_while_it_is_written(secure: BrowserContext, address: str, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = scripted(_WRITTEN)
    endpoint.silent_after = len(scripted(_WRITTEN[:1])) + 2
    page = _logged_in(secure, address)
    exchange = ask(page, "What does FlashAttention-2 do?")
    expect(exchange.locator(".cd-prose")).to_contain_text("non-matmul FLOPs")
    endpoint.released.set()
    expect(finished(page).locator(".cd-prose")).to_contain_text("forward pass")


def test_api_streams_and_describes_itself(address: str, endpoint: ScriptedEndpoint) -> None:
    endpoint.silent_after = 0
    with _client(address, auth=_ADA) as client:
        assert client.get("api/search", params={"q": "quantization", "k": 3}).json()["hits"]
        described = client.get("api/openapi.json").json()
        assert {address.rstrip("/")} >= {httpx.URL(address).join(each["url"]) for each in described.get("servers", ())}
        assert client.get("api/docs").status_code == 200
        asked = {"question": "What does FlashAttention-2 do?", "stream": True}
        with client.stream("POST", "api/ask", content=json.dumps(asked)) as reply:
            lines = reply.iter_lines()
            assert any(line == "event: retrieved" for line in lines)  # while the endpoint is silent
            endpoint.released.set()
            assert any(line == "event: done" for line in lines)


def test_mcp_answers(address: str, endpoint: ScriptedEndpoint) -> None:
    async def session() -> Any:
        async with (
            httpx2.AsyncClient(verify=False, auth=_ADA, timeout=PATIENCE / 1000) as http,
            Client(streamable_http_client(f"{address}mcp", http_client=http)) as client,
        ):
            return await client.call_tool("search", {"question": "quantization", "k": 2})

    with ThreadPoolExecutor(1) as pool:  # this thread has the event loop of Playwright
        found = pool.submit(asyncio.run, session()).result()
    assert len(found.structured_content["hits"]) == 2


def test_nothing_else_is_reached(address: str) -> None:
    root = httpx.URL(address).path
    with _client(address, auth=_ADA, follow_redirects=False) as client:
        assert client.get("metrics").status_code == 404
        assert client.get("healthz").text == "ok\n"
        assert "javascript" in client.get("page/static/chat.js").headers["content-type"]
        assert client.get("config").status_code == 404
        assert client.get("page/static/..%2f..%2fcommand.py").status_code == 404
        if root != "/":
            assert client.get(str(httpx.URL(address).join("/api/status"))).status_code in (200, 404)
            moved = client.get(address.rstrip("/"))
            assert moved.headers["location"] in (root, address)
    with _client(address, follow_redirects=False, headers={"accept": "text/html"}) as anybody:
        assert anybody.get("api/status").headers["location"] == f"{root}login?next={root}api/status"
        assert anybody.get("", headers={"accept": "text/html"}).headers["strict-transport-security"]
