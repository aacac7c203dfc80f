"""What a reader does on the page and sees there, and what must never happen on the way."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Position, Request

from eval.chat.page import PATIENCE, finished

QUANTIZATION = "Which papers are about quantization?"
WITHIN: Position = {"x": 16, "y": 10}
"""A point of a marker that shows; its first box is that of the word that only screen readers have."""


LEFT = ("AbortError: (?:BodyStreamBuffer was|signal is) aborted", "Unexpected error Connection errored out")
"""What Gradio 6.31 says where a page is left or reloaded, now and then."""


@dataclass
class Faults:
    """What went wrong on a page; `meant` are patterns of what a test brings about itself."""

    host: str
    seen: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=lambda: list(LEFT))

    def follow(self, context: BrowserContext) -> None:
        """Note errors in the console, exceptions, and requests to other hosts, of all pages of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.seen.append(f"exception: {error.error.stack}"))
        context.on("request", self._request)

    def assert_none(self) -> None:
        """Fail where anything happened that was not meant."""
        amiss = [each for each in self.seen if not any(re.search(pattern, each) for pattern in self.meant)]
        assert not amiss, amiss

    def forgive_console(self) -> None:
        """Forget what the console has said so far, while a test kept the server away; the rest still counts."""
        self.seen = [each for each in self.seen if not each.startswith("console:")]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.seen.append(f"console: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:", f"blob:{self.host}")):
            self.seen.append(f"request: {request.url}")


def after(page: Page, act: Callable[[], Any]) -> Locator:
    """Do what asks an exchange again, and wait for the answer that takes the place of the last one."""
    old = page.locator(".cd-exchange").last.get_attribute("id")
    act()
    page.wait_for_function("id => !document.getElementById(id)", arg=old, timeout=PATIENCE)
    return finished(page)


@contextmanager
def slowed(process: int) -> Iterator[None]:
    """Let a process run for 5 ms of each 55, as on a machine that is that much slower."""
    over = threading.Event()

    def take_turns() -> None:
        while not over.wait(0.005):
            os.kill(process, signal.SIGSTOP)
            over.wait(0.05)
            os.kill(process, signal.SIGCONT)

    turns = threading.Thread(target=take_turns)
    turns.start()
    try:
        yield
    finally:
        over.set()
        turns.join()


def titles(exchange: Locator) -> list[str]:
    """List the titles of the papers that an answer cites, in the order of its rows."""
    return exchange.locator("[data-part=papers] .cd-row-title bdi").all_inner_texts()


def chips(exchange: Locator) -> str:
    """Return how the question was understood, as text; "" where nothing but its kind was."""
    return " ".join(exchange.locator(".cd-understood .cd-chips").all_inner_texts())


def sideways(page: Page) -> int:
    """Return by how many pixels the page can be scrolled sideways."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide


def scripted(sentences: Sequence[str]) -> tuple[str, ...]:
    """Cut sentences into the pieces in which an endpoint streams them."""
    return tuple(piece for sentence in sentences for piece in re.findall(r"\S+\s*", sentence + " "))
