"""The demo as its visitors meet it: the API, the guard, and a real browser."""

import http.client
import json
import math
import re
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import pedesis_zoo as zoo
from pedesis.utils.images import resize_nearest, save_png

DEMO = Path(__file__).parents[2] / "apps" / "gradio_demo"
COMMON: dict[str, Any] = {
    "model": "digits",
    "label": "7",
    "prompt": "",
    "guidance": 2.0,
    "seed": 5,
    "number": 2,
    "sampler": "ddim",
    "steps": 4,
    "grid": "uniform",
}
EVERYWHERE = {"interval_low": -20.0, "interval_high": 20.0}
ENDPOINTS = {"generate", "live", "compare", "draw_picture", "card"} | {
    "inpaint",
    "image_to_image",
    "super_resolution",
    "interpolate",
}
FIRST = 90_000  # milliseconds, on a machine that is busy


@pytest.fixture(scope="module")
def client(demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(demo_url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


# -- the API ---------------------------------------------------------------------------------------------------


def test_every_tab_has_an_endpoint_with_typed_parameters(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {name.strip("/") for name in named} - {"steer"} == ENDPOINTS
    types = {p["parameter_name"]: p["python_type"]["type"] for p in named["/generate"]["parameters"]}
    assert (types["guidance"], types["steps"], types["seed"], types["prompt"]) == ("float", "int", "int", "str")
    assert types["sampler"].startswith("Literal['ddpm'") and types["randomize"] == "bool"


def test_the_api_draws_what_the_library_draws(client: Client) -> None:
    gallery, seed, png, gif, script, query, status, _ = client.predict(**COMMON, **EVERYWHERE, api_name="/generate")
    pixels = zoo.sample("digits", "7", [5, 6], guidance=2.0, sampler="ddim", steps=4)
    assert seed == 5 and "2 pictures" in status and "label=7" in query and "zoo.sample(" in script
    for item, drawn in zip(gallery, pixels, strict=True):
        with Image.open(item["image"]) as image:
            assert np.array_equal(np.asarray(image), resize_nearest(drawn, 64)[..., 0])
            assert json.loads(image.info["pedesis"])["number"] == 1, "the metadata came through"
    with Image.open(png) as image:
        assert json.loads(image.info["pedesis"])["seed"] == 5
    with Image.open(gif) as image:
        assert image.format == "GIF"


def test_a_running_request_streams(client: Client) -> None:
    job = client.submit(**{**COMMON, "number": 16, "steps": 100}, api_name="/generate")
    seen = list(job)
    assert len(seen) >= 2 and "step " in seen[0][6] and seen[0][7].count("<img") == 2 and not seen[0][0]


def test_two_visitors_at_once_get_their_own_pictures(demo_url: str, tmp_path: Path) -> None:
    results: dict[int, str] = {}
    asked = {name: value for name, value in {**COMMON, **EVERYWHERE, "steps": 20}.items() if name != "seed"}

    def visit(seed: int) -> None:
        visitor = Client(demo_url, verbose=False, download_files=str(tmp_path / str(seed)))
        results[seed] = visitor.predict(**asked, seed=seed, api_name="/generate")[0][0]["image"]

    threads = [threading.Thread(target=visit, args=[seed]) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, path in results.items():
        alone = zoo.sample("digits", "7", [seed], guidance=2.0, sampler="ddim", steps=20)[0]
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), resize_nearest(alone, 64)[..., 0])
    assert len(results) == 3


def test_edits_by_api(client: Client, tmp_path: Path) -> None:
    save_png(zoo.sample("digits", "3", [1])[0], tmp_path / "three.png")
    three = {**COMMON, "eta": 0.0, "picture": handle_file(str(tmp_path / "three.png"))}
    for endpoint, more in {
        "/inpaint": {"hole": "0" * 32 + "1" * 32, "repeats": 1},
        "/image_to_image": {"strength": 0.5},
        "/super_resolution": {"factor": 2},
    }.items():
        files, png, status, _ = client.predict(**three, **more, api_name=endpoint)
        assert len(files) == 2
        assert "2 pictures" in status and Path(png).is_file()
    with pytest.raises(AppError, match="64 digits, 0 or 1; got 3"):
        client.predict(**three, hole="010", repeats=1, api_name="/inpaint")
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(AppError, match="cannot be read as a picture"):
        client.predict(
            **{**three, "picture": handle_file(str(tmp_path / "words.png"))}, strength=0.5, api_name="/image_to_image"
        )


def test_a_comparison_by_api(client: Client) -> None:
    png, _, shown = client.predict(**COMMON, by="guidance scales", values="0\n3", api_name="/compare")
    assert shown.count("<img") == 4
    with Image.open(png) as image:
        assert image.width == 150 + 2 * 280, "room for the names of rows, then the columns"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "fashon-mnist"}, "fashon-mnist"),
        ({"label": "eleven"}, "unknown class 'eleven'"),
        ({"guidance": True}, "not numbers"),
        ({"seed": 2**40}, "seed|maximum"),
        ({"number": 10**6}, "maximum|less than"),
        ({"sampler": "ddmi"}, "ddmi"),
        ({"steps": 0}, "minimum|greater than"),
        ({"prompt": "x" * 1000}, "at most 300"),
        ({"negative": "eleven"}, "unknown class 'eleven'"),
    ],
)
def test_wrong_requests_come_back_as_a_clear_error(client: Client, change: dict[str, Any], message: str) -> None:
    with pytest.raises((AppError, ValueError), match=message):
        client.predict(**{**COMMON, **change}, api_name="/generate")


