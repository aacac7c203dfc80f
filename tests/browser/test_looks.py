"""Themes, widths, motion, and the tabs beside the answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from eval.chat.page import answered, loaded, opened, to_tab
from eval.speed.program import Site
from tests.browser.reader import QUANTIZATION, Faults, sideways

MANY = "Which papers are about optimization?"  # more than eight
TABS = ("Ask", "Browse", "Measure", "Settings")


def background(page: Page) -> str:
    """Return the page's background colour."""
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_dark_mode_is_toggled_and_stays(page: Page) -> None:
    assert background(page) == "rgb(251, 250, 247)"
    page.get_by_role("button", name="Dark").click()
    assert background(page) == "rgb(20, 23, 27)"
    page.reload()
    loaded(page)
    assert background(page) == "rgb(20, 23, 27)"
    page.get_by_role("button", name="Light").click()
    assert background(page) == "rgb(251, 250, 247)"


def test_theme_follows_the_system_until_the_reader_chooses(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body.dark")).to_be_visible()
    assert background(page) == "rgb(20, 23, 27)"


def test_no_width_from_a_phone_to_a_wide_screen_scrolls_sideways(page: Page, report: Path) -> None:
    answered(page, QUANTIZATION)
    answered(page, "Compare FlashAttention-2 and LOOPer")
    answered(page, "What does Marmot dig?")
    wide = {}
    for tab in TABS:
        to_tab(page, tab)
        for width in (390, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            wide[tab, width] = sideways(page)
    assert wide == dict.fromkeys(wide, 0)


@pytest.mark.parametrize(("width", "height", "most"), [(1280, 800, 1.5), (390, 844, 3.0)])
def test_list_of_eight_fits_one_and_a_half_screens_and_three_on_a_phone(
    page: Page, width: int, height: int, most: float
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    exchange = answered(page, MANY)
    rows = [each.bounding_box() for each in exchange.locator(".cd-answer-rows .cd-row").all()]
    box, eighth, last = exchange.bounding_box(), rows[7], rows[-1]
    assert box and eighth and last
    beyond = last["y"] + last["height"] - eighth["y"] - eighth["height"]  # what a list of eight would not have
    assert (box["height"] - beyond) / height <= most


def test_targets_on_a_phone_are_large_and_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    exchange = answered(page, QUANTIZATION)
    exchange.get_by_role("button", name="Details").first.click()
    expect(exchange.locator(".cd-details .cd-abstract")).to_be_visible()
    exchange.locator(".cd-pick").first.check()
    small = page.evaluate(
        """() => [...document.querySelectorAll('.cd-exchange button, .cd-exchange select, .cd-exchange summary,'
        + ' .cd-pick-box, .cd-composer button, .cd-selection :is(button, select), .cd-top button')]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 43.5)
        .map((each) => `${each.outerHTML.slice(0, 90)} ${each.getBoundingClientRect().height}`)"""
    )
    assert small == []
    assert sideways(page) == 0


def test_nothing_moves_for_those_who_asked_for_that(page: Page) -> None:
    answered(page, QUANTIZATION)
    moving = page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length")
    assert moving == 0
    styles = page.evaluate(
        "[...document.querySelectorAll('*')].map(each => getComputedStyle(each))"
        ".filter(each => each.animationName !== 'none' || each.scrollBehavior !== 'auto').length"
    )
    assert styles == 0


def test_jump_to_a_card_is_smooth_where_motion_is_welcome(browser: Browser, site: Site) -> None:
    context = browser.new_context(reduced_motion="no-preference")
    page = opened(context.new_page(), site.url)
    faults = Faults(site.url)
    faults.follow(context)
    exchange = answered(page, QUANTIZATION)
    card = exchange.locator("[data-part=papers] .cd-row").last
    card.evaluate(
        "(row) => row.closest('.cd-exchange').querySelector('.cd-prose').insertAdjacentHTML('beforeend',"
        " `<a class='cd-cite' href='#${row.id}'>x</a>`)"
    )
    exchange.locator(".cd-prose .cd-cite").last.press("Enter")
    expect(card).to_be_focused()
    expect(card).to_be_in_viewport()
    context.close()
    faults.assert_none()


def test_measure_shows_the_last_evaluation(page: Page, report: Path) -> None:
    to_tab(page, "Measure")
    expect(page.get_by_role("heading", name="How good the answers are")).to_be_visible()
    expect(page.locator(".cd-figures li").first).to_contain_text("%")
    inside = page.frame_locator(".cd-report")
    expect(inside.locator("body")).to_contain_text("Which papers are about quantization?")


@pytest.mark.parametrize("width", [1280, 390])
def test_examples_are_offered_and_asked_by_a_click(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    example = page.locator("#cd-examples button").first
    question = example.inner_text()
    example.click()
    expect(page.locator(".cd-exchange h2")).to_have_text(question)
    expect(page.locator("#cd-examples")).to_be_hidden()
    expect(page.locator(".cd-exchange [data-action=copy-answer]")).to_be_visible()
