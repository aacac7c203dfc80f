"""Many at once, and a server whose index changes or that goes away and comes back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from eval.chat.page import answered, ask, finished, loaded, opened
from eval.speed.program import Site, citedesk, running
from tests.browser.collection import LATER, write_collection
from tests.browser.reader import QUANTIZATION, Faults, scripted, titles
from tests.fakes import ScriptedEndpoint

_LOST = "The server does not answer"
_SESSIONS = 20
SUBJECTS = ("quantum optimization", "quantization", "code optimization", "circuits")


@pytest.fixture(scope="module")
def own(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, ScriptedEndpoint]]:
    """A chat of this module's own, whose index may change and which may be ended; its endpoint is slow."""
    copy = shutil.copytree(home, tmp_path_factory.mktemp("own") / "home")
    with ScriptedEndpoint(scripted(["FlashAttention-2 has better work partitioning [1]."] * 300)) as endpoint:
        endpoint.pause = 0.05
        settings = {"CITEDESK_LLM_BASE_URL": endpoint.url, "CITEDESK_LLM_MODEL": "small-model"}
        with running(Site(copy, settings)) as started:
            yield started, endpoint


@pytest.fixture
def own_page(own: tuple[Site, ScriptedEndpoint], context: BrowserContext) -> Iterator[tuple[Page, Faults]]:
    noted = Faults(own[0].url)
    noted.follow(context)
    yield opened(context.new_page(), own[0].url), noted
    noted.assert_none()


def test_twenty_sessions_at_once_each_get_their_own_answer(browser: Browser, site: Site) -> None:
    contexts = [browser.new_context(reduced_motion="reduce") for _ in range(4)]
    faults = [Faults(site.url) for _ in contexts]
    for noted, context in zip(faults, contexts, strict=True):
        noted.follow(context)
        context.set_default_timeout(60_000)
    pages = _opened_at_once(contexts, site.url)
    questions = [f"Which papers are about {subject} from {2021 + i} on?" for i in range(5) for subject in SUBJECTS]
    for page, question in zip(pages, questions, strict=True):
        page.evaluate("question => document.getElementById('cd-question').value = question", question)
    for page in pages:
        page.evaluate("document.getElementById('cd-composer').requestSubmit()")
    for page, question in zip(pages, questions, strict=True):
        _assert_its_own(page, question)
    waited = [place for page in pages for place in page.evaluate("[...window.places]")]
    for context in contexts:
        context.close()
    for noted in faults:
        noted.assert_none()
    assert max(waited, default=0) >= 2  # how many wait at once hangs on how fast the others are answered


