"""What stays: conversations in the browser, files that are taken away, a rating on the server."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Locator, Page, expect

from eval.chat.page import answered, finished, loaded, opened
from eval.speed.program import Site
from tests.browser.reader import QUANTIZATION, Faults, chips, titles

QUANTUM = "Which papers are about quantum optimization?"


def saved(page: Page, button: Locator) -> tuple[str, str]:
    """Press what downloads, and return the file's name and text."""
    with page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_answer_is_taken_away_as_csv_bibtex_ris_and_markdown(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    cited = titles(exchange)
    take = exchange.get_by_role("toolbar", name="The answer")
    name, text = saved(page, take.get_by_role("button", name="CSV"))
    assert name == "citedesk-which-papers-are-about-quantization.csv"
    assert len(list(csv.reader(io.StringIO(text)))) == 1 + len(cited)
    assert all(title in text for title in cited)
    name, text = saved(page, take.get_by_role("button", name="BibTeX"))
    assert name.endswith(".bib") and text.count("\n}") == len(cited) and "{8-bit" in text
    name, text = saved(page, take.get_by_role("button", name="RIS"))
    assert name.endswith(".ris") and text.count("TY  -") == len(cited)
    name, text = saved(page, take.get_by_role("button", name="Markdown"))
    assert name.endswith(".md") and QUANTIZATION in text
    assert exchange.locator(".cd-says .cd-quote").first.inner_text()[:40] in text
    assert all(title in text for title in cited)


def test_paper_is_copied_as_bibtex(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="Details").first.click()
    card = exchange.locator(".cd-details .cd-card").first
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
    name, text = saved(page, kept.get_by_role("button", name="Export"))
    assert name == "citedesk-which-papers-are-about-quantization.md"
    assert QUANTIZATION in text and "Compare the first" in text and "@" in text and QUANTUM not in text
    drop = kept.get_by_role("button", name="Delete", exact=True)
    drop.click()
    expect(kept.locator("li")).to_have_count(2)
    kept.get_by_role("button", name="Delete?").or_(drop).first.click()
    expect(kept.locator("li")).to_have_count(1)
    expect(page.locator(".cd-exchange")).to_have_count(0)
    assert sorted(path for path in site.home.rglob("*") if path.is_file()) == before
    assert "quantization?" not in site.log.read_text()


def test_conversation_is_renamed_pinned_and_found_again(page: Page) -> None:
    kept = page.locator("#cd-kept")
    for question in (QUANTIZATION, QUANTUM, "What does FlashAttention-2 do?", "Papers by Tri Dao", "Compare A and B"):
        kept.get_by_role("button", name="New conversation").click()
        expect(page.locator(".cd-exchange")).to_have_count(0)
        answered(page, question)
        if question == QUANTIZATION:
            kept.get_by_role("button", name="Rename").click()
            kept.get_by_label("Name of the conversation").fill("Small numbers")
            page.keyboard.press("Enter")
            expect(kept.locator("li").first).to_have_text("Small numbers")
            kept.get_by_role("button", name="Pin").click()
            expect(kept.get_by_role("button", name="Unpin")).to_be_visible()
    expect(kept.locator("li")).to_have_count(5)
    expect(kept.locator("li").first).to_have_text("Pinned: Small numbers")
    kept.get_by_label("Search the conversations").fill("quantum")
    expect(kept.locator("li")).to_have_text([QUANTUM])
    kept.get_by_label("Search the conversations").fill("no such words")
    expect(kept.locator("li")).to_have_text(["None has these words."])
    page.reload()
    loaded(page)
    expect(page.locator("#cd-kept li").first).to_have_text("Pinned: Small numbers")


def test_papers_are_selected_compared_asked_about_and_saved(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    boxes = exchange.locator(".cd-answer-rows .cd-pick")
    chosen = titles(exchange)[:2]
    boxes.nth(0).check()
    boxes.nth(1).check()
    bar = page.get_by_role("toolbar", name="Selected papers")
    expect(bar).to_contain_text("2 selected")
    with page.expect_download() as download:
        bar.get_by_label("Save the selected papers as").select_option("bibtex")
    assert Path(download.value.path()).read_text(encoding="utf-8").count("\n}") == 2
    bar.get_by_role("button", name="Ask about").click()
    expect(bar).to_be_hidden()
    expect(page.locator("#cd-question")).to_be_focused()
    expect(page.locator(".cd-exchange")).to_have_count(1)
    expect(page.locator("#cd-scope")).to_contain_text(chosen[0])
    scoped = answered(page, "Which of them needs no training?")
    assert set(titles(scoped)) <= set(chosen)
    assert "among 2 papers" in chips(scoped)
    boxes.nth(0).check()
    boxes.nth(1).check()
    bar.get_by_role("button", name="Compare").click()
    compared = finished(page)
    expect(compared.locator("h2")).to_contain_text("Compare ")
    assert set(titles(compared)) == set(chosen)


def test_reading_list_is_kept_in_the_browser(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    title = titles(exchange)[0]
    exchange.get_by_role("button", name="Details").first.click()
    exchange.get_by_role("button", name="Keep for reading").click()
    expect(exchange.get_by_role("button", name="Kept for reading")).to_have_attribute("aria-pressed", "true")
    page.reload()
    loaded(page)
    reading = page.locator("#cd-reading")
    expect(reading.locator("summary")).to_have_text("Reading list (1)")
    reading.locator("summary").click()
    _, text = saved(page, reading.get_by_role("button", name="RIS"))
    assert text.count("TY  -") == 1
    reading.get_by_role("button", name=f"Ask about: {title}").click()
    expect(page.locator("#cd-scope")).to_contain_text(title)
    reading.get_by_role("button", name=f"Remove: {title}").click()
    expect(reading.locator("summary")).to_have_text("Reading list (0)")


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


def test_question_asked_at_once_in_a_new_conversation_is_answered(page: Page) -> None:
    answered(page, QUANTIZATION)
    page.evaluate(
        """question => {
          document.querySelector('#cd-kept [data-kept=new]').click();
          document.getElementById('cd-question').value = question;
          document.getElementById('cd-composer').requestSubmit();
        }""",
        QUANTUM,
    )
    expect(page.locator(".cd-exchange h2")).to_have_text([QUANTUM])
    expect(finished(page).locator("h2")).to_have_text(QUANTUM)


def test_browser_that_keeps_nothing_still_asks(context: BrowserContext, faults: Faults, site: Site) -> None:
    context.add_init_script(
        "for (const name of ['sessionStorage', 'localStorage', 'indexedDB'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('blocked', 'SecurityError'); }});"
    )
    page = opened(context.new_page(), f"{site.url}?q={quote(QUANTIZATION)}")
    expect(finished(page).locator("h2")).to_have_text(QUANTIZATION)
    answered(page, "What does FlashAttention-2 do?")
    expect(page.locator("#cd-kept .cd-kept-note")).to_contain_text("This browser keeps nothing")
    page.locator('[data-action="theme"]').click()
    expect(page.locator("body.dark")).to_be_visible()
