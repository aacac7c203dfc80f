"""axe-core on each page, in both themes: no finding that is serious or critical (WCAG 2.1 A and AA)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from eval.chat.page import answered, loaded, to_tab
from eval.speed.program import Site, running
from tests.browser.reader import QUANTIZATION, scripted
from tests.fakes import ScriptedEndpoint
from ui.login.users import add_user

_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
_PASSWORD = "a long password"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
_WRITTEN = (
    "FlashAttention-2 reduces the number of non-matmul FLOPs [1].",
    "FlashAttention-2 was trained on nine thousand zebras in Iceland [1].",
)


def findings(page: Page) -> list[str]:
    """List what axe holds for serious or critical in both themes, with the first places of each."""
    page.evaluate(_AXE)
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(200)
        result: dict[str, Any] = page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", _TAGS
        )
        for each in result["violations"]:
            places = [f"{node['target']} {node['any'][0]['message'] if node['any'] else ''}" for node in each["nodes"]]
            line = f"{theme} {each['impact']} {each['id']} ({len(places)}): {places[:3]}"
            if noted := os.environ.get("AXE_NOTES"):
                with Path(noted).open("a") as notes:
                    notes.write(f"{os.environ['PYTEST_CURRENT_TEST']} {line}\n")
            if each["impact"] in ("serious", "critical"):
                found.append(line)
    return found


def test_empty_page_is_accessible(page: Page) -> None:
    expect(page.locator("#cd-examples button").first).to_be_visible()
    assert findings(page) == []


def test_list_is_accessible_with_all_that_folds_open(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    exchange.get_by_role("button", name="Not helpful").click()
    exchange.get_by_role("button", name="Details").first.click()
    expect(exchange.locator(".cd-details .cd-abstract")).to_be_visible()
    exchange.locator(".cd-pick").first.check()
    assert findings(page) == []


def test_comparison_is_accessible(page: Page) -> None:
    answered(page, "Compare FlashAttention-2 and LOOPer")
    assert findings(page) == []


def test_refusal_is_accessible(page: Page) -> None:
    answered(page, "How do I bake sourdough bread?")
    assert findings(page) == []


def test_written_answer_is_accessible(writing_page: Page, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces = scripted(_WRITTEN)
    exchange = answered(writing_page, "What does FlashAttention-2 do?")
    expect(exchange.locator(".cd-prose .cd-verdict")).to_have_count(2)
    assert findings(writing_page) == []


def _browsing(page: Page) -> None:
    expect(page.locator(".cd-browse-count")).to_contain_text("44 papers")
    page.locator(".cd-rows summary").first.click()
    expect(page.locator(".cd-rows .cd-card")).to_be_visible()


def _mapping(page: Page) -> None:
    page.get_by_role("tab", name="Map").click()
    page.locator(".cd-map-svg .cd-point").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cd-map-panel .cd-card")).to_be_visible()


def _measuring(page: Page) -> None:
    expect(page.locator(".cd-measure")).to_be_visible()


def _setting(page: Page) -> None:
    expect(page.locator(".cd-chosen")).to_be_visible()


@pytest.mark.parametrize(
    ("tab", "prepare"),
    [("Browse", _browsing), ("Browse", _mapping), ("Measure", _measuring), ("Settings", _setting)],
    ids=["browse", "map", "measure", "settings"],
)
def test_other_tabs_are_accessible(page: Page, report: Path, tab: str, prepare: Callable[[Page], None]) -> None:
    to_tab(page, tab)
    prepare(page)
    assert findings(page) == []


@pytest.fixture
def guarded(home: Path, tmp_path: Path) -> Iterator[Site]:
    """A chat that asks for a login: ada's or bob's."""
    users = tmp_path / "users.txt"
    for name in ("ada", "bob"):
        add_user(users, name, _PASSWORD)
    copy = tmp_path / "home"
    copy.symlink_to(home)
    with running(Site(copy, arguments=("--users", str(users))), wait=False) as site:
        yield site


def test_login_is_accessible_and_leads_to_the_page(context: BrowserContext, guarded: Site) -> None:
    page = context.new_page()
    page.goto(guarded.url)
    assert findings(page) == []
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert findings(page) == []
    _log_in(page, "ada")
    _log_out(page)


def test_conversations_and_drafts_of_one_user_are_not_shown_to_the_next(context: BrowserContext, guarded: Site) -> None:
    page = context.new_page()
    page.goto(guarded.url)
    _log_in(page, "ada")
    answered(page, QUANTIZATION)
    page.fill("#cd-question", "what ada has not asked yet")
    _log_out(page)
    _log_in(page, "bob")
    expect(page.locator("#cd-kept summary")).to_have_text("Conversations (0)")
    expect(page.locator(".cd-exchange")).to_have_count(0)
    expect(page.locator("#cd-question")).to_have_value("")
    _log_out(page)
    _log_in(page, "ada")
    expect(page.locator("#cd-kept summary")).to_have_text("Conversations (1)")


def test_paper_that_is_opened_after_the_session_ended_says_so(context: BrowserContext, guarded: Site) -> None:
    page = context.new_page()
    page.goto(guarded.url)
    _log_in(page, "ada")
    to_tab(page, "Browse")
    expect(page.locator(".cd-browse-count")).to_contain_text("44 papers")
    context.clear_cookies()
    page.locator(".cd-rows summary").first.click()
    expect(page.locator(".cd-paper-body .cd-notice").first).to_have_text("You are logged out. Reload the page.")


def _log_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(_PASSWORD)
    page.keyboard.press("Enter")
    loaded(page)


def _log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