def _opened_at_once(contexts: list[BrowserContext], url: str) -> list[Page]:
    pages = [context.new_page() for context in contexts for _ in range(_SESSIONS // len(contexts))]
    for page in pages:
        page.goto(url, wait_until="commit")
    for page in pages:
        loaded(page)
        page.evaluate(_WATCH)
    return pages


def _assert_its_own(page: Page, question: str) -> None:
    page.wait_for_selector("#cd-exchanges[aria-busy=false] [data-action=copy-answer]", state="attached")
    shown = page.locator(".cd-exchange")
    expect(shown).to_have_count(1)
    expect(shown.locator("h2")).to_have_text(question)
    since = re.findall(r"20\d\d", question)[0]
    assert f"{since} or later" in shown.locator(".cd-understood").inner_text()
    receipt = json.loads(shown.locator(".cd-receipt").text_content() or "{}")
    assert receipt["question"] == receipt["turn"]["question"] == question


_WATCH = """() => {
  window.places = new Set();
  new MutationObserver(() => {
    const said = document.querySelector('.cd-progress')?.textContent.match(/number (\\d+) in the queue/);
    if (said) window.places.add(Number(said[1]));
  }).observe(document.getElementById('cd-exchanges'), {childList: true, subtree: true, characterData: true});
}"""


def test_new_generation_of_the_index_is_taken_over_by_the_open_page(
    own: tuple[Site, ScriptedEndpoint], own_page: tuple[Page, Faults], tmp_path: Path
) -> None:
    page, _ = own_page
    expect(page.locator("#cd-state")).to_have_text("44 papers")
    papers = write_collection(tmp_path / "papers.jsonl", LATER)
    citedesk("index", papers, "--home", own[0].home, "--quiet", cwd=tmp_path)
    expect(page.locator("#cd-state")).to_have_text("45 papers", timeout=25_000)
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("extractive").check()
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator(".cd-chosen")).to_contain_text("in the papers’ own words")
    page.get_by_role("tab", name="Ask", exact=True).click()
    exchange = answered(page, "Which papers are about okapis in forests?")
    assert titles(exchange) == ["Okapi: Stripes That Came Later"]


def test_page_outlives_a_server_that_ends_in_mid_answer(
    own: tuple[Site, ScriptedEndpoint], own_page: tuple[Page, Faults]
) -> None:
    (site, _), (page, faults) = own, own_page
    exchange = ask(page, "What does FlashAttention-2 do?")
    expect(exchange.locator(".cd-growing")).to_contain_text("work partitioning")
    page.fill("#cd-question", "a draft that is not asked yet")
    faults.assert_none()
    site.kill()
    expect(page.locator("#cd-state")).to_contain_text(_LOST, timeout=25_000)
    expect(exchange.locator(".cd-progress")).to_contain_text("What had come by then is kept")
    expect(exchange.locator(".cd-growing")).to_contain_text("work partitioning")
    site.start()
    loaded_again = page.locator("#cd-state", has_text=re.compile("papers$"))
    expect(loaded_again).to_be_visible(timeout=40_000)
    loaded(page)
    faults.forgive_console()
    expect(page.locator(".cd-exchange h2")).to_have_text("What does FlashAttention-2 do?")
    expect(page.locator(".cd-exchange .cd-growing")).to_contain_text("work partitioning")
    expect(page.locator("#cd-question")).to_have_value("a draft that is not asked yet")
    page.fill("#cd-question", "")
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("extractive").check()
    page.get_by_role("button", name="Use these settings").click()
    expect(page.locator(".cd-chosen")).to_contain_text("in the papers’ own words")
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.get_by_role("button", name="Retry").click()
    expect(finished(page).locator("[data-part=papers] .cd-row").first).to_be_visible()


def test_question_asked_before_the_chat_is_loaded_is_answered_after(
    home: Path, context: BrowserContext, tmp_path: Path
) -> None:
    copy = shutil.copytree(home, tmp_path / "home")
    with running(Site(copy), wait=False) as site:
        noted = Faults(site.url)
        noted.follow(context)
        page = context.new_page()
        page.goto(site.url)
        assert page.locator("body.cd-waiting-page").count() == 1
        page.fill("#cd-question", QUANTIZATION)
        page.press("#cd-question", "Enter")
        expect(page.locator("#cd-wait")).to_contain_text("Your question is taken")
        loaded(page)
        page.wait_for_selector(".cd-exchange")
        expect(finished(page).locator("h2")).to_have_text(QUANTIZATION)
        noted.assert_none()


def test_question_entered_before_the_scripts_run_is_asked(site: Site, context: BrowserContext, faults: Faults) -> None:
    page = context.new_page()
    held: list[Route] = []
    page.route("**/page/static/chat.js", lambda route: held.append(route))
    page.goto(site.url, wait_until="commit")
    page.fill("#cd-question", QUANTIZATION)
    page.press("#cd-question", "Enter")
    assert page.locator(".cd-exchange").count() == 0
    held[0].continue_()
    page.wait_for_selector(".cd-exchange")
    expect(finished(page).locator("h2")).to_have_text(QUANTIZATION)


def test_examples_that_could_not_be_had_are_fetched_when_the_server_answers_again(
    context: BrowserContext, faults: Faults, site: Site
) -> None:
    def without_examples(route: Route) -> None:
        page = route.fetch()
        bare = re.sub(r'(<div class="cd-examples">).*?(</div>)', r"\1\2", page.text(), count=1, flags=re.DOTALL)
        route.fulfill(response=page, body=bare)

    faults.meant.append("console: .*ERR_CONNECTION_RESET")
    context.route(site.url, without_examples)
    context.route("**/page/examples", lambda route: route.abort("connectionreset"), times=1)
    page = opened(context.new_page(), site.url)
    expect(page.locator("#cd-examples button").first).to_be_visible()
    assert any("ERR_CONNECTION_RESET" in each for each in faults.seen)