@pytest.mark.parametrize(("place", "field"), [(3, "guidance"), (4, "seed"), (15, "rescale")])
def test_not_a_number_is_refused(demo_url: str, place: int, field: str) -> None:
    """JSON of the wild: gradio's own bounds let NaN pass, the handler does not."""
    data = ["digits", "7", "", 2.0, 5, False, 2, "ddim", 0.0, 4, "uniform", "nothing", "nothing", -20, 20, 0.0]
    data[place] = math.nan
    said = call(demo_url, "generate", data)
    assert "event: error" in said and field in said


def call(url: str, endpoint: str, data: list[Any]) -> str:
    """What the server says to a raw request."""
    body, kind = json.dumps({"data": data}).encode(), {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}gradio_api/call/{endpoint}", body, kind)
    with urllib.request.urlopen(request, timeout=60) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/{endpoint}/{event}", timeout=60) as reply:
        return str(reply.read().decode())


# -- the guard -------------------------------------------------------------------------------------------------


def form(files: int, size: int) -> bytes:
    """A form with some files."""
    head = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    return b"".join(head + b"0" * size + b"\r\n" for _ in range(files)) + b"--x--\r\n"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/gradio_api/upload", form(1, 1000), 200),
        ("POST", "/gradio_api/upload", form(1, 10).replace(b"000", b"filename=1; filename=2"), 200),
        ("POST", "/gradio_api/upload", form(2, 10), 413),
        ("POST", "/gradio_api/upload", form(1, 10_500_000), 413),
        ("GET", "/gradio_api/file=https://example.org/a.png", None, 404),
        ("GET", "/gradio_api/file=/etc/passwd", None, 403),
        ("GET", f"/gradio_api/file={DEMO}/app.py", None, 403),
        ("GET", "/gradio_api/proxy=https://example.org/", None, 404),
        ("POST", "/gradio_api/component_server/", b"x", 404),
        ("GET", "/gradio_api/deep_link?session_hash=a", None, 404),
        ("GET", "/gradio_api/runs", None, 404),
        ("GET", "/monitoring", None, 404),
        ("POST", "/gradio_api/queue/join", b"x" * 100_000, 413),
        ("GET", "/docs", None, 404),
    ],
)
def test_what_the_page_does_not_need_is_closed(
    demo_url: str, method: str, path: str, body: bytes | None, status: int
) -> None:
    connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=20)
    connection.request(method, path, body=body, headers={"content-type": "multipart/form-data; boundary=x"})
    assert connection.getresponse().status == status
    connection.close()


CUT_OFF = ("AbortError: signal is aborted", "Connection errored out")

# -- the browser -----------------------------------------------------------------------------------------------


@pytest.fixture
def opened(demo_url: str, page: Page) -> Page:
    """The page, open; nothing may have been asked of another machine, and no error may be on the console."""
    outside: list[str] = []
    errors: list[str] = []
    visits: list[str] = []
    page.on("request", lambda r: visits.append(r.url) if r.is_navigation_request() else None)
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith((demo_url, "data:", "blob:")) else None)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(demo_url)
    expect(page.locator(".pictures .grid-container img").first).to_be_visible(timeout=FIRST)
    settle(page)
    yield page  # type: ignore[misc]
    if len(visits) > 1:  # what a page that was left says of the requests that this cut off
        errors = [error for error in errors if not any(said in error for said in CUT_OFF)]
    assert not outside and not errors


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


