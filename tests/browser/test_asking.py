"""From a question to what its answer rests on, and asking again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from eval.chat.page import answered, finished
from eval.chat.program import Site
from tests.browser.reader import QUANTIZATION, WITHIN, after, chips, titles


def test_marker_shows_its_quote_on_hover_and_focus_and_escape_closes_it(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
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


def test_click_on_a_marker_leads_to_the_card_whose_abstract_has_the_quote_marked(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    cite = exchange.locator(".cd-prose .cd-cite").first
    card = page.locator(cite.get_attribute("href") or "none")
    cite.click(position=WITHIN)
    expect(card).to_be_focused()
    expect(card).to_be_in_viewport()
    assert "cd-flash" in (card.get_attribute("class") or "")
    card.get_by_text("Whole abstract").click()
    quote = card.locator(".cd-quote").first.inner_text()
    expect(card.locator(".cd-abstract mark").first).to_be_visible()
    assert quote in " ".join(card.locator("mark").all_inner_texts())
    card.get_by_role("button", name="Back to the text").click()
    expect(cite).to_be_focused()


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
    coded = after(page, lifted.get_by_role("button", name="+ with code").click)
    assert "with code" in chips(coded)
    assert 0 < len(titles(coded)) < more
    other = after(page, lambda: coded.get_by_label("Asks for").select_option("compare"))
    expect(other.locator(".cd-compare")).to_be_visible()
    expect(other.get_by_label("Asks for")).to_have_value("compare")


def test_constraints_are_typed_and_undone(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_text("Change", exact=True).click()
    exchange.get_by_label("From").fill("2025")
    narrowed = after(page, lambda: exchange.get_by_label("From").press("Enter"))
    assert "2025" in chips(narrowed)
    dates = narrowed.locator(".cd-table tbody tr td:nth-child(3)").all_inner_texts()
    assert dates and all(date >= "2025" for date in dates)
    narrowed.get_by_text("Change", exact=True).click()
    reset = after(page, narrowed.get_by_role("button", name="Reset").click)
    assert "2025" not in chips(reset)


def test_follow_up_leans_on_the_answer_before_it(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    among = titles(exchange)
    follow = exchange.get_by_label("Questions to ask next").get_by_role("button")
    follow.filter(has_text="And in ").first.click()
    expect(page.locator(".cd-exchange")).to_have_count(2)
    second = finished(page)
    assert "quantization" in second.locator(".cd-understood").inner_text().lower()
    assert set(titles(second)) <= set(among)


def test_permalink_asks_the_same_question_with_the_same_filters(page: Page, site: Site) -> None:
    exchange = answered(page, QUANTIZATION)
    coded = after(page, exchange.get_by_role("button", name="+ with code").click)
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
    expect(exchange.locator("[data-part=near] .cd-card").first).to_be_visible()
    assert exchange.locator(".cd-error").count() == 0


def test_list_is_sorted_by_click_and_by_keyboard(page: Page) -> None:
    exchange = answered(page, QUANTIZATION)
    date = exchange.locator("th", has=page.get_by_role("button", name="Date"))
    date.get_by_role("button").click()
    expect(date).to_have_attribute("aria-sort", "descending")  # the newest first
    dates = exchange.locator(".cd-table tbody tr td:nth-child(3)")
    falling = dates.all_inner_texts()
    assert falling == sorted(falling, reverse=True) and len(falling) > 1
    date.get_by_role("button").press("Enter")
    expect(date).to_have_attribute("aria-sort", "ascending")
    assert dates.all_inner_texts() == sorted(falling)
