"""Papers that mean harm: nothing in them runs, loads or spills; the pages' fixtures see what reaches other hosts."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from eval.chat.page import answered
from tests.browser.reader import sideways

UNHARMED = "window.harmed === undefined"


def test_markup_of_a_paper_is_shown_as_text_and_does_not_run(page: Page) -> None:
    exchange = answered(page, "Which papers track zebrafish larvae?")
    row = exchange.locator(".cd-row", has_text="Zebrafish").first
    expect(row.locator(".cd-row-title")).to_contain_text("script>window.harmed=1")
    row.get_by_role("button", name="Details").click()
    expect(exchange.locator(".cd-abstract")).to_contain_text("swim in bold schools. <script>window.harmed=1</script>")
    assert exchange.locator("img, svg, script:not([type='application/json']), b:has-text('bold'), iframe").count() == 0
    assert exchange.locator("a[href^='javascript']").count() == 0
    assert page.evaluate(UNHARMED)


def test_image_of_a_paper_is_not_loaded(page: Page) -> None:
    exchange = answered(page, "How is pangolin radar used on farms?")
    row = exchange.locator(".cd-row", has_text="Pangolin").first
    row.get_by_role("button", name="Details").click()
    expect(exchange.locator(".cd-abstract")).to_contain_text("map.png")
    assert exchange.locator("img").count() == 0
    assert page.evaluate(UNHARMED)


def test_right_to_left_text_keeps_to_itself(page: Page) -> None:
    exchange = answered(page, "Which papers translate Arabic poetry with Falcon?")
    row = exchange.locator(".cd-row", has_text="Falcon").first
    title = row.locator(".cd-row-title bdi")
    assert title.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate"
    assert title.evaluate("each => getComputedStyle(each).direction") == "rtl"
    row.get_by_role("button", name="Details").click()
    card = exchange.locator(".cd-card").first
    assert card.locator(".cd-abstract").evaluate("each => getComputedStyle(each).direction") == "rtl"
    assert card.evaluate("each => getComputedStyle(each).direction") == "ltr"


def test_endless_abstract_with_endless_words_spills_nowhere(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    exchange = answered(page, "How deep do marmots dig their burrows?")
    exchange.locator(".cd-row", has_text="Marmot").first.get_by_role("button", name="Details").click()
    card = exchange.locator(".cd-card").first
    assert len(card.locator(".cd-abstract").inner_text()) > 19_000
    assert sideways(page) == 0


def test_markup_in_a_question_is_text(page: Page) -> None:
    question = '<img src=x onerror="window.harmed=1"> "quantization" </script><script>window.harmed=1</script>'
    exchange = answered(page, question)
    expect(exchange.locator("h2")).to_have_text(question)
    expect(page.locator("#cd-kept li button").first).to_have_text(question)
    assert exchange.locator("img").count() == 0
    page.reload()
    expect(page.locator(".cd-exchange h2")).to_have_text(question)
    assert page.evaluate(UNHARMED)