@pytest.mark.everywhere
def test_a_visitor_moves_the_slider_and_gets_pictures(opened: Page) -> None:
    expect(opened.locator(".pictures .grid-container img")).to_have_count(8)
    before = opened.locator(".pictures img").first.get_attribute("src")
    number(opened, "Guidance scale", "3.5")
    generate(opened, r"8 pictures in")
    expect(opened.locator(".pictures .grid-container img")).to_have_count(8)
    assert opened.locator(".pictures img").first.get_attribute("src") != before
    expect(opened.locator(".strip img")).to_be_visible()


def test_a_download_brought_back_restores_its_settings(opened: Page, tmp_path: Path) -> None:
    choose_model(opened, "digits")
    choose(opened, "Class", "7")
    expect(number_field(opened, "Guidance scale")).to_have_value("2")
    number(opened, "Guidance scale", "4.5")
    opened.get_by_label("Seed", exact=True).first.fill("11")
    generate(opened, r"8 pictures in")
    with opened.expect_download() as download:
        opened.get_by_role("button", name="PNG, with its settings").first.click()
    path = tmp_path / "pedesis.png"
    download.value.save_as(path)
    with Image.open(path) as image:
        assert json.loads(image.info["pedesis"])["guidance"] == 4.5

    opened.reload()
    expect(opened.locator(".pictures .grid-container img").first).to_be_visible(timeout=FIRST)
    opened.get_by_role("button", name="Restore the settings of a downloaded PNG").click()
    opened.locator("input[type=file]").first.set_input_files(path)
    expect(opened.get_by_text("Settings restored")).to_be_visible(timeout=FIRST)
    expect(opened.get_by_label("Model", exact=True).first).to_have_value("digits")
    expect(opened.get_by_label("Class", exact=True).first).to_have_value("7")
    expect(opened.get_by_label("number input for Guidance scale").first).to_have_value("4.5")
    expect(opened.get_by_label("Seed", exact=True).first).to_have_value("11")


def test_a_link_carries_the_settings(demo_url: str, page: Page) -> None:
    page.goto(f"{demo_url}?model=digits&label=4&guidance=1.5&seed=3&sampler=ddim&eta=0.5&steps=6&grid=uniform")
    expect(page.get_by_text("Settings from the link")).to_be_visible(timeout=FIRST)
    generate(page, r"8 pictures in")
    page.get_by_role("button", name="Copy as Python, or as a link").click()
    link = page.locator(".link .cm-content")
    expect(link).to_contain_text(f"{demo_url}?model=digits")  # the page puts its own address before the settings
    asked = dict(parse_qsl(urlsplit(link.inner_text()).query))
    assert asked["model"] == "digits" and asked["label"] == "4"
    assert (asked["guidance"], asked["seed"], asked["eta"], asked["steps"]) == ("1.5", "3", "0.5", "6")
    expect(page.locator(".cm-content").first).to_contain_text("{'name': 'ddim', 'eta': 0.5}")


def test_stop_stops(opened: Page) -> None:
    choose_model(opened, "fashion-mnist")  # slow enough to be stopped in time
    open_advanced(opened, "fashion-mnist")
    number(opened, "Steps", "200")
    number(opened, "Number of images", "16")
    opened.get_by_role("button", name="Generate", exact=True).click()
    # The first preview moves the page, and what is clicked in that moment may be elsewhere: wait for later ones.
    expect(opened.get_by_text(re.compile(r"step \d\d+ of 200"))).to_be_visible(timeout=FIRST)
    opened.get_by_role("button", name="Stop", exact=True).first.click()
    expect(opened.get_by_text("stopped")).to_be_visible(timeout=FIRST)
    number(opened, "Steps", "2")
    generate(opened, r"16 pictures in")


def test_hidden_means_hidden(opened: Page) -> None:
    choose_model(opened, "plain.safetensors")
    expect(opened.get_by_label("Class", exact=True).first).to_be_hidden()
    expect(opened.get_by_label("number input for Guidance scale").first).to_be_hidden()
    choose_model(opened, "words.safetensors")
    expect(opened.get_by_label("Prompt").first).to_have_value("a")  # its first word: the widgets fit the model now
    opened.get_by_label("Prompt").first.fill("a red elf")
    opened.get_by_role("button", name="Generate", exact=True).click()
    expect(opened.get_by_text('does not know "elf"')).to_be_visible(timeout=FIRST)


