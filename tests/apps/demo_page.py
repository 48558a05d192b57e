"""What a visitor of the demo does, for tests in a browser."""

import re

from playwright.sync_api import Locator, Page, expect

import pedesis_zoo as zoo

FIRST = 90_000  # milliseconds, on a machine that is busy


def settle(page: Page) -> None:
    """Wait until the browser has drawn ten more frames.

    Gradio fills a field that has come to the screen once more, a frame or two later: what a person cannot type
    in that time, a test can, and it would be lost.
    """
    page.evaluate("""() => new Promise(drawn => {
        const frame = left => left ? requestAnimationFrame(() => frame(left - 1)) : drawn()
        frame(10)
    })""")


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").first.click()
    page.get_by_role("option", name=value, exact=True).click()


def choose_model(page: Page, name: str) -> None:
    """Choose a model, and wait for the widgets that fit it."""
    choose(page, "Model", name)
    line = f"A model of your own, {name}" if "." in name else zoo.recipe(name).title
    expect(page.get_by_text(line).locator("visible=true")).to_be_visible(timeout=FIRST)
    settle(page)


def number_field(page: Page, label: str) -> Locator:
    return page.get_by_label(f"number input for {label}").locator("visible=true").first


def number(page: Page, label: str, value: str) -> None:
    number_field(page, label).fill(value)
    number_field(page, label).press("Tab")


def open_advanced(page: Page, model: str) -> None:
    """Open the advanced settings, and wait for those of this model: they are filled only once they are on screen."""
    page.get_by_role("button", name="Advanced settings").first.click()
    expect(number_field(page, "Steps")).to_have_value(str(zoo.recipe(model).generation.steps))
    settle(page)


def generate(page: Page, said: str) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_text(re.compile(said))).to_be_visible(timeout=FIRST)
