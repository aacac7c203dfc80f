"""`python -m eval.chat.screenshots`: six screenshots of the chat over the index in use, into docs/pictures/."""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from eval.chat.page import answered, opened, to_tab
from eval.speed.program import PROJECT, Site, citedesk, running
from rag.settings import load_settings

_FOLDER = PROJECT / "docs" / "pictures"
_GOLD = "eval/gold/dev.jsonl"
_COLOURS = 128
_LIST = "Which papers cut KV-cache memory?"
_FACT = "How much faster is FlashDecoding++?"
_COMPARE = "Compare FlashAttention-2 and FlashDecoding++"


def _top(page: Page, selector: str, above: int = 24) -> None:
    """Scroll an element to a little below the window's top, and remove the focus."""
    page.evaluate(
        "([selector, above]) => { document.activeElement?.blur(); const place = document.querySelector(selector);"
        " scrollTo({top: place.getBoundingClientRect().top + scrollY - above, behavior: 'instant'}); }",
        [selector, above],
    )


def _list(page: Page) -> None:
    answered(page, _LIST)
    _top(page, "body", 0)


def _quote(page: Page) -> None:
    exchange = answered(page, _FACT)
    _top(page, "body", 0)
    exchange.locator(".cd-prose .cd-cite").first.hover(position={"x": 16, "y": 10})
    expect(page.locator(".cd-tip:not([hidden])")).to_be_visible()


def _comparison(page: Page) -> None:
    answered(page, _COMPARE)
    _top(page, "body", 0)


def _map(page: Page) -> None:
    to_tab(page, "Browse")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator(".cd-map-svg .cd-point").first).to_be_visible()
    page.mouse.move(0, 0)


def _phone(page: Page) -> None:
    answered(page, _LIST)
    _top(page, ".cd-exchange")


def _measure(page: Page) -> None:
    to_tab(page, "Measure")
    expect(page.locator(".cd-measure")).to_be_visible()
    page.wait_for_timeout(800)  # until the report has been laid out in its frame


_WIDE, _PHONE = (1280, 860), (390, 844)
PICTURES: dict[str, tuple[tuple[int, int], str, Callable[[Page], None]]] = {
    "list": (_WIDE, "light", _list),
    "quote": (_WIDE, "light", _quote),
    "comparison": (_WIDE, "light", _comparison),
    "map": (_WIDE, "light", _map),
    "phone": (_PHONE, "dark", _phone),
    "measure": (_WIDE, "light", _measure),
}


def main() -> None:
    """Take the screenshots, after an evaluation on a copy of the index."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--home", type=Path, default=load_settings().settings.home, help="index to show")
    parser.add_argument("--out", type=Path, default=_FOLDER, help="folder of the screenshots")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(arguments.home, home)  # what the pictures need must not change the index in use
        run = ("eval", "run", "--home", home, "--gold", _GOLD, "--no-llm", "--quiet", "--out", Path(scratch) / "run")
        citedesk(*run, cwd=PROJECT)
        with running(Site(home)) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name in PICTURES:
                (arguments.out / f"{name}.png").write_bytes(_picture(browser, site.url, name))
            browser.close()


def _picture(browser: Browser, url: str, name: str) -> bytes:
    """Return a screenshot as PNG, with few colours so that it stays small."""
    (width, height), theme, act = PICTURES[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        locale="en-US",
        device_scale_factor=2 if width < 500 else 1,
    )
    page = opened(context.new_page(), url)
    act(page)
    taken = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    small = io.BytesIO()
    taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    main()
