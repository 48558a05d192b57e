"""Strangers' words and files: they are shown as text, ask nothing of another host, and break nothing."""

import http.client
import json
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
from generation_request import from_png
from playwright.sync_api import Browser, Page, expect
from tests.processes import free_port
from tests.servers import serve
from words import in_html, in_markdown

from pedesis.denoiser import NetworkDenoiser
from pedesis.nn import UNet
from pedesis.process import Process
from pedesis.utils.images import save_png
from pedesis_zoo import recipe
from pedesis_zoo.models.weights import save_weights

from .conftest import ROOT
from .demo_page import FIRST

DEMO = ROOT / "apps" / "gradio_demo"
GOOD = {"model": "digits", "sampler": "ddim", "steps": "2", "grid": "uniform", "number": "1"}


class Listener:
    """Another server, which counts what it is asked."""

    def __init__(self) -> None:
        asked: list[str] = []

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server, self.asked = ThreadingHTTPServer(("127.0.0.1", 0), Answer), asked
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def other() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()


@pytest.fixture
def defenceless(browser: Browser, demo_url: str) -> Iterator[Page]:
    """A page whose browser ignores the second wall, the policy, so that the first must stand alone."""
    context = browser.new_context(bypass_csp=True, base_url=demo_url)
    yield context.new_page()
    context.close()


def hostile(url: str) -> str:
    """Words that would ask another host, lead there, and cover the page."""
    return (
        f'<img src="{url}/leak"><a href="{url}">here</a><form action="{url}"><button>in</button></form>'
        '<div style="position:fixed;inset:0;background:red">x</div>'
    )


def refused(page: Page, other: Listener) -> None:
    """The words are on the page as text, nothing that they describe is, and nobody was asked."""
    told = page.get_by_test_id("toast-body").or_(page.locator(".said")).filter(has_text="<img src=").first
    expect(told).to_be_visible(timeout=FIRST)
    assert told.locator("img, a, form, [style*=fixed]").count() == 0
    page.wait_for_timeout(500)
    assert other.asked == []


def test_words_of_a_link_are_text(defenceless: Page, other: Listener) -> None:
    defenceless.goto("/?" + urlencode({**GOOD, "negative": hostile(other.url)}))
    expect(defenceless.get_by_label("Model", exact=True).first).to_have_value("digits", timeout=FIRST)
    defenceless.get_by_role("button", name="Generate", exact=True).click()
    refused(defenceless, other)


@pytest.mark.parametrize("field", ["model", "sampler", "negative"])
def test_words_of_a_png_are_text(field: str, defenceless: Page, other: Listener, tmp_path: Path) -> None:
    asked = {**GOOD, "steps": 2, "number": 1, field: hostile(other.url)[:200]}
    save_png(np.zeros((8, 8, 1), dtype=np.uint8), tmp_path / "a.png", {"pedesis": json.dumps(asked)})
    defenceless.goto("/")
    expect(defenceless.locator(".pictures .grid-container img").first).to_be_visible(timeout=FIRST)
    defenceless.get_by_role("button", name="Restore the settings of a downloaded PNG").click()
    defenceless.locator("input[type=file]").first.set_input_files(tmp_path / "a.png")
    if field == "negative":  # which classes there are is said when they are asked for
        expect(defenceless.get_by_text("Settings restored")).to_be_visible(timeout=FIRST)
        defenceless.get_by_role("button", name="Generate", exact=True).click()
    refused(defenceless, other)


def test_the_policy_alone_keeps_the_browser_at_home(demo_url: str, page: Page, other: Listener) -> None:
    page.goto(demo_url)
    refusals: list[str] = []
    page.on(
        "console", lambda message: refusals.append(message.text) if "Content Security Policy" in message.text else None
    )
    page.evaluate(
        """url => {
            document.body.insertAdjacentHTML('beforeend', `<img src="${url}/a"><iframe src="${url}/b"></iframe>
              <link rel="stylesheet" href="${url}/c"><div style="background: url(${url}/d)">x</div>
              <form id="away" action="${url}/e"></form><video src="${url}/f"></video>`);
            fetch(url + '/g').catch(() => {});
            navigator.sendBeacon(url + '/h');
            document.getElementById('away').submit();
        }""",
        other.url,
    )
    page.wait_for_timeout(1000)
    assert other.asked == [] and len(refusals) >= 6


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/file=/etc/passwd", "/monitoring"])
def test_every_answer_carries_the_policy(demo_url: str, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=20)
    connection.request("GET", path)
    policy = connection.getresponse().getheader("content-security-policy") or ""
    connection.close()
    assert policy.startswith("default-src 'self';") and "form-action 'self'" in policy and "http" not in policy


