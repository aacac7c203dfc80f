"""A library whose every field means harm: no page of the chat runs, loads, links or hides any of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from eval.chat.page import answered, loaded, to_tab
from eval.speed.program import Site, citedesk, running
from tests.browser.reader import Faults

_ELSEWHERE = "https://elsewhere.example"
FORMS = (
    "<img src=x onerror=window.harmed=1>",
    '"><svg onload=window.harmed=1>',
    "</script><script>window.harmed=1</script>",
    "</textarea></title></style><script>window.harmed=1</script>",
    f"<iframe src={_ELSEWHERE}></iframe><form action={_ELSEWHERE}><input></form>",
    f'<style>@import "{_ELSEWHERE}/x.css"</style><base href={_ELSEWHERE}><link href={_ELSEWHERE}>',
    '" onmouseover="window.harmed=1" autofocus onfocus="window.harmed=1',
    "&lt;img src=x onerror=window.harmed=1&gt; &#60;script&#62;window.harmed=1&#60;/script&#62;",
    "<math><mi xlink:href=javascript:window.harmed=1>x</mi></math>",
    f"![pic]({_ELSEWHERE}/a.png) [x](javascript:window.harmed=1) <{_ELSEWHERE}/auto>",
    "$\\href{javascript:window.harmed=1}{x} \\text{<script>window.harmed=1</script>}$",
    "\u202egnp.exe\u202c \u2066hidden\u2069 \U000e0041\U000e0042 \u200b",
    f"\x1b[31mred\x1b]8;;{_ELSEWHERE}\x07link \x9b31m \x00",
    "{{7*7}} ${window.harmed=1} As said [1] [99] 〔1〕 ❨1❩",
    "Your session has expired, which happens. Sign in again to go on.",
)
LINKS = (
    "javascript:window.harmed=1",
    "data:text/html,<script>window.harmed=1</script>",
    "tel:+19005551234",
    f"{_ELSEWHERE}@evil.example/x",
    'https://ok.example/"onmouseover="window.harmed=1',
    "//elsewhere.example/x",
)
SPOKEN = FORMS[-1]
QUESTIONS = (
    "Which papers study pangolins by radar?",
    "Who wrote about pangolins, and where was it published?",
    "Compare the first and the second",
    "Which papers say that window.harmed is 1?",
)
OFFERED = "[aria-label='Questions to begin with'] button, [data-action=follow]"
ACTIVE = r"""() => {
  const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u{e0000}-\u{e0fff}]/u;
  const found = [];
  for (const each of document.body.querySelectorAll("*")) {
    const ours = each.matches("form:not([action]), [action=logout], script[nonce], script[type='application/json']");
    if (each.matches("img, iframe, object, embed, form, base, meta, link, math, script, video") && !ours)
      found.push(each.outerHTML);
    for (const { name, value } of each.attributes) {
      if (/^on/.test(name) || unseen.test(value)) found.push(`${name}=${value}`);
      if (name === "href" && !/^(#|https?:\/\/|\/|\.\/)/.test(value)) found.push(value);
      if (name === "href" && /elsewhere|evil|onmouse|script/.test(value)) found.push(value);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode())
    if (!texts.currentNode.parentElement.closest("script, style") && unseen.test(texts.currentNode.data))
      found.push(texts.currentNode.data);
  return found.concat(window.harmed === undefined ? [] : ["harmed"]);
}"""


def hostile(n: int, form: str) -> dict[str, Any]:
    """Return a paper with a form in each of its fields."""
    links = {name: LINKS[(n + i) % len(LINKS)] for i, name in enumerate(("url", "code", "data"))}
    abstract = f"We study pangolins by radar. {form} The radar finds {n + 3} pangolins {form} each night. It holds."
    title = f"Pangolins by radar {n}: {form}"
    named = {"authors": [form, f"Ann {form}"], "venue": form, "organisation": form}
    return {"paper_id": f"hostile-{n}", "title": title, "abstract": abstract, "date": "2024", **named, **links}


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The chat over the hostile papers, of which three have the same author and venue."""
    folder = tmp_path_factory.mktemp("hostile")
    papers = [hostile(n, form) for n, form in enumerate((*FORMS, SPOKEN, SPOKEN))]
    file = folder / "<img src=x onerror=window.harmed=1>&quot;'.jsonl"
    file.write_text("\n".join(map(json.dumps, papers)) + "\n", encoding="utf-8")
    citedesk("index", file, "--home", folder / "home", "--quiet", cwd=folder)
    with running(Site(folder / "home")) as started:
        yield started


@pytest.fixture
def hostile_page(context: BrowserContext, hostile_site: Site) -> Iterator[Page]:
    """The chat's page, on which nothing may be asked of other hosts, be said in the console or open a dialog."""
    noted = Faults(hostile_site.url)
    noted.follow(context)
    page = context.new_page()
    page.on("dialog", lambda dialog: (noted.seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(hostile_site.url)
    yield page
    noted.assert_none()


def test_no_page_makes_anything_of_a_hostile_library_active(hostile_page: Page) -> None:
    page = hostile_page
    expect(page.locator(OFFERED).first).to_be_visible()
    assert page.evaluate(ACTIVE) == []
    loaded(page)
    for question in QUESTIONS:
        exchange = answered(page, question)
        for opener in exchange.get_by_role("button", name="Details").all()[:3]:
            opener.click()
        assert page.evaluate(ACTIVE) == []
    to_tab(page, "Browse")
    expect(page.locator(".cd-browse-count")).to_contain_text("papers")
    for row in page.locator(".cd-browse-found .cd-rows > li").filter(visible=True).all():
        row.locator("summary").first.click()
        expect(row.locator(".cd-card")).to_be_visible()
    assert page.evaluate(ACTIVE) == []
    page.get_by_role("tab", name="Map").click()
    page.locator(".cd-map-svg .cd-point").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cd-map-panel .cd-card")).to_be_visible()
    assert page.evaluate(ACTIVE) == []
    for tab in ("Measure", "Settings"):
        to_tab(page, tab)
        assert page.evaluate(ACTIVE) == []


def test_questions_that_we_offer_say_nothing_of_a_hostile_author(hostile_page: Page) -> None:
    offered = hostile_page.locator(OFFERED)
    expect(offered.first).to_be_visible()
    loaded(hostile_page)
    begin = offered.all_inner_texts()
    answered(hostile_page, QUESTIONS[0])
    assert not [each for each in begin + offered.all_inner_texts() if "session" in each]
