"""Long checks of the running demo, by `make soak`: memory, many visitors, visitors who leave."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Page, expect
from tests.processes import free_port
from tests.servers import serve

import pedesis_zoo as zoo
from pedesis.utils.images import resize_nearest, save_png

from .conftest import ROOT
from .demo_calls import ASKED, EVERYWHERE
from .demo_page import choose_model, number, open_advanced

pytestmark = pytest.mark.soak
COMMON = {**ASKED, "label": "7", "steps": 3}
WARM, LAST, VISITORS = 100, 500, 20


@dataclass(frozen=True)
class Server:
    """A running demo: where it is, its process, and the only folder that it may write to."""

    url: str
    pid: int
    folder: Path

    def resident(self) -> float:
        """Its memory, in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def busy(self) -> float:
        """The processor time that it has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def server(demo_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not Path("/proc/self/status").is_file():
        pytest.skip("memory is read from /proc")
    folder, port, pids = tmp_path_factory.mktemp("tmp"), free_port(), []  # type: ignore[var-annotated]
    command = [sys.executable, "app.py", "--port", str(port), "--models", str(demo_models)]
    url = f"http://127.0.0.1:{port}/"
    with serve(command, url, ROOT / "apps" / "gradio_demo", pids=pids, TMPDIR=str(folder)):
        yield Server(url, pids[0], folder)


def test_memory_stays_where_it_is(server: Server, tmp_path: Path) -> None:
    client = Client(server.url, verbose=False, download_files=False)
    save_png(zoo.sample("digits", "3", [1])[0], tmp_path / "three.png")
    at_warm = 0.0
    for i in range(1, LAST + 1):
        asked = {**COMMON, "seed": i}
        edit = {**asked, "eta": 0.0, "picture": handle_file(str(tmp_path / "three.png"))}
        kind = i % 5
        if kind == 0:
            client.predict(**asked, by="guidance scales", values="0\n2", api_name="/compare")
        elif kind == 1:
            client.predict(**edit, strength=0.5, api_name="/image_to_image")
        elif kind == 2:
            client.predict(**edit, hole="01" * 32, repeats=2, api_name="/inpaint")
        else:
            client.predict(**asked, api_name="/generate")
        if i == WARM:
            at_warm = server.resident()
    grown = server.resident() - at_warm
    assert grown < 20, f"{grown:.1f} MB more after request {LAST} than after request {WARM}"
    own = server.folder / f"pedesis-demo-{os.getuid()}"
    elsewhere = [path for path in server.folder.rglob("*") if path.is_file() and not path.is_relative_to(own)]
    assert not elsewhere, "nothing is written beside the demo's own folder"
    assert sum(path.stat().st_size for path in own.rglob("*") if path.is_file()) < 200_000_000


def test_many_visitors_at_once_get_their_own_pictures(server: Server, tmp_path: Path) -> None:
    results: dict[int, str] = {}

    def visit(seed: int) -> None:
        visitor = Client(server.url, verbose=False, download_files=str(tmp_path / str(seed)))
        asked = {**COMMON, **EVERYWHERE, "seed": 100 * seed, "steps": 10}
        results[seed] = visitor.predict(**asked, api_name="/generate")[0][0]["image"]

    threads = [threading.Thread(target=visit, args=[seed]) for seed in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(VISITORS))
    for seed, path in results.items():
        alone = zoo.sample("digits", "7", [100 * seed], guidance=2.0, sampler="ddim", steps=10)[0]
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), resize_nearest(alone, 64)[..., 0])


def test_a_closed_tab_stops_the_computation(server: Server, page: Page) -> None:
    long = {**COMMON, "model": "fashion-mnist", "label": "bag", "steps": 200, "number": 16}
    before = server.busy()
    Client(server.url, verbose=False, download_files=False).predict(**long, api_name="/generate")
    whole = server.busy() - before

    page.goto(server.url)
    expect(page.locator(".pictures .grid-container img").first).to_be_visible(timeout=60_000)
    choose_model(page, "fashion-mnist")
    open_advanced(page, "fashion-mnist")
    number(page, "Steps", "200")
    number(page, "Number of images", "16")
    before = server.busy()
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_text("of 200")).to_be_visible(timeout=60_000)
    page.close()
    Client(server.url, verbose=False, download_files=False).predict(**COMMON, api_name="/generate")  # waits its turn
    assert server.busy() - before < whole / 2
