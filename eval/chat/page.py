"""Drive the chat's page in a browser, as a reader does."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

PATIENCE = 40_000  # milliseconds, also on a busy machine


def opened(page: Page, url: str) -> Page:
    """Open the chat, and wait until it is loaded."""
    page.goto(url)
    loaded(page)
    return page


def loaded(page: Page) -> None:
    """Wait until the chat accepts questions and shows the number of papers."""
    page.wait_for_selector("[data-attached] #cd-question", timeout=PATIENCE)
    page.wait_for_function("/ papers?$/.test(document.getElementById('cd-state').textContent)", timeout=PATIENCE)


def ask(page: Page, question: str) -> Locator:
    """Type a question, and return its exchange, which is not finished yet."""
    before = page.locator(".cd-exchange").count()
    page.fill("#cd-question", question)
    page.press("#cd-question", "Enter")
    expect(page.locator(".cd-exchange")).to_have_count(before + 1)
    return _last(page)


def finished(page: Page) -> Locator:
    """Wait until no answer is in progress, and return the last exchange."""
    page.wait_for_selector("#cd-exchanges[aria-busy=false]", timeout=PATIENCE)
    exchange = _last(page)
    expect(exchange.locator("[data-action=copy-answer]")).to_be_visible()
    return exchange


def _last(page: Page) -> Locator:
    """Return the exchange that is last now, and stays the one meant when others follow."""
    return page.locator(f"#{page.locator('.cd-exchange').last.get_attribute('id')}")


def answered(page: Page, question: str) -> Locator:
    """Ask, wait for the complete answer, and return its exchange."""
    ask(page, question)
    return finished(page)


def to_tab(page: Page, name: str) -> None:
    """Open a tab of the page."""
    page.get_by_role("tab", name=name, exact=True).click()
    expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
