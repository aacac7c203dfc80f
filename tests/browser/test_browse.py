"""The collection without a question: search as one types, facets, papers like another, the map."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from eval.chat.page import answered, to_tab


@pytest.fixture
def browsing(page: Page) -> Page:
    """The page with its Browse tab filled."""
    to_tab(page, "Browse")
    expect(page.locator(".cd-browse-count")).to_contain_text("44 papers")
    return page


def test_papers_are_found_as_one_types(browsing: Page) -> None:
    field = browsing.get_by_label("Search the papers")
    field.press_sequentially("minifloat", delay=30)
    expect(browsing.locator(".cd-rows > li")).to_have_count(1)
    expect(browsing.locator(".cd-rows")).to_contain_text("Low-precision Minifloats")
    field.fill("")
    expect(browsing.locator(".cd-browse-count")).to_contain_text("44 papers")


def test_facets_narrow_what_is_shown(browsing: Page) -> None:
    browsing.get_by_label("2021 (").check()
    expect(browsing.locator(".cd-browse-count")).to_contain_text("of 44")
    dates = browsing.locator(".cd-rows .cd-row-date").all_inner_texts()
    assert dates and all(date.startswith("2021") for date in dates)


def test_paper_unfolds_and_leads_to_more_like_it_and_to_a_question(browsing: Page) -> None:
    browsing.get_by_label("Search the papers").fill("minifloat")
    expect(browsing.locator(".cd-rows > li")).to_have_count(1)
    row = browsing.locator(".cd-rows > li").first
    row.locator("summary").first.click()
    expect(row.locator(".cd-card")).to_be_visible()
    expect(row.locator(".cd-abstract")).to_be_visible()
    expect(row).to_contain_text("like")
    row.get_by_role("button", name="Ask about this").click()
    expect(browsing.locator("#cd-question")).to_be_focused()
    expect(browsing.locator("#cd-scope")).to_contain_text("Minifloats")
    expect(browsing.locator(".cd-exchange")).to_have_count(0)
    exchange = answered(browsing, "How many bits does it need?")
    expect(exchange.locator(".cd-row").first).to_contain_text("Minifloats")
    expect(browsing.locator("#cd-scope")).to_be_hidden()


def test_papers_found_or_selected_are_saved(browsing: Page) -> None:
    browsing.get_by_label("2021 (").check()
    expect(browsing.locator(".cd-browse-count")).to_contain_text("of 44")
    found = browsing.locator(".cd-rows > li").count()
    with browsing.expect_download() as download:
        browsing.locator(".cd-browse-tools").get_by_role("button", name="RIS").click()
    assert Path(download.value.path()).read_text(encoding="utf-8").count("TY  -") == found
    browsing.get_by_role("button", name="Select all shown").click()
    bar = browsing.get_by_role("toolbar", name="Selected papers")
    expect(bar).to_contain_text(f"{found} selected")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_point_of_the_map_opens_its_paper(browsing: Page) -> None:
    browsing.get_by_role("tab", name="Map").click()
    points = browsing.locator(".cd-map-svg .cd-point")
    expect(points).to_have_count(44)
    name = points.first.get_attribute("aria-label") or ""
    points.first.focus()
    browsing.keyboard.press("Enter")
    panel = browsing.locator(".cd-map-panel")
    expect(panel.locator(".cd-card")).to_be_visible()
    assert panel.locator(".cd-card-title").inner_text()[:20] in name
