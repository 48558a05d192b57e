"""The API as programs meet it: everything can be left out, everything wrong is a sentence, nothing is a traceback."""

import http.client
import json
import math
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from gradio_client import Client

import pedesis_zoo as zoo

from .conftest import ROOT

DEMO = ROOT / "apps" / "gradio_demo"
NAMES = {
    "generate": 17,
    "live": 5,
    "compare": 13,
    "draw_picture": 9,
    "inpaint": 13,
    "image_to_image": 12,
    "super_resolution": 12,
    "interpolate": 12,
    "card": 1,
}
WRONG: list[Any] = [
    [], {}, [[]], {"a": {}}, True, -1, 10**30, 1e300, math.nan, math.inf, "", "x", "x" * 20_000, "<img src=x>", "\x00",
    {"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, {"path": None}, 0.5,
]  # fmt: skip


def call(url: str, endpoint: str, data: list[Any]) -> str:
    """What the server says to a raw request."""
    body, kind = json.dumps({"data": data}).encode(), {"content-type": "application/json"}
    request = urllib.request.Request(f"{url}gradio_api/call/{endpoint}", body, kind)
    with urllib.request.urlopen(request, timeout=60) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{url}gradio_api/call/{endpoint}/{event}", timeout=120) as reply:
        return str(reply.read().decode())


@pytest.mark.parametrize("endpoint", NAMES)
def test_wrong_values_are_sentences(demo_url: str, demo_log: Path, endpoint: str) -> None:
    """Every wrong value at three places of every endpoint: a sentence, or a result where the value is harmless."""
    places = {0, 1, NAMES[endpoint] - 1} & set(range(NAMES[endpoint]))
    for place in places:
        for wrong in WRONG if place == 0 else WRONG[:6]:
            data: list[Any] = ["digits", *[None] * (NAMES[endpoint] - 1)]
            if endpoint == "generate":
                data[6], data[9] = 1, 1  # pictures, steps
            data[place] = wrong
            said = call(demo_url, endpoint, data)
            assert '"error": null' not in said and "went wrong here" not in said, (place, wrong)
            assert place or "event: error" in said, wrong
    assert "Traceback" not in demo_log.read_text() and "xxxxxxxx" not in demo_log.read_text()


@pytest.mark.parametrize("endpoint", ["generate", "live", "compare", "draw_picture", "interpolate", "card"])
def test_everything_can_be_left_out(demo_url: str, endpoint: str) -> None:
    assert "event: complete" in call(demo_url, endpoint, ["digits"])


def test_what_is_left_out_is_as_the_model_has_it(demo_url: str) -> None:
    usual = zoo.recipe("digits").generation
    assert f"steps={usual.steps},\\n    grid='{usual.grid}',\\n    sampler='{usual.sampler}'" in call(
        demo_url, "generate", ["digits"]
    )


def test_an_edit_without_a_picture_says_so(demo_url: str) -> None:
    assert "there is no picture yet" in call(demo_url, "image_to_image", ["digits"])


def test_too_many_values_are_told(demo_url: str) -> None:
    assert "/live takes 5 values; got 6" in call(demo_url, "live", ["digits", *[None] * 5])


def test_a_word_is_not_true(demo_url: str) -> None:
    assert "randomize: true or false" in call(demo_url, "generate", ["digits", None, None, None, 1, "false"])


@pytest.mark.parametrize("by", ["guidance", "guidance scales"])
def test_both_names_of_a_comparison_are_known(demo_url: str, by: str) -> None:
    assert "2 columns" in call(demo_url, "compare", ["digits", "3", "", 1.0, 5, 1, "ddim", 1, "uniform", by, "0\n2"])


def test_endpoints_say_their_ranges_and_defaults(demo_url: str) -> None:
    named = Client(demo_url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, endpoint in named.items():
        assert all(p["parameter_has_default"] for p in endpoint["parameters"]), name
    said = {p["parameter_name"]: p["python_type"]["description"] for p in named["/generate"]["parameters"]}
    assert said["number"] == "at least 1; at most 16" and said["steps"].startswith("at least 1; at most 200")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/gradio_api/run/unknown", {"data": []}),
        ("POST", "/gradio_api/api/unknown", {"data": []}),
        ("POST", "/gradio_api/call/unknown", {"data": []}),
        ("POST", "/gradio_api/call/v2/unknown", {"data": []}),
        ("POST", "/gradio_api/queue/join", {"data": [], "fn_index": 9999, "session_hash": "a"}),
        ("POST", "/gradio_api/queue/join", {"data": [], "fn_index": -1, "session_hash": "a"}),
        ("GET", "/?page=unknown", None),
        ("GET", "/gradio_api/custom_component/a/client/b/c.js", None),
    ],
)
def test_unknown_names_are_not_found(demo_url: str, demo_log: Path, method: str, path: str, body: Any) -> None:
    connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=20)
    connection.request(method, path, body and json.dumps(body), {"content-type": "application/json"})
    assert connection.getresponse().status == 404
    connection.close()
    assert "Traceback" not in demo_log.read_text()


def test_streams_of_unknown_events_end_quietly(demo_url: str, demo_log: Path) -> None:
    for path in ("call/generate/unknown", "queue/data?session_hash=unknown"):
        connection = http.client.HTTPConnection(urlsplit(demo_url).netloc, timeout=20)
        connection.request("GET", f"/gradio_api/{path}")
        connection.getresponse().read()
        connection.close()
    assert "Traceback" not in demo_log.read_text()
