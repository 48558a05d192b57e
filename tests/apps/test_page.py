"""The page that draws without a server behind it: in a real browser, from a plain server of files."""

import gzip
import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from playwright.sync_api import ConsoleMessage, Page, Request, expect
from tests.processes import free_port
from tests.servers import serve
from torch import Tensor

import pedesis_zoo as zoo
from pedesis.denoiser import Condition, Denoiser, Prediction
from pedesis.guidance.thresholding import StaticThresholding
from pedesis.process import Time
from pedesis.samplers import DDIM
from pedesis.utils.images import Pixels, to_pixels
from pedesis.utils.philox import Philox
from pedesis_zoo.data.tokenizer import Vocabulary
from pedesis_zoo.export.page import page as write_page
from pedesis_zoo.export.page.building import MODELS, SOURCES
from pedesis_zoo.generation.sampling import make_pipeline

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

LONG = 120_000
"""Milliseconds that a loaded machine may take; nothing here is timed."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as it is published."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine (Node.js), which fetches ONNX Runtime for browsers")
    try:
        return write_page(tmp_path_factory.mktemp("page") / "page")
    except ValueError as error:
        if "npm could not fetch" not in str(error):
            raise
        pytest.skip(f"{error}"[:200])


@contextmanager
def served(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with serve(command, f"http://127.0.0.1:{port}/", folder, log=folder.parent / "log") as url:
        yield url


@pytest.fixture(scope="session")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as url:
        yield url


@pytest.fixture
def clean(page: Page) -> Iterator[Page]:
    """A browser's page that must not ask another host, nor complain."""
    asked, errors = list[str](), list[str]()

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def note(request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            asked.append(request.url)

    page.context.on("request", note)
    page.context.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert asked == []
    assert errors == []


def drawn(page: Page, place: str, what: str = "") -> Any:
    """Wait for a finished picture whose label holds some words; its canvas."""
    expect(page.locator(place)).to_have_attribute("data-drawn", re.compile(re.escape(what) or "."), timeout=LONG)
    return page.locator(place)


def pixels(canvas: Any) -> Pixels:
    """What is on a canvas: uint8 (H, W, 3)."""
    read = "c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    height, width, *data = canvas.evaluate(read)
    return np.array(data, dtype=np.uint8).reshape(height, width, 4)[..., :3]


def slide(page: Page, panel: str, value: float, event: str = "input") -> None:
    """Drag a guidance slider, or let go of it."""
    script = "(s, [value, kind]) => { s.value = value; s.dispatchEvent(new Event(kind, {bubbles: true})); }"
    page.locator(f"{panel} [name=guidance]").evaluate(script, [value, event])


class Exported(Denoiser):
    """The network that the page holds, asked from Python."""

    def __init__(self, folder: Path, name: str, guidance: float):
        super().__init__(zoo.load(name, "cpu").denoiser.process)
        packed = folder / json.loads((folder / "models.json").read_text())["models"][name]["file"]
        self.session = onnxruntime.InferenceSession(gzip.decompress(packed.read_bytes()))
        self.guidance = guidance

    def predict(self, x_t: Tensor, t: Time, condition: Condition = None) -> Prediction:
        assert isinstance(condition, Tensor)
        log_snr = self.process.log_snr(torch.as_tensor(t, dtype=torch.float64))
        rows = np.ones(len(x_t), np.float32)
        given = {"x_t": x_t.numpy(), "log_snr": float(log_snr) * rows, "condition": condition.numpy()}
        (x0,) = self.session.run(["x0"], {**given, "guidance": self.guidance * rows})
        return self.prediction(x_t, t, torch.from_numpy(x0))


def twin(folder: Path, name: str, wanted: str, seed: int, guidance: float) -> Pixels:
    """The picture of a seed by the library's own sampler and noise."""
    model = zoo.load(name, "cpu")
    start = Philox([seed])(torch.empty(1, *model.shape))
    denoiser = StaticThresholding(Exported(folder, name, guidance))
    x = DDIM().sample(denoiser, start, make_pipeline(model).times, model.condition(wanted, 1))
    return np.broadcast_to(to_pixels(x)[0], (*model.shape[1:], 3))


def apart(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_clothes_follow_the_slider_on_a_phone(clean: Page, url: str, folder: Path, theme: Any) -> None:
    clean.emulate_media(color_scheme=theme)
    clean.set_viewport_size({"width": 390, "height": 800})
    clean.goto(url)
    name = "fashion-mnist-student-1"
    assert apart(pixels(drawn(clean, "#clothes .large", "seed 0")), twin(folder, name, "sneaker", 0, 2.0)) <= 1
    slide(clean, "#clothes", 5.5)
    assert apart(pixels(drawn(clean, "#clothes .large", "guidance 5.5")), twin(folder, name, "sneaker", 0, 5.5)) <= 1
    slide(clean, "#clothes", 5.5, "change")
    last = drawn(clean, "#clothes .grid canvas:last-child", "guidance 5.5, seed 8")
    assert apart(pixels(last), twin(folder, name, "sneaker", 8, 5.5)) <= 1
    assert clean.evaluate("document.documentElement.scrollWidth") <= 390


def test_keyboard_and_names_are_enough(clean: Page, url: str) -> None:
    """Every control by its role and its name; the slider by its arrow keys; pictures say what they show."""
    clean.goto(url)
    panel = clean.get_by_role("region", name="Clothes, while you drag")
    drawn(clean, "#clothes .large")
    panel.get_by_role("combobox", name="Class").select_option("dress")
    drawn(clean, "#clothes .large", "dress")
    panel.get_by_role("slider", name="Guidance").focus()
    clean.keyboard.press("ArrowRight")
    expect(panel.get_by_role("img", name="dress, guidance 2.1, seed 0")).to_be_visible(timeout=LONG)
    panel.get_by_role("textbox", name="Seed").fill("-1")
    clean.keyboard.press("Tab")
    expect(panel.get_by_role("alert")).to_contain_text("A seed is a whole number from 0")
    nameless = """[...document.querySelectorAll("input, select, textarea, button, canvas")].filter(
        (e) => !(e.labels?.length || e.textContent.trim() || e.getAttribute("aria-label"))).length"""
    assert clean.evaluate(nameless) == 0


def test_heroes_follow_words_and_unknown_ones_are_named(clean: Page, url: str, folder: Path) -> None:
    clean.goto(url)
    words = clean.get_by_label("Words", exact=True)
    words.fill("a wyvern in a red robe with a zeppelin")
    words.press("Enter")
    note = clean.locator("#heroes .note")
    expect(note).to_have_text("The model does not know \u201cwyvern\u201d, \u201czeppelin\u201d.", timeout=LONG)
    words.fill("An Orc-woman, in a red robe!")
    words.press("Enter")
    prompt = "an orc woman in a red robe"
    first = drawn(clean, "#heroes .large", "guidance 3, seed 0")
    one, other = pixels(first), twin(folder, "heroes-student", prompt, 0, 3.0)
    assert apart(one, other) <= 3  # four guided steps amplify rounding
    assert (np.abs(one.astype(int) - other) <= 1).mean() > 0.999
    expect(note).to_have_text("")


def test_the_walk_and_the_row_of_scales(clean: Page, url: str, folder: Path) -> None:
    clean.goto(url)
    clean.get_by_role("button", name="Walk").click()
    drawn(clean, "#steps .x0 canvas:last-child")
    above, below = ([pixels(each) for each in clean.locator(f"#steps .{row} canvas").all()] for row in ("x", "x0"))
    assert len(above) == len(below) == 5 and apart(above[-1], below[-1]) == 0
    assert apart(above[-1], twin(folder, "fashion-mnist-student-4", "sneaker", 0, 2.0)) <= 1
    assert apart(above[0], np.broadcast_to(to_pixels(Philox([0])(torch.empty(1, 1, 28, 28)))[0], (28, 28, 3))) <= 1
    clean.get_by_role("button", name="Draw the row").click()
    drawn(clean, "#scales .row canvas:last-child", "guidance 6")
    row = [pixels(each) for each in clean.locator("#scales .row canvas").all()]
    assert len(row) == 6 and all(apart(a, b) > 1 for a, b in itertools.pairwise(row))
    assert apart(row[0], row[-1]) > 10


def test_the_page_works_after_its_server_has_gone(page: Page, folder: Path) -> None:
    with served(folder) as url:
        page.goto(url)
        drawn(page, "#clothes .large")
        page.evaluate("navigator.serviceWorker.ready.then((r) => r.active.state)")
        expected = pixels(page.locator("#clothes .large"))
    with pytest.raises(OSError), socket.create_connection((urlsplit(url).hostname or "", urlsplit(url).port or 0), 1):
        pass
    page.reload()
    assert apart(pixels(drawn(page, "#clothes .large", "seed 0")), expected) == 0
    page.get_by_role("button", name="Draw", exact=True).click()  # the heroes were never loaded: it says so
    expect(page.locator("#heroes .note")).not_to_be_empty(timeout=LONG)


def test_it_is_small(folder: Path) -> None:
    """10 MB before the first picture, 30 MB in all, as a host serves it that compresses nothing."""
    about = json.loads((folder / "models.json").read_text())
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    large = {each["file"] for each in (about["runtime"], *about["models"].values())}
    assert set(sizes) == {*about["small"], *large} - {"./"}
    first = {*about["small"], about["runtime"]["file"], about["models"][MODELS[0]]["file"]} - {"./"}
    assert sum(sizes[name] for name in first) < 10e6 and sum(sizes.values()) < 30e6


def javascript(script: str) -> Any:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    command = [node, "--input-type=module", "-e", script]
    return json.loads(subprocess.run(command, cwd=SOURCES, capture_output=True, check=True, text=True).stdout)


@pytest.mark.parametrize(
    "prompt",
    [
        "An Orc-woman, in a RED robe.",
        "a girl with gray sandal",
        "the dwarf's axes",
        "",
        "a wyvern \U0001f409 in 3 robes",
    ],
)
def test_words_become_the_same_tokens(prompt: str) -> None:
    from pedesis_zoo.data.tokenizer import SPELLINGS

    text = zoo.load("heroes-student", "cpu").text
    assert text is not None
    known = json.dumps({"vocabulary": text.vocabulary, "length": text.length, "spellings": SPELLINGS})
    script = f"""import {{ tokens }} from "./words.js";
        let said; try {{ said = tokens({json.dumps(prompt)}, {known}); }} catch (error) {{ said = error.message; }}
        console.log(JSON.stringify(said));"""
    tokens, words = javascript(script), Vocabulary(text.vocabulary)
    if unknown := words.encode(prompt).unknown:
        assert re.findall("\u201c(.*?)\u201d", tokens) == list(unknown)
    else:
        assert tokens == words.tokens([prompt], text.length)[0].tolist()


@pytest.mark.parametrize("t", [0.1, 0.5, 1.0])
def test_the_toy_draws_the_law_of_x_t(t: float) -> None:
    """Mass 1, mean alpha E[x_0], variance alpha^2 Var[x_0] + sigma^2."""
    law = javascript(f'import {{ densities }} from "./kernel.js"; console.log(JSON.stringify(densities({t})));')
    x, total = np.array(law["x"]), np.array(law["total"])
    values, shares = np.array([-1.5, -0.4, 1.1]), np.array([0.3, 0.2, 0.5])
    alpha, sigma = np.cos(np.pi * t / 2), np.sin(np.pi * t / 2)
    mean = shares @ values
    found = np.trapezoid(total, x), np.trapezoid(total * x, x), np.trapezoid(total * (x - alpha * mean) ** 2, x)
    spread = alpha**2 * (shares @ (values - mean) ** 2) + sigma**2
    np.testing.assert_allclose(found, (1, alpha * mean, spread), atol=0.02)


def test_what_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        write_page(tmp_path)
    with pytest.raises(ValueError, match="is a file; name a folder"):
        write_page(tmp_path / "kept.txt")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="needs npm once"):
        write_page(tmp_path / "page")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
