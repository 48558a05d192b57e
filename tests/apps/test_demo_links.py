"""Links: a short one is enough, it draws at once, what it says wrong is said, and the address follows."""

import re
from types import SimpleNamespace
from urllib.parse import parse_qsl

import models
import pytest
import widgets
from generation_request import from_query, strange
from playwright.sync_api import Page, expect
from tabs import generate as tab

from .demo_page import FIRST, generate


@pytest.mark.parametrize(
    "query", ["model=digits", "model=digits&label=3", "model=digits&steps=7&seed=3", "prompt=a+hero&guidance=2.5", ""]
)
def test_a_short_link_is_the_request_it_came_from(query: str) -> None:
    asked, _ = models.request(**{k: float(v) if v[0].isdigit() and k != "label" else v for k, v in parse_qsl(query)})
    usual, _ = models.request(model=asked.model)
    short = asked.query(usual)
    assert set(parse_qsl(short)) == {*parse_qsl(query), ("model", asked.model)}
    assert from_query(dict(parse_qsl(short)), lambda **fields: models.request(**fields)[0]) == asked


def test_what_a_link_says_too_much() -> None:
    assert strange({"model": "digits", "__theme": "dark", "color": "red", "steps": "3"}) == ["color"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"model": "digits", "label": "eleven"}, "unknown class"),
        ({"model": "digit"}, "did you mean"),
        ({"prompt": "a xylophone"}, "does not know"),
        ({"model": "digits", "grid": "unifrom"}, "unknown"),
        ({"model": "digits", "sampler": "dimm"}, "unknown sampler"),
        ({"steps": "many"}, "steps"),
    ],
)
def test_nothing_in_a_link_is_replaced_in_silence(query: dict[str, str], message: str) -> None:
    page = tab.Tab(None, dict.fromkeys(widgets.FIELDS), [], None)  # type: ignore[arg-type]
    *_, said, _ = page.open(SimpleNamespace(query_params=query))  # type: ignore[arg-type]
    assert "The link is not understood" in said and message in said


@pytest.mark.parametrize("query", ["?model=digits", "?model=digits&label=3&guidance=1.5&__theme=dark"])
def test_a_link_draws_at_once(demo_url: str, page: Page, query: str) -> None:
    page.goto(demo_url + query)
    expect(page.get_by_text("Settings from the link: 8 pictures in")).to_be_visible(timeout=FIRST)
    expect(page.locator(".pictures .grid-container img")).to_have_count(8)
    expect(page.locator(".made-by").first).to_contain_text("digits · ")


def test_the_address_follows_and_a_reload_draws_the_same(opened: Page) -> None:
    opened.get_by_label("Seed", exact=True).first.fill("11")
    generate(opened, "8 pictures in")
    expect(opened).to_have_url(re.compile(r"[?&]seed=11\b"))
    assert "interval" not in opened.url and "steps" not in opened.url, "only what is not as usual"
    line = opened.locator(".made-by").first.inner_text()
    opened.reload()
    expect(opened.get_by_text("Settings from the link: 8 pictures in")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".made-by").first).to_have_text(line, use_inner_text=True)


def test_the_first_click_changes_something(opened: Page) -> None:
    before = opened.locator(".made-by").first.inner_text()
    generate(opened, "8 pictures in")
    expect(opened.locator(".made-by").first).not_to_have_text(before, use_inner_text=True)


def test_what_is_asked_for_meanwhile_is_drawn_next(opened: Page) -> None:
    press = opened.get_by_role("button", name="Generate", exact=True)
    opened.get_by_label("Prompt").first.fill("a red hero")
    press.click()
    opened.get_by_label("Prompt").first.fill("a green lizard")
    press.click()
    expect(opened.locator(".made-by").first).to_contain_text("a green lizard", timeout=FIRST)
    expect(opened.get_by_text("8 pictures in")).to_be_visible(timeout=FIRST)
