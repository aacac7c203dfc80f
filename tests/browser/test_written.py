"""Answers that an endpoint writes: their checks, and that nobody's work outlives the one who asked for it."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, expect

from eval.chat.page import answered, ask, finished, loaded, opened, to_tab
from eval.speed.program import Site
from tests.browser.reader import Faults, scripted
from tests.fakes import ScriptedEndpoint

FLASH = "What does FlashAttention-2 do?"
TRUE = "FlashAttention-2 uses better work partitioning to address inefficiencies of FlashAttention [1]."
FALSE = "FlashAttention-2 was trained on nine thousand zebras in Iceland [1]."
SUPPORTED = "The authors propose better work partitioning to address the inefficiency of FlashAttention [1]."
LONG = scripted([TRUE] * 400)


def test_sentences_of_a_written_answer_bear_their_verdicts_in_words(
    writing_page: Page, endpoint: ScriptedEndpoint
) -> None:
    endpoint.pieces = scripted([SUPPORTED, FALSE])
    exchange = answered(writing_page, FLASH)
    verdicts = exchange.locator(".cd-prose .cd-verdict").all_inner_texts()
    assert len(verdicts) == 2
    assert verdicts[0].startswith("supported")
    assert verdicts[1].startswith(("not found in the abstract", "abstract says otherwise"))
    hovers = [each.get_attribute("title") or "" for each in exchange.locator(".cd-prose .cd-verdict").all()]
    assert [hover.splitlines()[0] for hover in hovers] == verdicts
    expect(exchange.locator(".cd-by")).to_contain_text("Written by small-model")


def test_stop_ends_the_answer_and_the_work_of_the_endpoint(writing_page: Page, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces, endpoint.pause = LONG, 0.05
    exchange = ask(writing_page, FLASH)
    expect(exchange.locator(".cd-growing")).to_contain_text("FlashAttention-2 uses")
    writing_page.get_by_role("button", name="Stop").click()
    expect(exchange.locator(".cd-progress")).to_contain_text("Stopped.")
    expect(writing_page.get_by_role("button", name="Stop")).to_be_hidden()
    assert endpoint.closed_early.wait(5)
    expect(exchange.locator(".cd-growing")).to_contain_text("FlashAttention-2 uses")
    endpoint.pieces, endpoint.pause = scripted([TRUE]), 0
    exchange.get_by_role("button", name="Retry").click()
    expect(finished(writing_page).locator(".cd-prose")).to_contain_text("better work partitioning")


def test_escape_stops_an_answer(writing_page: Page, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces, endpoint.pause = LONG, 0.05
    exchange = ask(writing_page, FLASH)
    expect(exchange.locator(".cd-growing")).to_contain_text("FlashAttention-2 uses")
    writing_page.keyboard.press("Escape")
    expect(exchange.locator(".cd-progress")).to_contain_text("Stopped.")
    assert endpoint.closed_early.wait(5)


def test_closed_page_ends_the_work_of_the_endpoint(writing_page: Page, endpoint: ScriptedEndpoint) -> None:
    endpoint.pieces, endpoint.pause = LONG, 0.05
    exchange = ask(writing_page, FLASH)
    expect(exchange.locator(".cd-growing")).to_contain_text("FlashAttention-2 uses")
    writing_page.close()
    assert endpoint.closed_early.wait(10)


def test_failing_endpoint_is_said_and_the_papers_own_words_are_shown(
    writing_page: Page, endpoint: ScriptedEndpoint
) -> None:
    endpoint.status = 500
    exchange = answered(writing_page, FLASH)
    expect(exchange.locator(".cd-note")).to_contain_text("500")
    expect(exchange.locator(".cd-by")).to_contain_text("The papers’ own words")
    expect(exchange.locator("[data-part=papers] .cd-row").first).to_be_visible()


def test_settings_turn_written_answers_off_for_this_page(writing_page: Page, endpoint: ScriptedEndpoint) -> None:
    to_tab(writing_page, "Settings")
    writing_page.get_by_label("extractive").check()
    writing_page.get_by_label("Fast").check()
    writing_page.get_by_role("button", name="Use these settings").click()
    expect(writing_page.locator(".cd-chosen")).to_contain_text("in the papers’ own words; the search is fast")
    to_tab(writing_page, "Ask")
    exchange = answered(writing_page, FLASH)
    expect(exchange.locator(".cd-by")).to_contain_text("The papers’ own words")
    assert endpoint.requests == []


def test_typed_key_reaches_its_endpoint_and_nothing_else(
    context: BrowserContext, faults: Faults, site: Site, endpoint: ScriptedEndpoint
) -> None:
    key = "sk-typed-4711"
    sent: list[str] = []
    with ScriptedEndpoint(scripted([TRUE]), models=("tall-model", "wide-model")) as own:
        page = opened(context.new_page(), site.url)
        to_tab(page, "Settings")
        page.get_by_role("textbox", name="Endpoint OpenAI").fill(own.url)
        page.get_by_label("Key Kept in memory").fill(key)
        page.get_by_role("button", name="List models").click()
        expect(page.locator(".cd-chosen")).to_contain_text("lists 2 models")
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="wide-model").click()
        page.get_by_label("Written by a model").check()
        page.get_by_role("button", name="Use these settings").click()
        expect(page.locator(".cd-chosen")).to_contain_text(f"written by wide-model at {own.url}, with the key")
        expect(page.get_by_label("Key Kept in memory")).to_have_value("")
        context.on("response", lambda reply: sent.append(reply.url))
        to_tab(page, "Ask")
        answered(page, FLASH)
        assert {request["model"] for request in own.requests} == {"wide-model"}
        assert set(own.keys) == {f"Bearer {key}"}
    assert endpoint.requests == []
    kept = page.evaluate("JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage)])")
    page.locator("[data-action=export][data-format=markdown]").click()
    shown = [page.content(), page.url, kept, site.log.read_text(), *sent]
    assert not [each for each in shown if key in each]
    assert not [path for path in site.home.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    page.reload()
    loaded(page)
    to_tab(page, "Settings")
    assert key not in page.content()
    expect(page.locator(".cd-chosen")).to_contain_text("in the papers’ own words")
