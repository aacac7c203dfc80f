"""`python -m eval.chat.speed`: how long people wait, measured in a browser over the index in use.

Cold start is the time from the command to a page that takes a question; first titles and whole answer are the times
from Enter to the first paper on the screen and to the end of the answer.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from eval.chat.page import loaded
from eval.speed.bench import spread_questions
from eval.speed.program import Site, running
from rag.settings import load_settings

_FIRST = ".cd-exchange:last-child :is(.cd-row, .cd-refused, .cd-prose)"
_PATIENCE = 60_000  # milliseconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, default=Path("eval/gold/dev.jsonl"))
    parser.add_argument("--n", type=int, default=30, help="questions, spread evenly over the file")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--home", type=Path, default=load_settings({}).settings.home, help="index to ask")
    arguments = parser.parse_args()
    site = Site(arguments.home)
    chosen = spread_questions(arguments.gold, arguments.n)
    with _browser() as browser:
        starts = [_cold_start(browser, site) for _ in range(arguments.starts)]
        with running(site):
            page = browser.new_page()
            page.goto(site.url)
            loaded(page)
            waits = [_waits(page, question) for question in chosen]
    sys.stdout.write(f"cold start to a page that takes a question: {_said(starts)}\n")
    sys.stdout.write(f"question to first titles: {_said([first for first, _ in waits])}\n")
    sys.stdout.write(f"question to the whole answer: {_said([whole for _, whole in waits])}\n")


def _cold_start(browser: Browser, site: Site) -> float:
    page, began = browser.new_page(), time.monotonic()
    with running(site, wait=False):
        page.goto(site.url)
        page.fill("#cd-question", "which papers")
        took = time.monotonic() - began
    page.close()
    return took


def _waits(page: Page, question: str) -> tuple[float, float]:
    """Return the seconds from Enter to the first titles, and to the whole answer."""
    page.get_by_role("button", name="New conversation").click()
    page.fill("#cd-question", question)
    began = time.monotonic()
    page.press("#cd-question", "Enter")
    page.wait_for_selector(_FIRST, timeout=_PATIENCE)
    first = time.monotonic() - began
    page.wait_for_selector("#cd-exchanges[aria-busy=false]", timeout=_PATIENCE)
    return first, time.monotonic() - began


def _said(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    median, worst = statistics.median(ordered), ordered[round(0.95 * (len(ordered) - 1))]
    return f"median {median:.2f} s, 95 % within {worst:.2f} s (n = {len(ordered)})"


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
