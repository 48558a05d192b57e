"""The demo's server: its API, its guard, and how it starts."""

import http.client
import json
import math
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import pedesis_zoo as zoo
from pedesis.utils.images import resize_nearest, save_png

from .demo_calls import ASKED, EVERYWHERE

DEMO = Path(__file__).parents[2] / "apps" / "gradio_demo"
COMMON = {**ASKED, "label": "7"}
ENDPOINTS = {"generate", "live", "compare", "draw_picture", "card"} | {
    "inpaint",
    "image_to_image",
    "super_resolution",
    "interpolate",
}


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


# -- how it starts ---------------------------------------------------------------------------------------------


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
