"""From a question to what its answer rests on, and asking again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from eval.chat.page import answered, finished
from eval.speed.program import Site
from tests.browser.reader import QUANTIZATION, WITHIN, after, chips, slowed, titles

FLASH = "How much speedup does FlashAttention-2 yield?"


def test_marker_shows_its_quote_on_hover_and_focus_and_escape_closes_it(page: Page) -> None:
    exchange = answered(page, FLASH)
    cite = exchange.locator(".cd-prose .cd-cite").first
    tip = page.locator(f"#{cite.get_attribute('aria-describedby')}")
    expect(tip).to_be_hidden()
    cite.hover(position=WITHIN)
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.mouse.move(0, 0)
    cite.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(tip).to_be_visible()
    assert tip.locator("q").first.inner_text().strip()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(cite).to_be_focused()


def test_click_on_a_marker_leads_to_the_row_and_back(page: Page) -> None:
    exchange = answered(page, FLASH)
    cite = exchange.locator(".cd-prose .cd-cite").first
    row = page.locator(cite.get_attribute("href") or "none")
    cite.click(position=WITHIN)
    expect(row).to_be_focused()
    expect(row).to_be_in_viewport()
    assert "cd-flash" in (row.get_attribute("class") or "")
    row.get_by_role("button", name="Back to the text").click()
    expect(cite).to_be_focused()


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (800, False)])
def test_details_open_beside_a_wide_list_and_in_place_in_a_narrow_one(page: Page, width: int, beside: bool) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    exchange = answered(page, QUANTIZATION)
    row = exchange.locator(".cd-answer-rows > .cd-row").nth(1)
    quote = row.locator(".cd-quote").first.inner_text()
    opener = row.get_by_role("button", name="Details")
    opener.press("Enter")
    panel = exchange.locator(".cd-details")
    expect(panel.locator(".cd-abstract mark").first).to_be_visible()
    expect(panel).to_be_focused()
    assert quote.strip(" …")[:60] in " ".join(panel.locator("mark").all_inner_texts())
    expect(panel.get_by_text("Why it was found")).to_be_visible()
    expect(panel.get_by_text("More like this")).to_be_visible()
    list_box, box = exchange.locator("[data-part=papers] .cd-answer-rows").bounding_box(), panel.bounding_box()
    assert list_box and box
    assert (box["x"] >= list_box["x"] + list_box["width"]) == beside
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(opener).to_be_focused()


def test_first_titles_come_before_the_answer_and_are_replaced(page: Page, site: Site) -> None:
    page.evaluate(
        """() => { window.told = new Set(); new MutationObserver(() => {
        const said = document.querySelector('.cd-progress')?.textContent;
        if (said && document.querySelector('.cd-row')) window.told.add(said);
        }).observe(document.getElementById('cd-exchanges'), {childList: true, subtree: true}); }"""
    )
    with slowed(site.process):
        exchange = answered(page, QUANTIZATION)
    assert any(said.startswith("The first papers") for said in page.evaluate("[...window.told]"))
    expect(exchange.locator(".cd-progress")).to_be_hidden()
    assert exchange.locator("[data-part=papers] .cd-n").count() == len(titles(exchange))


def test_question_is_edited_in_place(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="Edit").click()
    field = exchange.get_by_label("Your question")
    expect(field).to_be_focused()
    field.fill("Which papers are about quantum optimization?")
    edited = after(page, lambda: field.press("Enter"))
    expect(page.locator(".cd-exchange")).to_have_count(1)
    expect(edited.get_by_role("heading", level=2)).to_have_text("Which papers are about quantum optimization?")
    assert any("Quantum" in title for title in titles(edited))


def test_edit_is_left_by_escape_and_the_question_stays(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="Edit").click()
    exchange.get_by_label("Your question").fill("something else")
    page.keyboard.press("Escape")
    expect(exchange.get_by_label("Your question")).to_be_hidden()
    expect(exchange.get_by_role("button", name="Edit")).to_be_focused()
    expect(exchange.locator("h2")).to_have_text(QUANTIZATION)


def test_retry_takes_the_place_of_the_answer(page: Page) -> None:
    before = titles(exchange := answered(page, QUANTIZATION))
    again = after(page, exchange.get_by_role("button", name="Retry").click)
    expect(page.locator(".cd-exchange")).to_have_count(1)
    assert titles(again) == before


def test_chips_change_how_a_question_is_understood_and_the_answer_follows(page: Page) -> None:
    exchange = answered(page, "Which papers are about optimization in 2023?")
    assert "2023" in chips(exchange)
    in_2023 = titles(exchange)
    lifted = after(page, exchange.get_by_role("button", name="Remove: dated 2023 or earlier").click)
    assert "2023 or later" in chips(lifted) and "earlier" not in chips(lifted)
    assert len(in_2023) < (more := len(titles(lifted)))
    lifted.locator(".cd-change > summary").click()
    coded = after(page, lifted.get_by_role("button", name="With code").click)
    assert "with code" in chips(coded)
    assert 0 < len(titles(coded)) < more
    coded.locator(".cd-change > summary").click()
    other = after(page, lambda: coded.get_by_label("Asks for").select_option("fact"))
    expect(other.locator(".cd-change > summary")).to_have_text("Question of fact")


def test_constraints_are_typed_and_undone(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.locator(".cd-change > summary").click()
    exchange.get_by_label("From").fill("2025")
    narrowed = after(page, lambda: exchange.get_by_label("From").press("Enter"))
    assert "2025" in chips(narrowed)
    dates = narrowed.locator("[data-part=papers] .cd-date").all_inner_texts()
    assert dates and all(date >= "2025" for date in dates)
    narrowed.locator(".cd-change > summary").click()
    reset = after(page, narrowed.get_by_role("button", name="Reset").click)
    assert "2025" not in chips(reset)


def test_follow_up_leans_on_the_answer_before_it_and_its_scope_is_removed(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    among = titles(exchange)
    follow = exchange.get_by_role("toolbar", name="Questions to ask next").get_by_role("button")
    follow.filter(has_text="Only since").first.click()
    expect(page.locator(".cd-exchange")).to_have_count(2)
    second = finished(page)
    narrowed = set(titles(second))
    assert narrowed < set(among)
    undone = after(page, second.get_by_role("button", name="Remove: among").click)
    assert set(titles(undone)) >= narrowed and "among" not in chips(undone)


def test_permalink_asks_the_same_question_with_the_same_filters(page: Page, site: Site) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.locator(".cd-change > summary").click()
    coded = after(page, exchange.get_by_role("button", name="With code").click)
    coded.get_by_role("button", name="Copy link").click()
    expect(coded.get_by_role("button", name="Copied")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address.startswith(f"{site.url}?q=Which%20papers") and "&set=" in address
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector(".cd-exchange")
    shown = finished(other)
    expect(shown.locator("h2")).to_have_text(QUANTIZATION)
    assert "with code" in chips(shown)
    assert titles(shown) == titles(coded)
    assert other.url == site.url


def test_refusal_is_calm_and_offers_the_nearest_papers(page: Page) -> None:
    exchange = answered(page, "Which papers study the migration of birds with radar?")
    expect(exchange.locator(".cd-refused")).to_be_visible()
    expect(exchange.locator("[data-part=near] > details")).to_have_attribute("open", "")
    expect(exchange.locator("[data-part=near] .cd-row").first).to_be_visible()
    assert exchange.locator(".cd-error").count() == 0


def test_table_has_columns_that_are_sorted_chosen_and_saved(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="As a table").click()
    expect(exchange.locator("[data-part=papers] .cd-answer-rows")).to_be_hidden()
    date = exchange.locator("th", has=page.get_by_role("button", name="Date", exact=True))
    date.get_by_role("button").click()
    expect(date).to_have_attribute("aria-sort", "descending")  # the newest first
    dates = exchange.locator(".cd-table tbody tr td:nth-child(3)")
    falling = dates.all_inner_texts()
    assert falling == sorted(falling, reverse=True) and len(falling) > 1
    date.get_by_role("button").press("Enter")
    expect(date).to_have_attribute("aria-sort", "ascending")
    assert dates.all_inner_texts() == sorted(falling)
    exchange.locator(".cd-columns").get_by_label("Authors").uncheck()
    expect(exchange.get_by_role("button", name="Authors")).to_be_hidden()
    with page.expect_download() as download:
        exchange.get_by_role("button", name="Save table as CSV").click()
    head, *rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert "Title" in head and "Authors" not in head and len(rows) == len(falling)
    exchange.get_by_role("button", name="As a table").click()
    expect(exchange.locator("[data-part=papers] .cd-answer-rows")).to_be_visible()
