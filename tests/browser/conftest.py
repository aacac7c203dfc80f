"""A browser, the real program over a small index, and pages on which nothing may go wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from eval.chat.page import PATIENCE, opened
from eval.speed.program import Site, citedesk, running
from tests.browser.collection import write_collection, write_questions
from tests.browser.reader import Faults
from tests.fakes import ScriptedEndpoint

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.browser)
        if not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="needs chromium, which is not installed"))


@pytest.fixture(scope="package")
def _playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        yield playwright


@pytest.fixture(scope="package")
def browser(_playwright: Playwright) -> Iterator[Browser]:
    launched = _playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield launched
    launched.close()


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index that all share: made once, by the command."""
    folder = tmp_path_factory.mktemp("browser")
    papers = write_collection(folder / "papers.jsonl")
    citedesk("index", papers, "--home", folder / "home", "--quiet", cwd=folder)
    return folder / "home"


@pytest.fixture(scope="package")
def site(home: Path) -> Iterator[Site]:
    """The chat without an endpoint: its answers are in the papers' own words."""
    with running(Site(home)) as started:
        yield started


@pytest.fixture(scope="package")
def _endpoint() -> Iterator[ScriptedEndpoint]:
    with ScriptedEndpoint() as started:
        yield started


@pytest.fixture
def endpoint(_endpoint: ScriptedEndpoint) -> ScriptedEndpoint:
    """The endpoint of the chat that writes, with nothing of an earlier test in it."""
    fresh = ScriptedEndpoint()
    for each in fields(ScriptedEndpoint):
        setattr(_endpoint, each.name, getattr(fresh, each.name))
    return _endpoint


@pytest.fixture(scope="package")
def writing_site(home: Path, _endpoint: ScriptedEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The chat whose answers an endpoint writes."""
    copy = shutil.copytree(home, tmp_path_factory.mktemp("writing") / "home")
    settings = {"CITEDESK_LLM_BASE_URL": _endpoint.url, "CITEDESK_LLM_MODEL": "small-model"}
    with running(Site(copy, settings)) as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A reader's browser, with nothing kept in it; nothing in it moves, so that no test waits for that."""
    made = browser.new_context(
        viewport={"width": 1280, "height": 900},
        locale="en-US",
        color_scheme="light",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


@pytest.fixture
def faults(context: BrowserContext, site: Site) -> Iterator[Faults]:
    """What goes wrong on the pages of the chat: at the end of a test there must be nothing of it."""
    noted = Faults(site.url)
    noted.follow(context)
    yield noted
    noted.assert_none()


@pytest.fixture
def page(context: BrowserContext, faults: Faults, site: Site) -> Page:
    """The chat, loaded."""
    return opened(context.new_page(), site.url)


@pytest.fixture
def writing_page(context: BrowserContext, writing_site: Site, endpoint: ScriptedEndpoint) -> Iterator[Page]:
    """The chat whose answers the endpoint writes, loaded."""
    noted = Faults(writing_site.url)
    noted.follow(context)
    yield opened(context.new_page(), writing_site.url)
    noted.assert_none()


@pytest.fixture(scope="package")
def report(home: Path, site: Site) -> Path:
    """An evaluation of the index that all share, which its chat shows from then on."""
    folder = home.parent
    gold = write_questions(folder / "gold.jsonl")
    citedesk(
        *("eval", "run", "--home", home, "--gold", gold, "--no-llm", "--quiet", "--out", folder / "run"), cwd=folder
    )
    return folder / "run"
