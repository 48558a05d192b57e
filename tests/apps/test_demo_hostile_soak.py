"""A hostile visit, by `make soak`: wrong values for every endpoint from many clients at once, and what they leave."""

import itertools
import math
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.processes import free_port
from tests.servers import serve

from .conftest import ROOT
from .test_demo_api import NAMES, call
from .test_demo_hostile import Listener, hostile

pytestmark = pytest.mark.soak
CLIENTS, GROWN = 12, 100  # MB
NEST: Any = []
for _ in range(200):
    NEST = [NEST]
WRONG: list[Any] = [
    [], {}, [[]], {"a": {}}, NEST, True, False, -1, 10**30, -(10**30), 1e300, math.nan, math.inf, -math.inf, 0.5, 1.5,
    "", " ", "x", "x" * 20_000, "\x00", "\ud7ff", "<img src=x>", "../../etc/passwd", "1; drop table", "٣", "NaN", "1e9",
    {"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, {"path": None},
    {"url": "http://127.0.0.1:1/"}, {"__type__": "update", "value": 1}, ["digits"] * 1000,
]  # fmt: skip
QUICK = {"number": 1, "steps": 1, "values": "0\n1", "repeats": 1}


@pytest.fixture(scope="module")
def other() -> Iterator[Listener]:
    """What is asked of another host, by the page's server too: it stands where a proxy would."""
    listener = Listener()
    yield listener
    listener.server.shutdown()


def test_a_hostile_visit_leaves_nothing_behind(
    demo_models: Path, other: Listener, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    port, pids, log = free_port(), [], tmp_path / "log"  # type: ignore[var-annotated]
    command = [sys.executable, "app.py", "--port", str(port), "--models", str(demo_models)]
    proxies = {f"{kind}_proxy": other.url for kind in ("http", "https", "all")}
    wrong = [*WRONG, hostile(other.url), {"url": f"{other.url}/a.png"}, {"path": f"{other.url}/a.png"}]
    assert len(wrong) > 30
    url = f"http://127.0.0.1:{port}/"
    with serve(command, url, ROOT / "apps" / "gradio_demo", pids=pids, log=log, TMPDIR=str(tmp_path), **proxies):
        places = parameters(url)
        assert {name: len(each) for name, each in places.items() if name in NAMES} == NAMES

        def ask(job: tuple[tuple[int, Any], str]) -> str:
            (i, value), name = job
            data: list[Any] = [QUICK.get(each) for each in places[name]]
            data[0] = "digits"
            data[i % len(data)] = value
            return call(url, name, data)

        jobs = list(itertools.product(enumerate(wrong), NAMES))
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask, jobs[: len(jobs) // 4]))
            warm = resident(pids[0])
            answers = list(clients.map(ask, jobs))
        grown = resident(pids[0]) - warm
    words = log.read_text()
    sentences = sum("event: error" in answer for answer in answers)
    record_property("requests", len(answers))
    print(f"{len(answers)} requests, {sentences} sentences, {grown:.0f} MB more, {len(words)} letters in the log")
    bad = [(job[1], str(job[0])[:80]) for job, said in zip(jobs, answers, strict=True) if unhelpful(said)]
    assert not bad
    assert "Traceback" not in words and "error:" not in words and len(words) < 20_000
    assert other.asked == []
    assert grown < GROWN


def parameters(url: str) -> dict[str, list[str]]:
    """The names of the parameters of every endpoint."""
    from gradio_client import Client

    named = Client(url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    return {name.strip("/"): [p["parameter_name"] for p in each["parameters"]] for name, each in named.items()}


def unhelpful(answer: str) -> bool:
    """Whether an answer is neither a result nor a sentence."""
    return '"error": null' in answer or "went wrong here" in answer or not answer


def resident(pid: int) -> float:
    """The memory of a process, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