def test_live_follows_the_slider(opened: Page) -> None:
    opened.get_by_role("tab", name="Live").click()
    picture = opened.locator(".live img")
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    slider = opened.get_by_role("slider").locator("visible=true").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_live_follows_the_words(opened: Page) -> None:
    """Pasted ones too, which cause no key press."""
    opened.get_by_role("tab", name="Live").click()
    picture = opened.locator(".live img")
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    opened.get_by_label("Prompt").locator("visible=true").fill("a lizard with a staff")
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_a_visitor_paints_a_hole_and_fills_it(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board = opened.locator(".painter canvas")
    expect(board).to_be_visible()
    opened.get_by_role("button", name="Draw the painted part").click()
    expect(opened.get_by_text("paint over a part")).to_be_visible(timeout=FIRST)
    board.scroll_into_view_if_needed()
    box = board.bounding_box()  # where it is now: what was said may have moved it
    assert box is not None
    opened.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.6)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6, steps=8)
    opened.mouse.up()
    opened.get_by_role("button", name="Draw the painted part").click()
    expect(opened.get_by_text("4 pictures")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".pictures .grid-container img").locator("visible=true")).to_have_count(4)


def test_the_mask_editor_works_without_a_mouse(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    board = opened.locator(".painter canvas")
    count = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 == 0 && v > 200)"
    board.focus()
    for key in ("ArrowLeft", " ", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", " ", "Tab"):
        board.press(key)
    opened.wait_for_timeout(200)
    assert opened.evaluate(f"c => ({count})(c).length", board.element_handle()) == 2 * 9, "two dabs of a brush of 3x3"


def test_a_picture_drawn_to_edit_replaces_the_first(opened: Page) -> None:
    opened.get_by_role("tab", name="Edit").click()
    picture = opened.locator(".source img").first
    expect(picture).to_be_visible(timeout=FIRST)
    before = picture.get_attribute("src")
    opened.get_by_role("button", name="Draw one").click()
    expect(opened.get_by_text("Choose what to do with it.", exact=True)).to_be_visible(timeout=FIRST)
    expect(picture).not_to_have_attribute("src", before or "", timeout=FIRST)


def test_a_comparison_in_the_browser(opened: Page) -> None:
    opened.get_by_role("tab", name="Compare").click()
    opened.get_by_label("Values, one a line").fill("0\n2")
    opened.get_by_role("button", name="Compare", exact=True).click()
    expect(opened.get_by_text("the same seeds in each")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".comparison img")).to_have_count(2 * 3)


@pytest.mark.skipif("fashion-mnist-classifier" not in zoo.list_models(), reason="the classifier is not trained")
def test_the_class_probability_is_plotted(opened: Page) -> None:
    opened.get_by_role("tab", name="Classifier guidance").click()
    opened.get_by_role("button", name="Draw both").click()
    expect(opened.get_by_text("two ways.")).to_be_visible(timeout=FIRST)
    expect(opened.locator(".chart polyline").locator("visible=true")).to_have_count(2)
    expect(opened.locator(".pair img").locator("visible=true")).to_have_count(2)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_at_the_side(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    expect(opened.get_by_role("button", name="Generate", exact=True)).to_be_visible()
    opened.wait_for_function(  # on a phone the columns have no box of their own
        """width => [...document.querySelectorAll('.pictures')].filter(e => e.checkVisibility()).some(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.x >= 0 && box.right <= width + 1;
        })""",
        arg=width,
    )
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


def test_every_field_of_the_first_tab_has_a_label(opened: Page) -> None:
    unnamed = opened.evaluate(
        """() => [...document.querySelectorAll('input, textarea, button, img')].filter(e => e.checkVisibility())
        .filter(e => !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim() || e.title))
        .filter(e => !e.hasAttribute('alt')).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert not unnamed


def test_a_wrong_folder_of_models_is_one_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "app.py", "--models", "absent"], cwd=DEMO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and done.stderr == "error: --models absent is not a folder\n"


def test_the_space_has_what_its_front_matter_says() -> None:
    front = (DEMO / "README.md").read_text().split("---\n")[1]
    said = dict(line.split(": ", 1) for line in front.splitlines())
    assert (DEMO / said["app_file"]).is_file() and said["sdk"] == "gradio"
    import gradio

    assert gradio.__version__.split(".")[0] == said["sdk_version"].split(".")[0]
    assert not list(DEMO.rglob("*.pyi")), "gradio writes such files beside subclasses of its components"