def test_words_of_a_weight_file_are_text(browser: Browser, other: Listener, tmp_path: Path) -> None:
    """Its name and its vocabulary are a stranger's too."""
    network = UNet(
        patch=1, channels=3, widths=(16, 16), blocks=(1, 1), heads=2, detail=8,
        text={"vocabulary": ["a", f"<img src={other.url}/leak>"], "length": 6, "width": 16, "layers": 1, "heads": 2},
    )  # fmt: skip
    about = {
        "kind": "image",
        "data": {"name": "words", "shape": [3, 8, 8], "classes": [], "license": "none"},
        "generation": asdict(replace(recipe("digits").generation, steps=2)),
        "training": {},
    }
    name = f"<img src='{other.url.replace('/', '&#47;')}'>.safetensors"
    save_weights(tmp_path / name, NetworkDenoiser(network, Process("cosine")), about)
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), "--models", str(tmp_path)]
    with serve(command, f"http://127.0.0.1:{port}/", DEMO) as url:
        context = browser.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(url)
        for tab in ("Generate", "About"):
            page.get_by_role("tab", name=tab).click()
            page.get_by_label("Model", exact=True).locator("visible=true").first.click()
            page.get_by_role("option", name=name, exact=True).click()
            said = page.get_by_text("of your own").locator("visible=true")
            expect(said).to_contain_text("<img src=", timeout=FIRST)
        expect(said).to_contain_text("/leak>")
        page.wait_for_timeout(500)
        context.close()
    assert other.asked == []


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of one bit a pixel, all black, with more chunks before its pixels."""
    size = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    squeeze = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


FILES = {
    "huge": png(50_000, 50_000),
    "nested": png(8, 8, chunk(b"tEXt", b"pedesis\0" + b"[" * 100_000)),
    "nested objects": png(8, 8, chunk(b"tEXt", b"pedesis\0" + b'{"a":' * 100_000)),
    "bomb of text": png(8, 8, chunk(b"zTXt", b"pedesis\0\0" + zlib.compress(b"[" * 50_000_000))),
    "long number": png(8, 8, chunk(b"tEXt", b'pedesis\0{"model": "digits", "seed": ' + b"9" * 10_000 + b"}")),
    "cut short": png(8, 8)[:40],
    "wrong sum": png(8, 8, chunk(b"tEXt", b"pedesis\0{}")[:-1] + b"x"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_png_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES[name])
    with pytest.raises(ValueError, match="carries no settings"):
        from_png(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["huge", "nested"])
def test_a_hostile_png_is_one_sentence_on_the_page(
    name: str, page: Page, demo_url: str, demo_log: Path, tmp_path: Path
) -> None:
    """And nothing in the log: also where the session has rebuilt the widgets."""
    (tmp_path / "a.png").write_bytes(FILES[name])
    page.goto(demo_url)
    expect(page.locator(".pictures .grid-container img").first).to_be_visible(timeout=FIRST)
    page.get_by_role("button", name="Restore the settings of a downloaded PNG").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "a.png")
    expect(page.get_by_test_id("toast-body")).to_contain_text("carries no settings", timeout=FIRST)
    assert "Traceback" not in demo_log.read_text()


@pytest.mark.parametrize(
    "words", ["<b>", "**b**", "![](http://a)", "[a](b)", "`a`", "&lt;", "a_b_", "# a", "<a:b>", "|"]
)
def test_marks_are_letters(words: str) -> None:
    assert not set(in_html(words)) & set("<>") and not set(in_markdown(words)) & set("<>*![]()`_|:/")
    assert in_markdown("a hero, ünd 7.5") == in_html("a hero, ünd 7.5") == "a hero, ünd 7.5"
