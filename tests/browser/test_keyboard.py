"""Everything by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from eval.chat.page import answered, finished, to_tab
from tests.browser.reader import QUANTIZATION

_REACHABLE = (
    "[...document.querySelectorAll('button, a[href], input, textarea, select, summary, [tabindex=\"0\"]')]"
    ".filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0)"
)
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


def test_question_is_asked_and_its_source_opened_without_a_mouse(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type(QUANTIZATION)
    page.keyboard.press("Enter")
    exchange = finished(page)
    cite = exchange.locator(".cd-prose .cd-cite").first
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if cite.evaluate("each => each === document.activeElement"):
            break
    expect(cite).to_be_focused()
    expect(page.locator(f"#{cite.get_attribute('aria-describedby')}")).to_be_visible()
    page.keyboard.press("Enter")
    expect(exchange.locator(".cd-card").first).to_be_focused()
    page.keyboard.press("Tab")
    assert exchange.locator(".cd-card").first.evaluate("card => card.contains(document.activeElement)")


def test_tab_order_reaches_every_control_and_each_shows_its_focus(page: Page) -> None:
    answered(page, QUANTIZATION)
    page.evaluate(f"{_REACHABLE}.forEach((each, i) => each.dataset.control = i)")
    controls = page.evaluate(f"{_REACHABLE}.filter((each) => each.type !== 'radio').length")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reached, plain = set(), []
    for _ in range(controls + 20):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.dataset.control")
        if name is not None and name not in reached:
            reached.add(name)
            if not page.evaluate(_OUTLINED):
                plain.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    assert plain == []
    missed = page.evaluate(
        f"(reached) => {_REACHABLE}.filter((each) => each.dataset.control && !reached.includes(each.dataset.control)"
        " && each.type !== 'radio').map((each) => each.outerHTML.slice(0, 120))",
        sorted(reached),
    )
    assert missed == []


def test_tabs_are_changed_by_arrows(page: Page) -> None:
    page.get_by_role("tab", name="Ask").focus()
    for key, name in (("ArrowRight", "Browse"), ("End", "Settings"), ("ArrowRight", "Ask"), ("ArrowLeft", "Settings")):
        page.keyboard.press(key)
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tab", name=name)).to_be_focused()


def test_parts_of_an_answer_are_told_to_a_screen_reader(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    assert exchange.get_attribute("aria-label") == f"Question: {QUANTIZATION}"
    exchange.get_by_role("button", name="Date").click()
    expect(page.locator("#cd-live")).to_have_text("Sorted by Date, descending.")
    assert page.locator("#cd-live").get_attribute("aria-live") == "polite"
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, a[href]')].filter((each) => each.checkVisibility()"
        " && !each.textContent.trim() && !each.getAttribute('aria-label')).length"
    )
    assert unnamed == 0
