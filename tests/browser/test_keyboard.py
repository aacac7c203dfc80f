"""Everything by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from eval.chat.page import answered, finished, to_tab
from tests.browser.reader import QUANTIZATION

_OUTLINED = (
    "(() => { const style = getComputedStyle(document.activeElement);"
    " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; })()"
)


def test_slash_leads_to_the_question_from_everywhere(page: Page) -> None:
    to_tab(page, "Settings")
    page.keyboard.press("/")
    field = page.locator("#cd-question")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    page.keyboard.type("what/why")
    expect(field).to_have_value("what/why")


def test_focus_goes_to_the_answer_and_fifteen_tabs_go_round_it(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type(QUANTIZATION)
    page.keyboard.press("Enter")
    exchange = finished(page)
    expect(exchange).to_be_focused()
    stops, plain = [], []
    while len(stops) < 40:
        page.keyboard.press("Tab")
        if not exchange.evaluate("each => each.contains(document.activeElement)"):
            break
        stops.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
        if not page.evaluate(_OUTLINED):
            plain.append(stops[-1])
    assert 5 < len(stops) <= 15, stops
    assert plain == []
    expect(page.locator("#cd-question")).to_be_focused()


def test_arrows_go_from_paper_to_paper_and_along_the_buttons(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    rows = exchange.locator(".cd-answer-rows > .cd-row")
    rows.first.locator(".cd-row-title a").focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1).locator(".cd-row-title a")).to_be_focused()
    page.keyboard.press("Tab")
    while not rows.nth(1).get_by_role("button", name="Details").evaluate("each => each === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(rows.first.get_by_role("button", name="Details")).to_be_focused()
    page.keyboard.press("Tab")
    inside = exchange.locator("[data-part=papers] .cd-answer-rows")
    assert not inside.evaluate("each => each.contains(document.activeElement)")
    exchange.get_by_role("button", name="BibTeX").focus()
    page.keyboard.press("ArrowRight")
    expect(exchange.get_by_role("button", name="RIS")).to_be_focused()
    page.keyboard.press("End")
    expect(exchange.get_by_role("button", name="Not helpful")).to_be_focused()


def test_question_mark_shows_the_keys_and_the_first_link_skips_to_the_question(page: Page) -> None:
    page.locator("#cd-theme").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.locator("#cd-question").focus()
    page.keyboard.type("why?")
    expect(keys).to_be_hidden()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.locator(".cd-skip").focus()
    expect(page.locator(".cd-skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#cd-question")).to_be_focused()


def test_tabs_are_changed_by_arrows(page: Page) -> None:
    page.get_by_role("tab", name="Ask").focus()
    for key, name in (("ArrowRight", "Browse"), ("End", "Settings"), ("ArrowRight", "Ask"), ("ArrowLeft", "Settings")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tab", name=name)).to_be_focused()


def test_parts_of_an_answer_are_told_to_a_screen_reader(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    assert exchange.get_attribute("aria-label") == f"Question: {QUANTIZATION}"
    exchange.get_by_role("button", name="As a table").click()
    exchange.get_by_role("button", name="Date", exact=True).click()
    expect(page.locator("#cd-live")).to_have_text("Sorted by Date, descending.")
    assert page.locator("#cd-live").get_attribute("aria-live") == "polite"
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, a[href]')].filter((each) => each.checkVisibility()"
        " && !each.textContent.trim() && !each.getAttribute('aria-label')).length"
    )
    assert unnamed == 0
