"""The demo as its visitors meet it: the API, the guard, and a real browser."""

import http.client
import json
import math
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

import pedesis_zoo as zoo
from pedesis.images import enlarge, grid

DEMO = Path(__file__).parents[2] / "apps" / "gradio_demo"
ARGUMENTS = ["digits", "7", 2.0, 5, False, 2, "ddim", 4, "uniform"]


@pytest.fixture(scope="module")
def client(demo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(demo_url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


def test_the_api_draws_what_the_library_draws(client: Client) -> None:
    result = client.predict(*ARGUMENTS, api_name="/generate")
    with Image.open(result[6]) as image:
        assert image.text["seed"] == "5"  # type: ignore[attr-defined]
        drawn = np.asarray(image)
    pixels = zoo.sample("digits", "7", [5, 6], guidance=2.0, sampler="ddim", steps=4)
    laid = grid(pixels, gap=1)
    assert np.array_equal(drawn, enlarge(laid, 420 // laid.shape[1])[..., 0])
    assert len(result[2]) == 2 and "2 pictures" in result[3] and result[4] == 5


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, "fashon-mnist", "fashon-mnist"),
        (1, "eleven", "unknown class 'eleven'"),
        (2, True, "not numbers"),
        (3, 2**40, "seed|maximum"),
        (5, 10**6, "maximum|less than"),
        (6, "ddmi", "ddmi"),
        (7, 0, "minimum|greater than"),
    ],
)
def test_wrong_requests_come_back_as_a_clear_error(client: Client, place: int, value: object, message: str) -> None:
    arguments = [*ARGUMENTS]
    arguments[place] = value  # type: ignore[call-overload]
    with pytest.raises((AppError, ValueError), match=message):
        client.predict(*arguments, api_name="/generate")


def test_not_a_number_is_refused(demo_url: str) -> None:
    """JSON of the wild: gradio's own bounds let NaN pass, the handler does not."""
    body = json.dumps({"data": [*ARGUMENTS[:2], math.nan, *ARGUMENTS[3:]]}).encode()
    request = urllib.request.Request(f"{demo_url}gradio_api/call/generate", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{demo_url}gradio_api/call/generate/{event}", timeout=20) as reply:
        said = reply.read().decode()
    assert "event: error" in said and "guidance" in said


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "/gradio_api/upload", 10, 404),
        ("GET", "/gradio_api/file=https://example.org/a.png", 0, 404),
        ("GET", "/gradio_api/file=/etc/passwd", 0, 403),
        ("GET", "/gradio_api/proxy=https://example.org/", 0, 404),
        ("POST", "/gradio_api/queue/join", 100_000, 413),
        ("GET", "/docs", 0, 404),
    ],
)
def test_what_the_page_does_not_need_is_closed(demo_url: str, method: str, path: str, size: int, status: int) -> None:
    connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=20)
    connection.request(method, path, body=b"x" * size if size else None)
    assert connection.getresponse().status == status
    connection.close()


def test_a_visitor_moves_the_slider_and_gets_pictures(demo_url: str, page: Page) -> None:
    outside: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith((demo_url, "data:", "blob:")) else None)
    page.goto(demo_url)
    slider = page.get_by_label("number input for Guidance scale")
    slider.fill("3.5")
    slider.press("Tab")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_text("9 pictures in")).to_be_visible(timeout=90_000)
    sheet = page.locator("#sheet-clean img")
    expect(sheet).to_be_visible()
    page.wait_for_function("document.querySelector('#sheet-clean img').naturalWidth > 200")
    expect(page.locator("#gallery .grid-container img")).to_have_count(9)
    assert not outside, "the page asks nothing of any other machine"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_at_the_side(demo_url: str, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(demo_url)
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_visible()
    results = page.locator("#results").bounding_box()
    assert results is not None and results["x"] >= 0 and results["x"] + results["width"] <= width + 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_wrong_folder_of_models_is_one_sentence() -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "app.py", "--models", "absent"], cwd=DEMO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and done.stderr == "error: --models absent is not a folder\n"
    assert Path(DEMO, "app.py").is_file()
