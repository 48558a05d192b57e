"""Servers and a browser for the tests of the apps."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.processes import free_port
from tests.servers import CHROMIUM, FLAGS, explorer, serve

from .demo_page import FIRST, settle

ROOT = Path(__file__).parents[2]
SCREENS = [(390, "dark"), pytest.param(1280, "light", marks=pytest.mark.soak)]
"""Width and color scheme of the browser: what every page is tried with."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, with nothing running in its background."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt-get install chromium-headless-shell, or set CHROMIUM)")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def demo_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weight files: a stand-in for a student, a model without classes, and one of words."""
    from pedesis.denoiser import NetworkDenoiser
    from pedesis.nn import UNet
    from pedesis.process import Process
    from pedesis.utils.noise import gaussian_noise
    from pedesis_zoo import recipe
    from pedesis_zoo.models.registry import MODELS
    from pedesis_zoo.models.weights import load_weights, save_weights

    folder = tmp_path_factory.mktemp("models")
    digits, about = load_weights(MODELS / "digits" / "weights.safetensors")
    usual = asdict(replace(recipe("digits").generation, steps=2, sampler="ddim"))
    known = {"kind": "image", "data": about["data"], "generation": usual, "training": {}}
    save_weights(folder / "digits-student.safetensors", digits, known)
    text = {"vocabulary": ["a", "red", "hat"], "length": 6, "width": 16, "layers": 1, "heads": 2}
    for name, more in {"plain": {}, "words": {"text": text}}.items():
        network = UNet(patch=1, channels=3, widths=(16, 16), blocks=(1, 1), heads=2, detail=8, **more)
        for weights in network.parameters():
            weights.data = gaussian_noise(0)(weights) / 8
        data = {"name": name, "shape": [3, 8, 8], "classes": [], "license": "none"}
        save_weights(
            folder / f"{name}.safetensors", NetworkDenoiser(network, Process("cosine")), {**known, "data": data}
        )
    return folder


@pytest.fixture(scope="session")
def demo_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the generation demo prints."""
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="session")
def demo_url(demo_models: Path, demo_log: Path) -> Iterator[str]:
    """The generation demo, running."""
    port = free_port()
    command = [sys.executable, "app.py", "--port", str(port), "--models", str(demo_models)]
    proxies = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}  # where nobody answers
    with serve(command, f"http://127.0.0.1:{port}/", ROOT / "apps" / "gradio_demo", log=demo_log, **proxies) as url:
        yield url


CUT_OFF = ("AbortError: signal is aborted", "Connection errored out")
"""What the console says of requests that a page left behind."""


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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what the demo writes."""
    import disk

    monkeypatch.setattr(disk, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def own(demo_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weight files of the test, known to the demo."""
    import models

    monkeypatch.setattr(models, "own_models", {path.name: path for path in demo_models.glob("*.safetensors")})
    models.load.let_go()


@pytest.fixture
def three(tmp_path: Path) -> str:
    """A picture to edit."""
    import pedesis_zoo as zoo
    from pedesis.utils.images import save_png

    save_png(zoo.sample("digits", "3", [1])[0], tmp_path / "three.png")
    return str(tmp_path / "three.png")


@pytest.fixture
def evaluations() -> Iterator[list[int]]:
    """Counts how often the digits' network is asked."""
    import models

    count: list[int] = []
    hook = models.load("digits").denoiser.network.register_forward_hook(lambda *_: count.append(1))
    yield count
    hook.remove()


@pytest.fixture(scope="session")
def explorer_url() -> Iterator[str]:
    """The explorer, running."""
    with explorer() as url:
        yield url


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module of the explorer's `figures`."""
    monkeypatch.syspath_prepend(str(ROOT / "apps/streamlit_explorer"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "figures"]:
        sys.modules.pop(name)
    return lambda name: importlib.import_module(f"figures.{name}")
