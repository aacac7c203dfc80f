"""What stays: conversations in the browser, files that are taken away, a rating on the server."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Locator, Page, expect

from eval.chat.page import answered, finished, loaded, opened
from eval.chat.program import Site
from tests.browser.reader import QUANTIZATION, Faults, titles

QUANTUM = "Which papers are about quantum optimization?"


def saved(page: Page, button: Locator) -> tuple[str, str]:
    """Press what downloads, and return the file's name and text."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_answer_is_taken_away_as_csv_bibtex_and_markdown(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    cited = titles(exchange)
    take = exchange.get_by_role("group", name="Take it away")
    name, text = saved(page, take.get_by_role("button", name="CSV"))
    assert name == "citedesk-which-papers-are-about-quantization.csv"
    assert len(list(csv.reader(io.StringIO(text)))) == 1 + len(cited)
    assert all(title in text for title in cited)
    name, text = saved(page, take.get_by_role("button", name="BibTeX"))
    assert name.endswith(".bib") and text.count("\n}") == len(cited) and "{8-bit" in text
    name, text = saved(page, take.get_by_role("button", name="Markdown"))
    assert name.endswith(".md") and QUANTIZATION in text
    assert exchange.locator(".cd-quote").first.inner_text()[:40] in text
    assert all(title in text for title in cited)


def test_paper_is_copied_as_bibtex(page: Page) -> None:
    card = answered(page, QUANTIZATION).locator(".cd-card").first
    card.get_by_role("button", name="Copy BibTeX").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@") and "author = {" in copied and "title = {" in copied


def test_conversations_are_kept_in_the_browser_and_nowhere_else(page: Page, site: Site) -> None:
    before = sorted(path for path in site.home.rglob("*") if path.is_file())
    exchange = answered(page, QUANTIZATION)
    first = titles(exchange)
    page.reload()
    loaded(page)
    expect(page.locator(".cd-exchange h2")).to_have_text([QUANTIZATION])
    assert titles(page.locator(".cd-exchange")) == first
    kept = page.locator("#cd-kept")
    kept.get_by_role("button", name="New conversation").click()
    expect(page.locator(".cd-exchange")).to_have_count(0)
    answered(page, QUANTUM)
    expect(kept.locator("li")).to_have_count(2)
    kept.get_by_role("button", name=QUANTIZATION, exact=True).click()
    expect(page.locator(".cd-exchange h2")).to_have_text([QUANTIZATION])
    answered(page, "Compare the first and the second")
    name, text = saved(page, kept.get_by_role("button", name="Export as Markdown"))
    assert name == "citedesk-which-papers-are-about-quantization.md"
    assert QUANTIZATION in text and "Compare the first" in text and "@" in text and QUANTUM not in text
    drop = kept.get_by_role("button", name=f"Delete: {QUANTIZATION}")
    drop.click()
    expect(kept.locator("li")).to_have_count(2)
    kept.get_by_role("button", name="Delete?").or_(drop).first.click()
    expect(kept.locator("li")).to_have_count(1)
    expect(page.locator(".cd-exchange")).to_have_count(0)
    assert sorted(path for path in site.home.rglob("*") if path.is_file()) == before
    assert "quantization?" not in site.log.read_text()


def test_rating_is_kept_on_the_server_with_its_reason_and_receipt(page: Page, site: Site) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="Not helpful").click()
    reason = exchange.get_by_label("Why?")
    expect(reason).to_be_focused()
    reason.fill("One is missing.")
    exchange.get_by_role("button", name="Send").click()
    expect(exchange.get_by_text("Thank you. Your rating is stored.")).to_be_visible()
    log = site.home / "feedback.jsonl"
    (line,) = log.read_text(encoding="utf-8").splitlines()
    log.unlink()
    kept = json.loads(line)
    assert (kept["verdict"], kept["reason"], kept["user"]) == ("down", "One is missing.", None)
    assert kept["receipt"]["question"] == QUANTIZATION
    assert kept["receipt"]["generation"] and len(kept["receipt"]["citations"]) == len(titles(exchange))


def test_browser_that_keeps_nothing_still_asks(context: BrowserContext, faults: Faults, site: Site) -> None:
    context.add_init_script(
        "for (const name of ['sessionStorage', 'localStorage', 'indexedDB'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('blocked', 'SecurityError'); }});"
    )
    page = opened(context.new_page(), f"{site.url}?q={quote(QUANTIZATION)}")
    expect(finished(page).locator("h2")).to_have_text(QUANTIZATION)
    answered(page, "What does FlashAttention-2 do?")
    expect(page.locator(".cd-kept-note")).to_contain_text("This browser keeps nothing")
    page.locator('[data-action="theme"]').click()
    expect(page.locator("body.dark")).to_be_visible()
